#!/usr/bin/env python3
"""Results of the suites: kept, compared with a real Redis's, and shown.

usage: results.py parse SUITE LOG FILE     what a suite printed, as a file of results
       results.py skipped SUITE            the tests that are not to be started, by name
       results.py redis|atoll OPTIONS SUITE...   see ../suites, which calls it
"""

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path

import known
import parse
from report import Difference, render

DOCUMENT = known.HERE.parents[2] / "docs" / "compatibility.md"


def parse_log(suite, log, file):
    found = list(parse.results(suite, log))
    if not found:
        raise SystemExit(f"{suite}: no test ran")
    Path(file).write_text("".join(f"{s}\t{group}\t{name}\n" for s, group, name in found))


def read(folder, suite):
    file = Path(folder) / suite
    if not file.exists():
        return []
    return [tuple(line.split("\t")) for line in file.read_text().splitlines()]


def skipped(suite):
    """Names without their group, as the Tcl suite knows them."""
    for entry in known.entries():
        if entry.covers(suite):
            for pattern in entry.skipped:
                print(pattern.partition(": ")[2])


def redis(options):
    version, suites = known.record()
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True).stdout
    now = said.split("v=")[1].split()[0]
    if options.write or now != version:
        suites = {}
    for suite in options.suites:
        if found := read(options.results, suite):
            recorded = suites[known.record_name(suite)] = known.recorded(found)
            print(f"{suite}: {' / '.join(map(str, recorded.counts()))} passed, failed, skipped")
    known.write_record(now, suites)
    return options.broken


def compare(suite, found, recorded, entries, options):
    """Where a suite's results are others than Redis's, and how many tests are missing."""
    groups = options.tcl_groups if suite.startswith("tcl") else []
    differences = []
    for status, group, name in found:
        name = known.full_name(group, name)
        there = recorded.status(name)
        if status == "pass" or status == there or (status == "skip" and there == "fail"):
            continue
        reason = next((e.reason for e in entries if e.matches(suite, name)), None)
        differences.append(Difference(name, there, status, reason))
    here = Counter(group for _, group, _ in found)
    missing = {
        group: (count, here[group])
        for group, count in recorded.totals.items()
        if (not groups or group in groups) and here[group] < count
    }
    return differences, missing


def better(found, recorded):
    """Tests that fail with Redis and pass here."""
    names = (known.full_name(group, name) for status, group, name in found if status == "pass")
    return [name for name in names if recorded.status(name) == "fail"]


def atoll(options):
    version, record = known.record()
    entries = known.entries()
    rows, failures, passed, listed, skipped = [], options.broken, 0, 0, 0
    for suite in options.suites:
        found, recorded = read(options.results, suite), record.get(known.record_name(suite))
        if not found or recorded is None:
            print(f"FAIL {suite}: {'not recorded' if found else 'no results'}")
            failures += 1 if found else 0
            continue
        differences, missing = compare(suite, found, recorded, entries, options)
        here = known.recorded(found)
        rows.append((suite, recorded.counts(), here.counts(), differences, better(found, recorded)))
        for difference in differences:
            if difference.reason is None:
                print(f"FAIL {suite}: {difference.name} ({difference.here}, with Redis: "
                      f"{difference.there})")
        for group, (there, ran) in missing.items():
            print(f"FAIL {suite}: {group} has {there} tests, {ran} ran")
        unlisted = sum(difference.reason is None for difference in differences)
        counts = here.counts()
        print(f"{suite}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped; "
              f"{len(differences)} differ from Redis, {unlisted} of them not listed")
        failures += unlisted + len(missing)
        listed += len(differences) - unlisted
        passed += counts[0]
        skipped += counts[2]
    if options.write:
        report_unused(entries)
        if len(rows) == len(options.suites):
            DOCUMENT.write_text(render(version, rows))
            print(f"written: {DOCUMENT.relative_to(known.HERE.parents[2])}")
    print(f"{listed} differences are listed with their reasons in {known.KNOWN.name}")
    print(f"{passed} passed, {failures} failed, {skipped} skipped")
    return failures


def report_unused(entries):
    for entry in entries:
        for pattern in entry.patterns:
            if pattern not in entry.used:
                print(f"unused: {known.KNOWN.name}: [{entry.suite}] {pattern}")


def main():
    if sys.argv[1:2] == ["parse"]:
        return parse_log(*sys.argv[2:5])
    if sys.argv[1:2] == ["skipped"]:
        return skipped(sys.argv[2])
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=("redis", "atoll"))
    parser.add_argument("--results", required=True)
    parser.add_argument("--broken", type=int, default=0)
    parser.add_argument("--tcl-groups", type=lambda text: text.split(), default=[])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("suites", nargs="+")
    options = parser.parse_args()
    return min(1, {"redis": redis, "atoll": atoll}[options.peer](options))


if __name__ == "__main__":
    sys.exit(main())
