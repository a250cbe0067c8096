"""The list of known differences, and the record of what a real Redis answers."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
KNOWN = HERE.parent / "known-differences.txt"
RECORD = HERE / "redis.txt"


@dataclass
class Entry:
    """Tests that differ, for one reason."""

    suite: str
    patterns: list = field(default_factory=list)
    skipped: list = field(default_factory=list)
    reason: str = ""
    used: set = field(default_factory=set)

    def covers(self, suite):
        return suite == self.suite or suite.startswith(f"{self.suite}-")

    def matches(self, suite, name):
        if not self.covers(suite):
            return False
        found = [pattern for pattern in self.patterns if matches(pattern, name)]
        self.used.update(found)
        return bool(found)


def matches(pattern, name):
    """Whether a pattern, in which only * is special, is a name, with or without its number."""
    expression = ".*".join(map(re.escape, pattern.split("*")))
    return bool(re.fullmatch(rf"{expression}( #\d+)?", name, re.DOTALL))


def entries():
    """The list. Patterns stand at the margin, their reason below them, indented."""
    found, suite, entry = [], None, None
    for number, line in enumerate(KNOWN.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if section := re.fullmatch(r"\[(\S+)\]", line):
            suite, entry = section[1], None
        elif line.startswith("  "):
            if entry is None:
                raise SystemExit(f"{KNOWN.name}:{number}: a reason without a test")
            entry.reason = f"{entry.reason} {line.strip()}".strip()
        else:
            if entry is None or entry.reason:
                entry = Entry(suite)
                found.append(entry)
            pattern = line.removeprefix("skip ").strip()
            entry.patterns.append(pattern)
            if line.startswith("skip "):
                entry.skipped.append(pattern)
    for entry in found:
        if not entry.reason or not entry.suite:
            raise SystemExit(f"{KNOWN.name}: no reason, or no suite: {entry.patterns}")
    return found


@dataclass
class Recorded:
    """What Redis answered one suite: how many tests of each group it ran, and what did not pass."""

    totals: dict = field(default_factory=dict)
    statuses: dict = field(default_factory=dict)

    def status(self, name):
        return self.statuses.get(name, "pass")

    def counts(self):
        bad = Counter(self.statuses.values())
        return sum(self.totals.values()) - bad["fail"], bad["fail"], bad["skip"]


def record_name(suite):
    """The Tcl suite runs on one and on several shards, which Redis does not have."""
    return "tcl" if suite.startswith("tcl") else suite


def full_name(group, name):
    return f"{group}: {name}" if group else name


def record():
    """The version of the server, and what it answered, by suite."""
    version, found, suite = "", defaultdict(Recorded), None
    if not RECORD.exists():
        return version, found
    for line in RECORD.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "version":
            version = rest
        elif word == "==":
            suite = rest
        elif word == "tests":
            count, _, group = rest.partition(" ")
            found[suite].totals[group] = int(count)
        elif word in ("fail", "skip"):
            found[suite].statuses[rest] = word
    return version, found


def write_record(version, suites):
    """Writes it, in the order of the suites' names."""
    lines = [
        "# What a real Redis answers the suites: how many tests it runs, and which do not pass.",
        "# Written by tests/clients/suites --peer redis.",
        f"version {version}",
    ]
    for suite, recorded in sorted(suites.items()):
        lines.append(f"== {suite}")
        lines += [f"tests {count} {group}".rstrip() for group, count in recorded.totals.items()]
        lines += [f"{status} {name}" for name, status in sorted(recorded.statuses.items())]
    RECORD.write_text("\n".join(lines) + "\n")


def recorded(results):
    """Results as they are recorded."""
    totals = Counter(group for status, group, _ in results if status != "skip")
    bad = {full_name(group, name): status for status, group, name in results if status != "pass"}
    return Recorded(dict(totals), bad)
