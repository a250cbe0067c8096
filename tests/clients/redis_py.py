"""redis-py's RedisCluster against a running server, with RESP2 and with RESP3.

usage: redis_py.py HOST PORT MASTERS
Empties the server. ATOLL_TEST_PEER=redis skips what Redis cannot do. CLIENT_TLS is a folder with
ca.crt, client.crt and client.key: then all goes by TLS.
"""

import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    ClusterCrossSlotError,
    NoScriptError,
    RedisClusterException,
    ResponseError,
    WatchError,
)

SCRIPTS = Path(__file__).resolve().parents[2] / "examples" / "scripts"
PEER_IS_ATOLL = os.environ.get("ATOLL_TEST_PEER") != "redis"
TLS_FILES = os.environ.get("CLIENT_TLS")
TLS = {
    "ssl": True,
    "ssl_ca_certs": f"{TLS_FILES}/ca.crt",
    "ssl_certfile": f"{TLS_FILES}/client.crt",
    "ssl_keyfile": f"{TLS_FILES}/client.key",
} if TLS_FILES else {}
CROSSSLOT = "Keys in request don't hash to the same slot"


class Checks:
    """Counts checks and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def equal(self, name, want, got):
        if want == got:
            self.passed += 1
            print(f"ok   {name}")
        else:
            self.failed += 1
            print(f"FAIL {name}\n     want: {want!r}\n     got:  {got!r}")

    def raises(self, name, kind, text, run):
        """`run` raises `kind`, and the error's text contains `text`."""
        try:
            got = run()
        except kind as error:
            self.equal(name, True, text in str(error) or str(error))
        else:
            self.equal(name, f"{kind.__name__}: {text}", got)

    def atoll_only(self, name):
        if not PEER_IS_ATOLL:
            self.skipped += 1
            print(f"skip {name}")
        return PEER_IS_ATOLL

    def summary(self):
        line = f"{self.passed} passed, {self.failed} failed"
        return f"{line}, {self.skipped} skipped" if self.skipped else line


def script(name):
    return (SCRIPTS / name).read_text()


def topology(check, client, masters):
    nodes = client.get_nodes()
    check.equal("get_nodes", masters, len(nodes))
    check.equal("get_primaries", masters, len(client.get_primaries()))
    check.equal("ping every node", True, client.ping(target_nodes=RedisCluster.ALL_NODES))
    owners = {client.get_node_from_key(key).name for key in ("foo", "bar", "name")}
    check.equal("keys are spread over the nodes", masters, len(owners))
    covered = sum(last - first + 1 for first, last in client.cluster_slots())
    check.equal("every slot has a node", 16384, covered)
    check.equal("keyslot is as the client computes it", 12182, client.cluster_keyslot("foo"))


def values(check, client, _masters):
    check.equal("set", True, client.set("foo", "1"))
    check.equal("get", "1", client.get("foo"))
    check.equal("get of a missing key", None, client.get("none"))
    check.equal("set nx on a present key", None, client.set("foo", "2", nx=True))
    check.equal("incrby", 11, client.incrby("foo", 10))
    check.equal("incrbyfloat", 11.5, client.incrbyfloat("foo", 0.5))
    check.equal(
        "append, getrange", (7, "1.5"), (client.append("foo", "xyz"), client.getrange("foo", 1, 3))
    )
    check.equal("binary value", "\0\r\nä", (client.set("bin", "\0\r\nä"), client.get("bin"))[1])

    check.equal("hset", 2, client.hset("h", mapping={"name": "ann", "points": "3"}))
    check.equal("hget", "ann", client.hget("h", "name"))
    check.equal("hmget", ["ann", None], client.hmget("h", ["name", "none"]))
    check.equal("hincrby", 5, client.hincrby("h", "points", 2))
    check.equal("hgetall", {"name": "ann", "points": "5"}, client.hgetall("h"))
    check.equal(
        "hdel, hexists", (1, False), (client.hdel("h", "name"), client.hexists("h", "name"))
    )
    check.equal("type", "hash", client.type("h"))
    check.raises("wrong type", ResponseError, "WRONGTYPE", lambda: client.get("h"))

    check.equal("expire", True, client.expire("h", 100))
    check.equal("ttl", 100, client.ttl("h"))
    check.equal("persist", (True, -1), (client.persist("h"), client.ttl("h")))

    check.equal("mset in one tag", True, client.mset({"{t}a": "1", "{t}b": "2"}))
    check.equal("mget in one tag", ["1", "2", None], client.mget("{t}a", "{t}b", "{t}c"))
    check.equal("rename in one tag", True, client.rename("{t}a", "{t}c"))
    check.equal(
        "exists, delete over slots", (2, 2), (client.exists("foo", "h"), client.delete("foo", "h"))
    )
    # The client may refuse this by itself. The server's own text is checked in scripts().
    check.raises(
        "crossslot",
        (ClusterCrossSlotError, RedisClusterException),
        "slot",
        lambda: client.mget("foo", "bar"),
    )


