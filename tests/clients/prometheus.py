"""Prometheus's own parser against the metrics of a running server.

usage: prometheus.py HOST PORT MASTERS
The metrics are on PORT + 1. ATOLL_TEST_PEER=redis skips everything: Redis has none.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from redis.exceptions import ResponseError


class Checks:
    """Counts checks and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = 0

    def true(self, name, holds, got=""):
        if holds:
            self.passed += 1
            print(f"ok   {name}")
        else:
            self.failed += 1
            print(f"FAIL {name} {got!r}")


def scrape(address):
    with urlopen(f"http://{address}/metrics", timeout=10) as response:
        kind = response.headers["content-type"]
        text = response.read().decode()
    return kind, list(text_string_to_metric_families(text))


def total(families, name, **labels):
    """The sum of the samples of this name with these labels."""
    samples = (sample for family in families for sample in family.samples)
    return sum(
        sample.value
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def check_families(check, families):
    # What the parser cannot place it makes a metric of unknown type without a description.
    strays = [family.name for family in families if family.type in ("unknown", "untyped")]
    check.true("every sample belongs to a typed metric", not strays, strays)
    bare = [family.name for family in families if not family.documentation]
    check.true("every metric is described", not bare, bare)
    names = [family.name for family in families]
    check.true("every metric occurs once", len(names) == len(set(names)), names)
    series = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    ]
    check.true("every series occurs once", len(series) == len(set(series)))
    types = {family.type for family in families}
    check.true("there are all types", types == {"counter", "gauge", "histogram", "summary"}, types)
    for family in families:
        if family.type == "histogram":
            check_histogram(check, family)


def check_histogram(check, family):
    buckets = {}
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            labels = tuple(sorted(item for item in sample.labels.items() if item[0] != "le"))
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
    ordered = all(
        found == sorted(found) and [count for _, count in found] == sorted(count for _, count in found)
        for found in buckets.values()
    )
    check.true(f"{family.name} is cumulative", buckets and ordered, buckets)
    counts = {
        tuple(sorted(sample.labels.items())): sample.value
        for sample in family.samples
        if sample.name.endswith("_count")
    }
    last = {labels: found[-1] for labels, found in buckets.items()}
    ends = all(bound == float("inf") and counts[labels] == count for labels, (bound, count) in last.items())
    check.true(f"{family.name} ends with all", ends and len(last) == len(counts), last)


def main():
    host, port, _ = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if os.environ.get("ATOLL_TEST_PEER") == "redis":
        print("0 passed, 0 failed, 1 skipped")
        return 0
    check, address = Checks(), f"{host}:{port + 1}"
    client = Redis(host=host, port=port)
    _, before = scrape(address)
    for number in range(100):
        client.set(f"metrics{number}", number)
    try:
        client.eval("redis.call('SET', KEYS[1], 1) error('no')", 1, "metrics")
    except ResponseError:
        pass
    kind, families = scrape(address)
    check.true("the content type is that of the text format", kind.startswith("text/plain; version=0.0.4"), kind)
    check_families(check, families)
    strings = {"family": "string", "source": "client"}
    sent = total(families, "atoll_commands_total", **strings) - total(before, "atoll_commands_total", **strings)
    check.true("commands are counted", sent == 100, sent)
    rolled_back = total(families, "atoll_script_rolled_back_total", reason="error")
    check.true("scripts that are rolled back are counted", rolled_back >= 1, rolled_back)
    with ThreadPoolExecutor(8) as pool:
        several = list(pool.map(lambda _: scrape(address)[1], range(32)))
    names = {tuple(family.name for family in families) for families in several}
    check.true("many scrapes at once see the same metrics", len(names) == 1, len(names))
    client.close()
    print(f"{check.passed} passed, {check.failed} failed")
    return int(check.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
