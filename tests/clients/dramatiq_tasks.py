"""dramatiq's Redis broker, results and rate limiters against a running server.

usage: dramatiq_tasks.py HOST PORT MASTERS
dramatiq talks to one server, not to a cluster; a namespace with a hash tag keeps its keys together.
"""

import sys
import threading
import time
import uuid

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import RateLimitExceeded
from dramatiq.rate_limits import (
    Barrier,
    BucketRateLimiter,
    ConcurrentRateLimiter,
    WindowRateLimiter,
)
from dramatiq.rate_limits.backends import RedisBackend
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend as RedisResults

from redis_py import Checks

RUN = uuid.uuid4().hex[:8]
HOST, PORT = sys.argv[1], int(sys.argv[2])


def make_broker():
    results = RedisResults(host=HOST, port=PORT, namespace=f"{{results-{RUN}}}")
    broker = RedisBroker(
        host=HOST, port=PORT, namespace=f"{{tasks-{RUN}}}", heartbeat_timeout=2000,
        maintenance_chance=100000,
    )
    broker.add_middleware(Results(backend=results, store_results=True))
    dramatiq.set_broker(broker)
    return broker


def tasks(check, broker):
    lock, seen, tries = threading.Lock(), [], {}

    @dramatiq.actor
    def double(number):
        with lock:
            seen.append(number)
        return 2 * number

    @dramatiq.actor(max_retries=5, min_backoff=10, max_backoff=50)
    def stubborn(name):
        with lock:
            tries[name] = tries.get(name, 0) + 1
        if tries[name] < 3:
            raise ValueError("not yet")
        return tries[name]

    @dramatiq.actor
    def late():
        return time.time()

    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=4)
    worker.start()
    try:
        messages = [double.send(number) for number in range(500)]
        got = [message.get_result(block=True, timeout=20000) for message in messages]
        check.equal("the results of 500 tasks", [2 * number for number in range(500)], got)
        check.equal("each has run once", list(range(500)), sorted(seen))
        message = stubborn.send("ann")
        check.equal(
            "a task that fails twice is tried again", 3,
            message.get_result(block=True, timeout=20000),
        )
        asked = time.time()
        message = late.send_with_options(delay=500)
        ran = message.get_result(block=True, timeout=20000)
        check.equal("a delayed task is late", True, ran - asked >= 0.45 or ran - asked)
        pipeline = double.message(1) | double.message() | double.message()
        pipeline.run()
        check.equal("a pipeline of tasks", 8, pipeline.get_result(block=True, timeout=20000))
        group = dramatiq.group(double.message(number) for number in range(20)).run()
        got = sorted(group.get_results(block=True, timeout=20000))
        check.equal("a group of tasks", [2 * number for number in range(20)], got)
        broker.join("default", timeout=20000)
    finally:
        worker.stop()
    check.equal("nothing waits", 0, broker.client.llen(f"{{tasks-{RUN}}}:default"))


def a_worker_that_dies(check, _broker):
    """What a consumer had taken and not acknowledged comes back when its heartbeat is old."""
    # Not the broker of the worker that has been stopped: that one would go on asking.
    broker = RedisBroker(host=HOST, port=PORT, namespace=f"{{orphans-{RUN}}}")

    @dramatiq.actor(broker=broker, queue_name="orphans")
    def orphan(number):
        return number

    for number in range(10):
        orphan.send(number)
    taken = []
    first = broker.consume("orphans", prefetch=10, timeout=100)
    for _ in range(10):
        taken.append(next(first).args[0])
    check.equal("a consumer takes ten", list(range(10)), sorted(taken))
    # Another broker is another worker; the first one is not heard of again.
    other = RedisBroker(
        host=HOST, port=PORT, namespace=f"{{orphans-{RUN}}}", heartbeat_timeout=500,
        maintenance_chance=1000000,
    )
    other.declare_queue("orphans")
    time.sleep(1)
    second = other.consume("orphans", prefetch=10, timeout=100)
    again, end = [], time.time() + 15
    while len(again) < 10 and time.time() < end:
        message = next(second)
        if message is not None:
            again.append(message.args[0])
            second.ack(message)
    check.equal("another takes all of them", list(range(10)), sorted(again))


def limited(limiter):
    """Whether a limiter refuses."""
    try:
        with limiter.acquire():
            return False
    except RateLimitExceeded:
        return True


def limiters(check, _broker):
    backend = RedisBackend(host=HOST, port=PORT)
    window = WindowRateLimiter(backend, f"{{window-{RUN}}}", limit=5, window=30)
    check.equal("five of ten in a window", 5, [limited(window) for _ in range(10)].count(False))
    bucket = BucketRateLimiter(backend, f"{{bucket-{RUN}}}", limit=3, bucket=20000)
    check.equal("three of ten in a bucket", 3, [limited(bucket) for _ in range(10)].count(False))

    concurrent = ConcurrentRateLimiter(backend, f"{{together-{RUN}}}", limit=2)
    ready, inside, let_go = threading.Barrier(3), [], threading.Event()

    def hold():
        with concurrent.acquire():
            inside.append(1)
            ready.wait(10)
            let_go.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait(10)
    check.equal("two inside, a third is refused", True, limited(concurrent))
    let_go.set()
    for thread in threads:
        thread.join()
    check.equal("room again when they have left", False, limited(concurrent))

    barrier = Barrier(backend, f"{{barrier-{RUN}}}")
    barrier.create(3)
    came = [barrier.wait(block=False) for _ in range(3)]
    check.equal("a barrier of three", [False, False, True], came)


def main():
    check = Checks()
    broker = make_broker()
    for part in (tasks, a_worker_that_dies, limiters):
        try:
            part(check, broker)
        except Exception as error:
            check.equal(f"{part.__name__} runs to its end", None, repr(error))
    print(check.summary())
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