def pipelines(check, client, _masters):
    pipe = client.pipeline()
    for i in range(100):
        pipe.set(f"p:{i}", i)
    check.equal("pipeline over all slots: set", [True] * 100, pipe.execute())
    for i in range(100):
        pipe.get(f"p:{i}")
    check.equal("pipeline over all slots: get", [str(i) for i in range(100)], pipe.execute())

    pipe.set("p:0", "text").incr("p:0").get("p:0")
    replies = pipe.execute(raise_on_error=False)
    check.equal(
        "an error in a pipeline stays in its place",
        [True, "ResponseError", "text"],
        [replies[0], type(replies[1]).__name__, replies[2]],
    )


def transactions(check, client, _masters):
    # In a cluster, redis-py hands out the replies of a transaction as they came: "OK", not True.
    with client.pipeline(transaction=True) as transaction:
        transaction.set("{x}a", 1)
        transaction.incr("{x}a")
        transaction.hset("{x}h", "f", "v")
        check.equal("transaction in one tag", ["OK", 2, 1], transaction.execute())

    with client.pipeline(transaction=True) as transaction:
        transaction.watch("{x}a")
        seen = int(transaction.get("{x}a"))
        transaction.multi()
        transaction.set("{x}a", seen + 1)
        check.equal("watch, nobody else writes", ["OK"], transaction.execute())

    def disturbed():
        with client.pipeline(transaction=True) as transaction:
            transaction.watch("{x}a")
            client.set("{x}a", "other")
            transaction.multi()
            transaction.set("{x}a", "mine")
            return transaction.execute()

    check.raises("watch, somebody else writes", WatchError, "", disturbed)
    check.equal("the transaction did not run", "other", client.get("{x}a"))


