"""docs/compatibility.md: the suites as a table, and each test that differs with its reason."""

from dataclasses import dataclass

WHAT = {
    "tcl-1-shard": "Redis 7.0.15's own tests, on a running server in cluster mode (one node of 1 shard)",
    "tcl-4-shards": "the same on a node of 4 shards",
    "redis-py-resp2": "redis-py 8.1.0, RedisCluster, RESP2 (3 nodes of 2 shards)",
    "redis-py-resp3": "the same with RESP3",
    "phpredis": "phpredis 5.3.7, RedisCluster",
    "limits": "limits 5.8.0, rate limiters over redis-py and coredis",
    "bullmq": "BullMQ 6.7.0 at work (our program, `tests/clients/bullmq.mjs`)",
    "redis-tools": "redis-cli `--cluster`, redis-benchmark `--cluster`",
}

INTRODUCTION = """\
# Compatibility

Suites that others wrote, unchanged, against Atoll and against redis-server {version} (Debian's).
`tests/clients/suites` runs them all and writes this file; `--quick` is run for each change. What
is listed here as differing is everything that passes with Redis and does not pass with Atoll; the
reasons stand in `tests/clients/known-differences.txt`, and a difference without one fails the run.
Atoll follows Redis 7.2 where it and 7.0 differ; so a test may be right to fail. Redis's own tests do not
compare encodings here (`--ignore-encoding`), since 7.2 has others than 7.0; what fails or is skipped on
both sides is only counted.

passed / failed / skipped:

| suite | | Redis | Atoll | differ | fail with Redis alone |
|---|---|---|---|---|---|
"""


@dataclass
class Difference:
    """A test that answers otherwise than with Redis. `reason` is None when it is not listed."""

    name: str
    there: str
    here: str
    reason: str | None


def render(version, rows):
    """The whole file."""
    text = INTRODUCTION.format(version=version)
    for suite, there, here, differences, better in rows:
        text += (
            f"| {suite} | {WHAT[suite]} | {slashes(there)} | {slashes(here)} "
            f"| {len(differences)} | {len(better)} |\n"
        )
    for suite, _, _, differences, better in rows:
        if differences or better:
            text += f"\n## {suite}\n"
        text += by_reason(differences)
        if better:
            text += "\nFails with Redis and passes with Atoll.\n\n"
            text += "".join(f"- `{name}`\n" for name in better)
    return text


def slashes(counts):
    return " / ".join(map(str, counts))


def by_reason(differences):
    reasons = {}
    for difference in differences:
        reasons.setdefault(difference.reason or "Not explained.", []).append(difference)
    text = ""
    for reason, found in reasons.items():
        text += f"\n{reason[0].upper()}{reason[1:].rstrip('.')}.\n\n"
        for difference in found:
            skipped = " (skipped)" if difference.here == "skip" else ""
            text += f"- `{difference.name}`{skipped}\n"
    return text
