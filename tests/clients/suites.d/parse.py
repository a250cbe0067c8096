"""What a suite has printed, turned into results: one for each test.

A result is a status (`pass`, `fail`, `skip`), a group (a unit of the Tcl suite, a file of Python's
tests, or nothing) and a name. Names that a suite uses more than once are numbered.
"""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TCL_TEST = re.compile(r"^\[(ok|err|exception|ignore|skip)\]: (.*)$")
TCL_UNIT_DONE = re.compile(r"^\[\d+/\d+ done\]: (\S+)")
PHP_TEST = re.compile(r"^(test\w+) ")
CHECK = re.compile(r"^(ok  |FAIL) (.*)$")


def tcl(text):
    """The Tcl suite says which unit it was when a unit is done."""
    unit = []
    for line in COLOUR.sub("", text).splitlines():
        if done := TCL_UNIT_DONE.match(line):
            yield from ((status, done[1], name) for status, name in unit)
            unit = []
        elif found := TCL_TEST.match(line):
            unit.append(tcl_test(*found.groups()))
    # Only when it broke off in the middle of a unit.
    yield from ((status, "unit/broken-off", name) for status, name in unit)


def tcl_test(word, said):
    if word == "ok":
        return "pass", re.sub(r" \(\d+ ms\)$", "", said)
    if word == "ignore":
        return "skip", re.sub(r": (Tag: |Not supported|large memory).*$", "", said)
    if word == "skip":
        return "skip", said
    # What fails outside of a test is named by its error.
    return "fail", re.sub(r" in tests/\S+\.tcl$| \(context: .*$", "", said)


def junit(file):
    """The XML that pytest writes."""
    for case in ElementTree.parse(file).iter("testcase"):
        parts = case.get("classname").removeprefix("tests.").split(".")
        # A class begins with a capital, the folders and the file before it do not.
        classes = [part for part in parts if part[:1].isupper()]
        group = "/".join(part for part in parts if part not in classes)
        status = "pass"
        if case.find("skipped") is not None:
            status = "skip"
        if case.find("failure") is not None or case.find("error") is not None:
            status = "fail"
        yield status, group, ".".join([*classes, case.get("name")])


def phpredis(text):
    """A test's name, whatever PHP itself has to say, and how it went."""
    name = None
    for line in text.splitlines():
        if found := PHP_TEST.match(line):
            name = found[1]
        if name and (found := re.search(r"\[(PASSED|FAILED|SKIPPED)\]\s*$", line)):
            yield {"PASSED": "pass", "FAILED": "fail", "SKIPPED": "skip"}[found[1]], "", name
            name = None
    if name:
        yield "fail", "", name


def checks(text):
    """What our own programs print."""
    for line in text.splitlines():
        if found := CHECK.match(line):
            yield ("pass" if found[1] == "ok  " else "fail"), "", found[2]


def results(suite, log):
    """All results of a suite, in its order."""
    if suite.startswith("tcl"):
        found = tcl(Path(log).read_text(errors="replace"))
    elif suite == "phpredis":
        found = phpredis(Path(log).read_text(errors="replace"))
    elif suite in ("bullmq", "redis-tools"):
        found = checks(Path(log).read_text(errors="replace"))
    else:
        found = junit(f"{log}.xml")
    seen = Counter()
    for status, group, name in found:
        name = " ".join(name.split())
        seen[group, name] += 1
        times = seen[group, name]
        yield status, group, name if times == 1 else f"{name} #{times}"