def scripts(check, client, _masters):
    check.equal(
        "eval",
        ["{s}a", "{s}b", "x"],
        client.eval("return {KEYS[1], KEYS[2], ARGV[1]}", 2, "{s}a", "{s}b", "x"),
    )
    check.equal(
        "replies of a script",
        [1, "two", [3], None, 4],
        client.eval("return {1.9, 'two', {3}, false, 4, nil, 5}", 1, "{s}a"),
    )
    check.raises(
        "eval over two slots",
        (ResponseError, RedisClusterException),
        "slot",
        lambda: client.eval("return 1", 2, "foo", "bar"),
    )

    # Straight to a node the client checks nothing, so this is the server's own word.
    node = client.get_redis_connection(client.get_node_from_key("foo"))
    check.raises(
        "eval over two slots, the server's text",
        ResponseError,
        CROSSSLOT,
        lambda: node.execute_command("EVAL", "return 1", 2, "foo", "bar"),
    )

    add = client.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
    check.equal("register_script", [5, 7], [add(keys=["{s}n"], args=[n]) for n in (5, 2)])

    sha = client.script_load("return redis.call('get', KEYS[1])")
    check.equal(
        "script_load reaches every node",
        ["7", None, None],
        [client.evalsha(sha, 1, key) for key in ("{s}n", "s:bar", "s:name")],
    )
    check.equal("script_exists", [True, False], client.script_exists(sha, "0" * 40))
    check.equal("script_flush", True, client.script_flush())
    check.equal("script_exists after script_flush", [False], client.script_exists(sha))
    check.raises(
        "evalsha of an unknown script",
        NoScriptError,
        "No matching script",
        lambda: client.evalsha(sha, 1, "{s}n"),
    )
    check.equal("a registered script comes back by itself", 8, add(keys=["{s}n"], args=[1]))

    # The whole text, so that a change of a single character is noticed.
    body = "error('boom')"
    sha = client.script_load(body)
    check.raises(
        "error text of a failing script",
        ResponseError,
        f"user_script:1: boom script: {sha}, on @user_script:1.",
        lambda: client.eval(body, 1, "{s}a"),
    )
    check.raises(
        "error text of a failing command in a script",
        ResponseError,
        "WRONGTYPE Operation against a key holding the wrong kind of value script: ",
        lambda: client.eval(
            "redis.call('set', KEYS[1], 'x')return redis.call('hget', KEYS[1], 'f')", 1, "{s}w"
        ),
    )
    check.raises(
        "a compile error",
        ResponseError,
        "Error compiling script",
        lambda: client.eval("return (", 1, "{s}a"),
    )


def script_in_transaction(check, client, _masters):
    # redis-py has no eval in a cluster pipeline, so this one goes straight to the node.
    node = client.get_redis_connection(client.get_node_from_key("{m}"))
    with node.pipeline(transaction=True) as transaction:
        transaction.set("{m}1", "one")
        transaction.eval("redis.call('set', KEYS[1], 'x') error('boom')", 1, "{m}2")
        transaction.set("{m}3", "three")
        replies = transaction.execute(raise_on_error=False)
    check.equal(
        "a failing script inside a transaction, the others run",
        [True, "ResponseError", True],
        [replies[0], type(replies[1]).__name__, replies[2]],
    )
    if check.atoll_only("a failing script inside a transaction leaves nothing"):
        check.equal(
            "a failing script inside a transaction leaves nothing",
            ["one", None, "three"],
            client.mget("{m}1", "{m}2", "{m}3"),
        )


def rollback(check, client, _masters):
    if not check.atoll_only("rollback"):
        return
    client.set("{r}a", "before", ex=1000)
    client.hset("{r}h", mapping={"f": "before"})
    body = """
        redis.call('set', KEYS[1], 'after')
        redis.call('hset', KEYS[2], 'f', 'after', 'g', 'after')
        redis.call('expire', KEYS[2], 50)
        redis.call('set', KEYS[3], 'after')
        redis.call('rename', KEYS[1], KEYS[4])
        redis.call('del', KEYS[2])
        error('boom')"""
    keys = ["{r}a", "{r}h", "{r}new", "{r}renamed"]
    check.raises(
        "a failing script reports its error",
        ResponseError,
        "boom",
        lambda: client.eval(body, 4, *keys),
    )
    check.equal("a failing script changes no string", "before", client.get("{r}a"))
    check.equal("a failing script changes no expiry", True, 990 <= client.ttl("{r}a") <= 1000)
    check.equal("a failing script changes no hash", {"f": "before"}, client.hgetall("{r}h"))
    check.equal("a failing script makes nothing expire", -1, client.ttl("{r}h"))
    check.equal("a failing script leaves no key", 0, client.exists("{r}new", "{r}renamed"))

    check.equal(
        "what happens before a caught error stays",
        "kept",
        client.eval(
            "redis.call('set', KEYS[1], 'kept') pcall(redis.call, 'incr', KEYS[1])"
            "return redis.call('get', KEYS[1])",
            1,
            "{r}new",
        ),
    )


def example_scripts(check, client, _masters):
    sell = client.register_script(script("stock_decrement.lua"))
    check.equal("stock: no such item", -1, sell(keys=["stock:{s}"]))
    client.set("stock:{s}", 1000)
    with ThreadPoolExecutor(100) as buyers:
        replies = list(buyers.map(lambda _: sell(keys=["stock:{s}"], args=[1]), range(1500)))
    check.equal(
        "stock: 100 threads buy 1000 of 1000, 500 go away empty-handed",
        (1000, 500),
        (replies.count(1), replies.count(0)),
    )
    check.equal("stock: sold out", "0", client.get("stock:{s}"))

    acquire = client.register_script(script("lock_acquire.lua"))
    release = client.register_script(script("lock_release.lua"))
    with ThreadPoolExecutor(20) as owners:
        got = list(
            owners.map(lambda i: acquire(keys=["lock:{l}"], args=[f"token{i}", 30]), range(20))
        )
    check.equal("lock: one of twenty gets it", 1, sum(got))
    winner = f"token{got.index(1)}" if 1 in got else ""
    check.equal("lock: ends by itself", True, 0 < client.ttl("lock:{l}") <= 30)
    check.equal("lock: nobody else releases it", 0, release(keys=["lock:{l}"], args=["other"]))
    check.equal("lock: its owner releases it", 1, release(keys=["lock:{l}"], args=[winner]))
    check.equal("lock: is gone", 0, client.exists("lock:{l}"))

    count = client.register_script(script("counter.lua"))
    check.equal("counter", [5, 3], [count(keys=["n:{c}"], args=[n]) for n in (5, -2)])
    limit = client.register_script(script("counter_with_expiry.lua"))
    check.equal("rate limit", [1, 2, 3], [limit(keys=["rate:{c}"], args=[60]) for _ in range(3)])
    check.equal("rate limit: ends by itself", True, 0 < client.ttl("rate:{c}") <= 60)
    ten = client.register_script(script("ten_incrs.lua"))
    check.equal("ten increments", [10, 20], [ten(keys=["ten:{c}"]) for _ in range(2)])

    swap = client.register_script(script("compare_and_set.lua"))
    client.set("cas", "old", ex=100)
    check.equal("compare and set", "OK", swap(keys=["cas"], args=["old", "new"]))
    check.raises(
        "compare and set: mismatch",
        ResponseError,
        "MISMATCH",
        lambda: swap(keys=["cas"], args=["old", "newer"]),
    )
    check.equal(
        "compare and set: value and expiry",
        ("new", True),
        (client.get("cas"), 0 < client.ttl("cas") <= 100),
    )

    transfer = client.register_script(script("points_transfer.lua"))
    accounts = ["{p}ann", "{p}bob"]
    client.hset("{p}ann", "points", 100)
    check.raises(
        "points: no such account",
        ResponseError,
        "ACCOUNT",
        lambda: transfer(keys=accounts, args=[30]),
    )
    client.hset("{p}bob", "points", 0)
    check.equal("points: transfer", [70, 30], transfer(keys=accounts, args=[30]))
    check.raises(
        "points: too few", ResponseError, "FUNDS", lambda: transfer(keys=accounts, args=[71])
    )
    with ThreadPoolExecutor(20) as clients:
        list(
            clients.map(lambda i: transfer(keys=accounts[:: 1 - 2 * (i % 2)], args=[1]), range(200))
        )
    check.equal(
        "points: none is made or lost",
        100,
        sum(int(client.hget(account, "points")) for account in accounts),
    )

    if check.atoll_only("WATCH, MULTI, EXEC inside a script"):
        move = client.register_script(script("watch_multi_exec.lua"))
        client.mset({"{w}left": 50, "{w}right": 0})
        check.equal(
            "MULTI and EXEC inside a script",
            [30, 20],
            move(keys=["{w}left", "{w}right"], args=[20]),
        )
        check.equal("DISCARD inside a script", None, move(keys=["{w}left", "{w}right"], args=[99]))
        check.equal(
            "DISCARD inside a script changes nothing",
            ["30", "20"],
            client.mget("{w}left", "{w}right"),
        )


def retries(check, client, _masters):
    """The example of docs/retries.md, with replies that get lost."""
    if not check.atoll_only("a request that is sent again runs once"):
        return
    text = (SCRIPTS.parents[1] / "docs" / "retries.md").read_text()
    names = {}
    exec(text.split("```python\n")[1].split("```")[0], names)

    class Lossy:
        """A cluster whose first replies never come."""

        def __init__(self, losses):
            self.losses, self.nodes_manager = losses, client.nodes_manager
            self.get_node_from_key = client.get_node_from_key

        def get_redis_connection(self, node):
            connection = client.get_redis_connection(node)
            lossy = self

            class Pipeline:
                def __init__(self):
                    self.inner = connection.pipeline(transaction=False)
                    self.execute_command = self.inner.execute_command

                def execute(self):
                    replies = self.inner.execute()
                    lossy.losses -= 1
                    if lossy.losses >= 0:
                        raise names["ConnectionError"]("the reply is lost")
                    return replies

            class Connection:
                def pipeline(self, transaction):
                    assert not transaction
                    return Pipeline()

            return Connection()

    client.set("stock", 10)
    run_once = names["run_once"]
    lossy = Lossy(2)
    check.equal("its reply comes", 9, run_once(lossy, "stock", "DECRBY", "stock", "1"))
    check.equal("it was sent three times", -1, lossy.losses)
    check.equal("it has run once", "9", client.get("stock"))
    check.equal("the next one is another", 8, run_once(Lossy(1), "stock", "DECRBY", "stock", "1"))
    lua = "return redis.call('LPUSH', KEYS[1], ARGV[1])"
    check.equal("a script", 1, run_once(Lossy(1), "list", "EVAL", lua, "1", "list", "x"))
    check.equal("has run once", 1, client.llen("list"))


def scans(check, client, _masters):
    keys = {f"scan:{i}" for i in range(1000)}
    pipe = client.pipeline()
    for key in keys:
        pipe.set(key, "")
    pipe.execute()
    check.equal("scan_iter over all nodes", keys, set(client.scan_iter(match="scan:*", count=50)))
    primaries = RedisCluster.PRIMARIES
    check.equal("keys over all nodes", keys, set(client.keys("scan:*", target_nodes=primaries)))
    check.equal("dbsize over all nodes", True, client.dbsize(target_nodes=primaries) >= len(keys))
    client.hset("{hs}", mapping={f"f{i}": str(i) for i in range(300)})
    check.equal(
        "hscan_iter", {f"f{i}": str(i) for i in range(300)}, dict(client.hscan_iter("{hs}"))
    )
    client.flushall()
    check.equal("dbsize after flushall on all nodes", 0, client.dbsize(target_nodes=primaries))


PARTS = (
    topology,
    values,
    pipelines,
    transactions,
    scripts,
    script_in_transaction,
    rollback,
    example_scripts,
    retries,
    scans,
)


def main():
    host, port, masters = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    check = Checks()
    for protocol in (2, 3):
        print(f"-- RESP{protocol}")
        with RedisCluster(
            startup_nodes=[ClusterNode(host, port)],
            **TLS,
            protocol=protocol,
            decode_responses=True,
            socket_timeout=15,
        ) as client:
            client.flushall()
            for part in PARTS:
                # One part that breaks off must not hide what the others would show.
                try:
                    part(check, client, masters)
                except Exception as error:
                    traceback.print_exc()
                    check.equal(f"{part.__name__} runs to its end", None, error)
    print(check.summary())
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
