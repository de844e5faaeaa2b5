#!/usr/bin/env python3
"""redis-py against a server that this script starts and stops.

Usage: redis_py.py SERVER [unittest's arguments]

SERVER is a redstart-server or a redis-server: what is asked here, both answer alike. Everything
runs over TCP, with RESP2 and RESP3, and nothing sleeps.
"""

import asyncio
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from functools import wraps

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

PASSWORD = "a long password"
# Nothing takes this long unless it is broken.
PATIENCE = 30


class Server:
    """A server on a free port of the loopback interface, in a directory of its own."""

    def __init__(self, binary, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *options]
        self.directory = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.directory.name, "log"), "w+")
        self.start()

    def start(self):
        """Starts it, as it is in the beginning or again, and waits until it answers."""
        self.process = subprocess.Popen(
            self.command, cwd=self.directory.name, stdout=self.log, stderr=subprocess.STDOUT
        )
        for _ in range(PATIENCE * 100):
            try:
                if self.is_ready():
                    return
            except ConnectionError:
                pass
            try:
                self.process.wait(0.01)
                break
            except subprocess.TimeoutExpired:
                pass
        self.log.seek(0)
        said = self.log.read()
        self.stop()
        raise RuntimeError(f"{self.command[0]} does not start: {said}")

    def is_ready(self):
        """Whether it answers, and has read its files."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"PING\r\n")
            return not connection.recv(100).startswith(b"-LOADING")

    def client(self, **options):
        options.setdefault("decode_responses", True)
        options.setdefault("retry", Retry(NoBackoff(), 0))
        return redis.Redis(port=self.port, socket_timeout=PATIENCE, **options)

    def kill(self):
        """Ends the server as a crash would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """Ends the server in good order; its exit code."""
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.log.close()
        self.directory.cleanup()
        return code


BINARY = "redis-server"
SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server(BINARY)


def tearDownModule():
    code = SERVER.stop()
    if code != 0:
        raise RuntimeError(f"{BINARY} ended with {code}")


class Case(unittest.TestCase):
    """A client of an empty server."""

    protocol = 2

    def setUp(self):
        self.r = self.client()
        self.r.flushall()

    def client(self, **options):
        options.setdefault("protocol", self.protocol)
        client = SERVER.client(**options)
        self.addCleanup(client.close)
        return client


class Strings(Case):
    def test_set_and_its_options(self):
        r = self.r
        self.assertIs(r.set("k", "v"), True)
        self.assertEqual(r.get("k"), "v")
        self.assertIsNone(r.get("absent"))
        self.assertIsNone(r.set("k", "other", nx=True))
        self.assertIsNone(r.set("absent", "v", xx=True))
        self.assertEqual(r.set("k", "new", get=True), "v")
        r.set("k", "v", ex=100)
        self.assertEqual(r.ttl("k"), 100)
        r.set("k", "v", px=100_000)
        self.assertIn(r.pttl("k"), range(90_000, 100_001))
        r.set("k", "w", keepttl=True)
        self.assertGreater(r.ttl("k"), 90)
        r.set("k", "v", exat=4_000_000_000)
        self.assertEqual(r.expiretime("k"), 4_000_000_000)
        r.set("k", "v", pxat=1)
        self.assertIsNone(r.get("k"))

    def test_parts_of_a_string(self):
        r = self.r
        self.assertEqual(r.append("k", "hello"), 5)
        self.assertEqual(r.append("k", " world"), 11)
        self.assertEqual(r.strlen("k"), 11)
        self.assertEqual(r.getrange("k", 0, 4), "hello")
        self.assertEqual(r.getrange("k", -5, -1), "world")
        self.assertEqual(r.setrange("k", 6, "redis"), 11)
        self.assertEqual(r.get("k"), "hello redis")
        self.assertEqual(r["k"], "hello redis")
        with self.assertRaises(KeyError):
            r["absent"]

    def test_numbers(self):
        r = self.r
        self.assertEqual(r.incr("n"), 1)
        self.assertEqual(r.incrby("n", 41), 42)
        self.assertEqual(r.decr("n", 2), 40)
        self.assertEqual(float(r.incrbyfloat("n", "0.5")), 40.5)
        self.assertEqual(r.get("n"), "40.5")
        with self.assertRaisesRegex(redis.ResponseError, "value is not an integer"):
            r.incr("n")

    def test_several_at_once(self):
        r = self.r
        self.assertTrue(r.mset({"a": 1, "b": 2}))
        self.assertFalse(r.msetnx({"b": 3, "c": 3}))
        self.assertEqual(r.mget("a", "b", "c"), ["1", "2", None])
        self.assertEqual(r.getdel("a"), "1")
        self.assertEqual(r.getex("b", ex=100), "2")
        self.assertEqual(r.ttl("b"), 100)
        self.assertEqual(r.getex("b", persist=True), "2")
        self.assertEqual(r.ttl("b"), -1)
        r.mset({"x": "ohmytext", "y": "mynewtext"})
        self.assertEqual(r.lcs("x", "y"), "mytext")
        self.assertEqual(r.lcs("x", "y", len=True), 6)

    def test_any_bytes(self):
        r = self.client(decode_responses=False)
        for value in [b"", b"\x00\r\n$5\r\n\xff", os.urandom(4_000_000)]:
            r.set(b"k\x00\r\n", value)
            self.assertEqual(r.get(b"k\x00\r\n"), value)
        self.r.set("grüße", "日本語")
        self.assertEqual(self.r.get("grüße"), "日本語")


class Keys(Case):
    def test_all_kinds(self):
        r = self.r
        r.set("string", "v")
        r.rpush("list", "v")
        r.sadd("set", "v")
        r.zadd("zset", {"v": 1})
        r.hset("hash", "f", "v")
        for kind in ["string", "list", "set", "zset", "hash"]:
            self.assertEqual(r.type(kind), kind)
            self.assertEqual(list(r.scan_iter(_type=kind)), [kind])
        self.assertEqual(r.type("absent"), "none")
        self.assertEqual(r.exists("string", "list", "absent"), 2)
        self.assertIn("list", r)
        self.assertEqual(r.touch("string", "absent"), 1)
        self.assertEqual(r.unlink("string", "absent"), 1)
        self.assertEqual(r.delete("list", "set"), 2)
        self.assertIn(r.randomkey(), ["zset", "hash"])
        self.assertEqual(r.dbsize(), 2)
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            r.lpush("hash", "v")

    def test_rename_and_copy(self):
        r = self.r
        r.set("a", "v")
        self.assertTrue(r.rename("a", "b"))
        with self.assertRaisesRegex(redis.ResponseError, "no such key"):
            r.rename("a", "b")
        r.set("a", "w")
        self.assertFalse(r.renamenx("a", "b"))
        self.assertFalse(r.copy("a", "b"))
        self.assertTrue(r.copy("a", "b", replace=True))
        self.assertTrue(r.copy("a", "b", destination_db=5))
        self.assertEqual(self.client(db=5).get("b"), "w")

    def test_time_to_live(self):
        r = self.r
        r.set("k", "v")
        self.assertEqual((r.ttl("k"), r.pttl("k"), r.ttl("absent")), (-1, -1, -2))
        self.assertTrue(r.expire("k", 100, nx=True))
        self.assertFalse(r.expire("k", 200, lt=True))
        self.assertTrue(r.expire("k", 200, gt=True))
        self.assertFalse(r.expire("absent", 1))
        self.assertTrue(r.persist("k"))
        self.assertTrue(r.pexpireat("k", 4_000_000_000_000))
        self.assertEqual(r.pexpiretime("k"), 4_000_000_000_000)
        self.assertTrue(r.expireat("k", 1))
        self.assertIsNone(r.get("k"))

    def test_encodings(self):
        r = self.r
        r.set("int", 1)
        r.set("short", "v")
        r.set("long", "v" * 100)
        r.rpush("list", *range(3))
        r.sadd("set", *range(3))
        r.zadd("zset", {"v": 1})
        r.hset("hash", mapping={str(n): n for n in range(600)})
        names = ["int", "short", "long", "list", "set", "zset", "hash"]
        encodings = [r.object("encoding", name) for name in names]
        expected = ["int", "embstr", "raw", "quicklist", "intset", "listpack", "hashtable"]
        self.assertEqual(encodings, expected)

    def test_scans_see_everything(self):
        r = self.r
        names = {f"key:{n}" for n in range(1000)}
        r.mset(dict.fromkeys(names, "v"))
        r.set("other", "v")
        self.assertEqual(set(r.scan_iter("key:*", count=100)), names)
        self.assertEqual(set(r.keys("key:?")), {f"key:{n}" for n in range(10)})
        r.hset("hash", mapping={name: 1 for name in names})
        self.assertEqual(dict(r.hscan_iter("hash")), dict.fromkeys(names, "1"))
        r.sadd("set", *names)
        self.assertEqual(
            set(r.sscan_iter("set", match="key:99*")),
            {"key:99"} | {f"key:99{n}" for n in range(10)},
        )
        r.zadd("zset", {name: 2.5 for name in names})
        self.assertEqual(dict(r.zscan_iter("zset")), dict.fromkeys(names, 2.5))

    def test_databases(self):
        other = self.client(db=15)
        self.r.set("k", "0")
        other.set("k", "15")
        self.assertEqual(self.r.get("k"), "0")
        self.assertEqual(
            self.r.info("keyspace"),
            {name: self.r.info("keyspace")[name] for name in ["db0", "db15"]},
        )
        other.flushdb()
        self.assertEqual((self.r.dbsize(), other.dbsize()), (1, 0))
        with self.assertRaisesRegex(redis.ResponseError, "out of range"):
            self.client(db=16).ping()


class Hashes(Case):
    def test_fields(self):
        r = self.r
        self.assertEqual(r.hset("h", mapping={"a": 1, "b": "two", "c": b"3"}), 3)
        self.assertEqual(r.hset("h", "a", "one"), 0)
        self.assertFalse(r.hsetnx("h", "a", "uno"))
        self.assertEqual(r.hget("h", "a"), "one")
        self.assertEqual(r.hmget("h", "a", "absent"), ["one", None])
        self.assertEqual(r.hgetall("h"), {"a": "one", "b": "two", "c": "3"})
        self.assertEqual(r.hgetall("absent"), {})
        self.assertEqual((r.hkeys("h"), r.hvals("h")), (["a", "b", "c"], ["one", "two", "3"]))
        self.assertEqual((r.hlen("h"), r.hstrlen("h", "b"), r.hexists("h", "b")), (3, 3, True))
        self.assertEqual(r.hincrby("h", "n", 5), 5)
        self.assertEqual(r.hincrbyfloat("h", "n", 0.5), 5.5)
        self.assertEqual(r.hdel("h", "a", "b", "absent"), 2)
        self.assertEqual(set(r.hrandfield("h", 5)), {"c", "n"})
        self.assertEqual(len(r.hrandfield("h", -5)), 5)


class Lists(Case):
    def test_both_ends(self):
        r = self.r
        self.assertEqual(r.rpush("l", "b", "c"), 2)
        self.assertEqual(r.lpush("l", "a"), 3)
        self.assertEqual(r.lpushx("absent", "a"), 0)
        self.assertEqual(r.lrange("l", 0, -1), ["a", "b", "c"])
        self.assertEqual((r.lindex("l", -1), r.llen("l")), ("c", 3))
        self.assertEqual(r.linsert("l", "before", "b", "ab"), 4)
        self.assertEqual(r.lpos("l", "b"), 2)
        self.assertTrue(r.lset("l", 0, "A"))
        self.assertEqual(r.lmove("l", "m", "LEFT", "RIGHT"), "A")
        self.assertEqual(r.rpoplpush("l", "m"), "c")
        self.assertEqual(r.lrange("m", 0, -1), ["c", "A"])
        self.assertEqual(r.lpop("l"), "ab")
        self.assertEqual(r.rpop("l", 5), ["b"])
        self.assertIsNone(r.lpop("l"))
        self.assertEqual(r.lmpop(2, "l", "m", direction="LEFT", count=1), ["m", ["c"]])
        r.rpush("l", *"abcabc")
        self.assertEqual(r.lrem("l", -1, "a"), 1)
        self.assertTrue(r.ltrim("l", 1, 3))
        self.assertEqual(r.lrange("l", 0, -1), ["b", "c", "b"])


class Sets(Case):
    def test_members_and_algebra(self):
        r = self.r
        self.assertEqual(r.sadd("a", 1, 2, 3), 3)
        self.assertEqual(r.sadd("b", 2, 3, 4), 3)
        self.assertEqual(r.smembers("a"), {"1", "2", "3"})
        self.assertEqual(r.sinter("a", "b"), {"2", "3"})
        self.assertEqual(r.sunion("a", "b"), {"1", "2", "3", "4"})
        self.assertEqual(r.sdiff("a", "b"), {"1"})
        self.assertEqual(r.sintercard(2, ["a", "b"], limit=1), 1)
        self.assertEqual(r.sunionstore("c", "a", "b"), 4)
        self.assertEqual(r.smismember("c", [1, 9]), [1, 0])
        self.assertTrue(r.sismember("c", 1))
        self.assertTrue(r.smove("a", "b", 1))
        self.assertEqual((r.scard("a"), r.srem("a", 2, 9)), (2, 1))
        self.assertEqual(r.srandmember("a"), "3")
        self.assertEqual(set(r.spop("a", 5)), {"3"})
        self.assertEqual(r.exists("a"), 0)


class SortedSets(Case):
    def setUp(self):
        super().setUp()
        self.r.zadd("z", {"a": 1, "b": 2, "c": 3.5})

    def test_add(self):
        r = self.r
        self.assertEqual(r.zadd("z", {"a": 5, "d": 4}, nx=True), 1)
        self.assertEqual(r.zadd("z", {"a": 0.5, "e": 4}, xx=True, ch=True), 1)
        self.assertEqual(r.zadd("z", {"a": 0.1}, gt=True, ch=True), 0)
        self.assertEqual(r.zadd("z", {"a": 1}, incr=True), 1.5)
        self.assertEqual(r.zincrby("z", 2.25, "a"), 3.75)
        self.assertEqual(r.zscore("z", "a"), 3.75)
        self.assertEqual(r.zadd("z", {"inf": float("inf")}), 1)
        self.assertEqual(r.zscore("z", "inf"), float("inf"))
        self.assertIsNone(r.zscore("z", "absent"))
        self.assertEqual(
            [score and float(score) for score in r.zmscore("z", ["b", "absent"])], [2.0, None]
        )

    def test_ranks_and_ranges(self):
        r = self.r
        self.assertEqual(
            (r.zrank("z", "c"), r.zrevrank("z", "c"), r.zrank("z", "absent")), (2, 0, None)
        )
        self.assertEqual(r.zrange("z", 0, -1), ["a", "b", "c"])
        self.assertEqual(r.zrevrange("z", 0, 0), ["c"])
        self.assertEqual(r.zrangebyscore("z", "(1", "+inf"), ["b", "c"])
        self.assertEqual(
            r.zrange("z", "+inf", "-inf", byscore=True, desc=True, offset=1, num=1), ["b"]
        )
        self.assertEqual(r.zrange("z", "[b", "+", bylex=True), ["b", "c"])
        self.assertEqual(
            (r.zcard("z"), r.zcount("z", 2, 4), r.zlexcount("z", "-", "(c")), (3, 2, 2)
        )
        self.assertEqual(r.zrangestore("y", "z", 0, 1), 2)
        self.assertEqual(r.zremrangebyscore("z", 1, 2), 2)
        self.assertEqual(r.zremrangebyrank("y", 0, 0), 1)
        self.assertEqual(r.zrem("y", "b", "absent"), 1)

    def test_algebra_and_pop(self):
        r = self.r
        r.zadd("y", {"b": 10, "d": 20})
        self.assertEqual(r.zinterstore("i", {"z": 2, "y": 1}), 1)
        self.assertEqual(r.zscore("i", "b"), 14)
        self.assertEqual(r.zunionstore("u", ["z", "y"], aggregate="MAX"), 4)
        self.assertEqual(r.zdiff(["z", "y"]), ["a", "c"])
        self.assertEqual(r.zintercard(2, ["z", "y"]), 1)
        self.assertEqual(len(r.zrandmember("z", -7)), 7)
        self.assertEqual([r.zpopmin("u")[0][0], r.zpopmax("u")[0][0]], ["a", "d"])


class Pipelines(Case):
    def test_plain(self):
        with self.r.pipeline(transaction=False) as pipe:
            for n in range(5000):
                pipe.set(f"k{n}", n).get(f"k{n}")
            replies = pipe.execute()
        self.assertEqual(replies[1::2], [str(n) for n in range(5000)])

    def test_errors_stand_in_their_place(self):
        self.r.set("k", "v")
        for transaction in [False, True]:
            pipe = self.r.pipeline(transaction)
            replies = pipe.get("k").lpush("k", "x").get("k").execute(raise_on_error=False)
            self.assertEqual([replies[0], replies[2]], ["v", "v"])
            self.assertIsInstance(replies[1], redis.ResponseError)
            self.assertRegex(str(replies[1]), "WRONGTYPE")

    def test_a_wrong_command_aborts_the_transaction(self):
        pipe = self.r.pipeline().set("k", "v")
        pipe.execute_command("SET", "k")
        with self.assertRaisesRegex(redis.ResponseError, "wrong number of arguments"):
            pipe.execute()
        self.assertIsNone(self.r.get("k"))

    def test_watch(self):
        r = self.r
        r.set("n", 1)
        with r.pipeline() as pipe:
            pipe.watch("n")
            n = int(pipe.get("n"))
            pipe.multi()
            pipe.set("n", n + 1)
            r.set("n", 10)
            with self.assertRaises(redis.WatchError):
                pipe.execute()
        with r.pipeline() as pipe:
            pipe.watch("n")
            pipe.unwatch()
            pipe.multi()
            r.set("n", 11)
            self.assertEqual(pipe.set("n", 12).execute(), [True])

    def test_optimistic_increments_lose_nothing(self):
        def increment(pipe):
            n = int(pipe.get("n") or 0)
            pipe.multi()
            pipe.set("n", n + 1)

        def work():
            client = self.client()
            for _ in range(25):
                client.transaction(increment, "n")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(self.r.get("n"), "100")


class PubSub(Case):
    def subscriber(self):
        pubsub = self.client().pubsub()
        self.addCleanup(pubsub.close)
        return pubsub

    def message(self, pubsub):
        message = pubsub.get_message(timeout=PATIENCE)
        return message and (
            message["type"],
            message["pattern"],
            message["channel"],
            message["data"],
        )

    def test_channels_and_patterns(self):
        r, pubsub = self.r, self.subscriber()
        pubsub.subscribe("news", "weather")
        pubsub.psubscribe("n*")
        confirmations = [self.message(pubsub) for _ in range(3)]
        self.assertEqual(
            confirmations,
            [
                ("subscribe", None, "news", 1),
                ("subscribe", None, "weather", 2),
                ("psubscribe", None, "n*", 3),
            ],
        )
        self.assertEqual(r.publish("news", "hello"), 2)
        self.assertEqual(self.message(pubsub), ("message", None, "news", "hello"))
        self.assertEqual(self.message(pubsub), ("pmessage", "n*", "news", "hello"))
        self.assertEqual(set(r.pubsub_channels()), {"news", "weather"})
        self.assertEqual(r.pubsub_numsub("news", "absent"), [("news", 1), ("absent", 0)])
        self.assertEqual(r.pubsub_numpat(), 1)
        pubsub.unsubscribe()
        pubsub.punsubscribe()
        counts = sorted(self.message(pubsub)[3] for _ in range(3))
        self.assertEqual(counts, [0, 1, 2])
        self.assertEqual(r.publish("news", "nobody"), 0)

    def test_shards(self):
        pubsub = self.subscriber()
        pubsub.ssubscribe("s")
        self.assertEqual(self.message(pubsub), ("ssubscribe", None, "s", 1))
        self.assertEqual(self.r.execute_command("SPUBLISH", "s", "v"), 1)
        message = pubsub.get_sharded_message(timeout=PATIENCE)
        self.assertEqual(
            (message["type"], message["channel"], message["data"]), ("smessage", "s", "v")
        )
        self.assertEqual(self.r.pubsub_shardchannels(), ["s"])

    def test_handlers_in_a_thread(self):
        received, pubsub = queue.Queue(), self.subscriber()
        pubsub.subscribe(**{"jobs": received.put})
        thread = pubsub.run_in_thread(sleep_time=0.01, daemon=True)
        for n in range(1000):
            while self.r.publish("jobs", n) == 0:
                pass
        numbers = [int(received.get(timeout=PATIENCE)["data"]) for _ in range(1000)]
        self.assertEqual(numbers, list(range(1000)))
        thread.stop()
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())

    def test_many_publishers_each_in_order(self):
        pubsub = self.subscriber()
        pubsub.subscribe("jobs")
        self.message(pubsub)

        def publish(name):
            pipe = self.client().pipeline(transaction=False)
            for n in range(500):
                pipe.publish("jobs", f"{name} {n}")
            pipe.execute()

        threads = [threading.Thread(target=publish, args=[name]) for name in "abcd"]
        for thread in threads:
            thread.start()
        seen = {name: [] for name in "abcd"}
        for _ in range(2000):
            name, n = self.message(pubsub)[3].split()
            seen[name].append(int(n))
        self.assertEqual(seen, {name: list(range(500)) for name in "abcd"})
        for thread in threads:
            thread.join(PATIENCE)

    def test_ping_while_subscribed(self):
        pubsub = self.subscriber()
        pubsub.subscribe("news")
        self.message(pubsub)
        pubsub.ping("are you there")
        message = pubsub.get_message(timeout=PATIENCE)
        # With RESP3 it is a plain reply, and redis-py takes its second letter for the data.
        self.assertIn(
            (self.protocol, message["data"]), [(2, "are you there"), (3, "e"), (3, "are you there")]
        )


class Scripts(Case):
    def test_registered_scripts(self):
        add = self.r.register_script(
            "return redis.call('INCRBY', KEYS[1], ARGV[1]) + tonumber(ARGV[2])"
        )
        self.assertEqual(add(keys=["n"], args=[5, 1]), 6)
        self.assertEqual(self.r.script_exists(add.sha), [True])
        self.r.script_flush()
        self.assertEqual(self.r.script_exists(add.sha), [False])
        self.assertEqual(add(keys=["n"], args=[5, 1]), 11)
        pipe = self.r.pipeline()
        add(keys=["n"], args=[1, 0], client=pipe)
        add(keys=["n"], args=[1, 0], client=pipe)
        self.assertEqual(pipe.execute(), [11, 12])

    def test_replies(self):
        r = self.r
        self.assertEqual(
            r.eval("return {1, 'two', {3}, false, nil, 'unseen'}", 0), [1, "two", [3], None]
        )
        self.assertEqual(r.eval("return redis.status_reply('FINE')", 0), "FINE")
        self.assertEqual(r.eval("return ARGV[1] .. KEYS[1]", 1, "k", "a"), "ak")
        self.assertEqual(r.eval("return cjson.encode({a = {1, 2}})", 0), '{"a":[1,2]}')
        self.assertEqual(
            r.eval("return redis.sha1hex('')", 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709"
        )
        self.assertEqual(r.eval_ro("return redis.call('GET', KEYS[1])", 1, "absent"), None)

    def test_errors(self):
        r = self.r
        with self.assertRaisesRegex(redis.ResponseError, "my words"):
            r.eval("return redis.error_reply('my words')", 0)
        with self.assertRaisesRegex(redis.ResponseError, "user_script"):
            r.eval("error('broken')", 0)
        with self.assertRaisesRegex(redis.ResponseError, "compiling"):
            r.eval("return (", 0)
        with self.assertRaises(redis.exceptions.NoScriptError):
            r.evalsha("f" * 40, 0)
        with self.assertRaisesRegex(redis.ResponseError, "read-only"):
            r.eval_ro("return redis.call('SET', KEYS[1], 1)", 1, "k")
        with self.assertRaisesRegex(redis.ResponseError, "NOTBUSY"):
            r.script_kill()
        caught = r.eval("local e = redis.pcall('LPUSH', KEYS[1]) return e.err", 1, "k")
        self.assertRegex(caught, "wrong number of args|Wrong number of args")

    def test_locks(self):
        lock = self.r.lock("resource", timeout=100)
        other = self.client().lock("resource", timeout=100)
        self.assertTrue(lock.acquire(blocking=False))
        self.assertFalse(other.acquire(blocking=False))
        self.assertTrue(lock.extend(100))
        self.assertTrue(lock.reacquire())
        self.assertTrue(lock.owned())
        lock.release()
        self.assertTrue(other.acquire(blocking=False))
        with self.assertRaises(redis.exceptions.LockError):
            lock.release()

    def test_locks_exclude(self):
        holders, alone = [], []

        def work(name):
            with self.client().lock("resource", timeout=PATIENCE, sleep=0.001):
                holders.append(name)
                alone.append(holders == [name])
                holders.remove(name)

        threads = [threading.Thread(target=work, args=[name]) for name in "abcdefgh"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(alone, [True] * 8)
        self.assertNotIn("resource", self.r)


class Connections(Case):
    def test_a_pool_of_threads(self):
        pool = redis.BlockingConnectionPool(
            port=SERVER.port, max_connections=4, timeout=PATIENCE, protocol=self.protocol
        )
        client = redis.Redis(connection_pool=pool)

        def work():
            for _ in range(200):
                client.incr("n")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(client.get("n"), b"1600")
        self.assertLessEqual(len(self.r.client_list()), 6)
        pool.disconnect()

    def test_a_pool_has_an_end(self):
        pool = redis.ConnectionPool(port=SERVER.port, max_connections=1)
        connection = pool.get_connection()
        with self.assertRaises(redis.exceptions.MaxConnectionsError):
            pool.get_connection()
        pool.release(connection)
        pool.disconnect()

    def test_names_and_ids(self):
        client = self.client(client_name="teller", single_connection_client=True)
        self.assertEqual(client.client_getname(), "teller")
        info = client.client_info()
        self.assertEqual(
            (int(info["id"]), info["name"], int(info["db"])), (client.client_id(), "teller", 0)
        )
        self.assertIn("teller", [entry["name"] for entry in self.r.client_list()])

    def test_a_killed_client_comes_back(self):
        client = self.client(client_name="victim", single_connection_client=True)
        first = client.client_id()
        self.assertEqual(self.r.client_kill_filter(_id=first), 1)
        retrying = self.client(retry=Retry(NoBackoff(), 3))
        self.assertEqual(self.r.client_kill_filter(_id=retrying.client_id()), 1)
        self.assertTrue(retrying.ping())
        self.assertNotEqual(retrying.client_id(), first)

    def test_unknown_commands(self):
        with self.assertRaisesRegex(redis.ResponseError, "unknown command 'NOSUCHCOMMAND'"):
            self.r.execute_command("NOSUCHCOMMAND", "argument")

    def test_urls(self):
        url = f"redis://127.0.0.1:{SERVER.port}/3?protocol={self.protocol}&decode_responses=True"
        with redis.from_url(url) as client:
            client.set("k", "v")
            self.assertEqual(client.get("k"), "v")
        self.assertEqual(self.client(db=3).get("k"), "v")

    def test_monitoring(self):
        r = self.r
        info = r.info()
        for field in [
            "used_memory",
            "connected_clients",
            "total_commands_processed",
            "uptime_in_seconds",
        ]:
            self.assertIsInstance(info[field], int)
        self.assertEqual((info["redis_version"].split(".")[0], info["role"]), ("7", "master"))
        self.assertEqual(r.config_get("maxmemory-policy"), {"maxmemory-policy": "noeviction"})
        self.assertTrue(r.config_set("hash-max-listpack-entries", 64))
        self.assertEqual(r.config_get("hash-max-listpack-e*"), {"hash-max-listpack-entries": "64"})
        self.assertTrue(r.config_set("hash-max-listpack-entries", 512))
        self.assertTrue(r.config_resetstat())
        seconds, microseconds = r.time()
        self.assertGreater(seconds, 1_700_000_000)
        self.assertIn(microseconds, range(1_000_000))
        self.assertEqual(r.echo("x"), "x")
        self.assertEqual(r.command_getkeys("MSET", "a", 1, "b", 2), ["a", "b"])
        self.assertGreater(r.command_count(), 100)
        self.assertIn("get", r.command())


class Asynchronous(Case):
    def test_commands_pipelines_and_messages(self):
        async def all_of_it():
            async with redis.asyncio.Redis(
                port=SERVER.port, protocol=self.protocol, decode_responses=True
            ) as client:
                await asyncio.gather(*(client.incr("n") for _ in range(100)))
                async with client.pipeline(transaction=True) as pipe:
                    replies = await pipe.get("n").rpush("l", "a").execute()
                async with client.pubsub() as pubsub:
                    await pubsub.subscribe("news")
                    await pubsub.get_message(timeout=PATIENCE)
                    await client.publish("news", "hello")
                    message = await pubsub.get_message(timeout=PATIENCE)
                names = [name async for name in client.scan_iter()]
                return replies, message["data"], sorted(names)

        self.assertEqual(asyncio.run(all_of_it()), (["100", 1], "hello", ["l", "n"]))


class Resp3(Case):
    """What only RESP3 says: replies in the types of the protocol."""

    protocol = 3

    def test_types(self):
        r = self.client(legacy_responses=False)
        self.assertEqual(r.execute_command("HELLO")["proto"], 3)
        r.hset("h", mapping={"a": 1})
        self.assertEqual(r.execute_command("HGETALL", "h"), {"a": "1"})
        r.zadd("z", {"a": 1.5, "b": 2})
        self.assertEqual(r.zrange("z", 0, -1, withscores=True), [["a", 1.5], ["b", 2.0]])
        self.assertEqual(r.execute_command("ZSCORE", "z", "a"), 1.5)
        r.sadd("s", "a")
        self.assertEqual(r.smembers("s"), {"a"})
        self.assertEqual(r.execute_command("CONFIG", "GET", "maxclients").keys(), {"maxclients"})
        self.assertEqual(
            r.eval("redis.setresp(3) return redis.call('HGETALL', KEYS[1])", 1, "h"), {"a": "1"}
        )

    def test_messages_come_beside_replies(self):
        pubsub = self.client().pubsub()
        self.addCleanup(pubsub.close)
        pubsub.subscribe("news")
        self.assertEqual(pubsub.get_message(timeout=PATIENCE)["type"], "subscribe")
        connection = pubsub.connection
        connection.send_command("SET", "k", "v")
        self.assertEqual(connection.read_response(), "OK")
        self.r.publish("news", "hello")
        self.assertEqual(pubsub.get_message(timeout=PATIENCE)["data"], "hello")


class Passwords(unittest.TestCase):
    def setUp(self):
        self.server = Server(BINARY, "--requirepass", PASSWORD)
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0))

    def test_only_who_knows_it_comes_in(self):
        for protocol in [2, 3]:
            with self.server.client(protocol=protocol) as stranger:
                with self.assertRaises(redis.AuthenticationError):
                    stranger.ping()
            with self.server.client(protocol=protocol, password="a guess") as stranger:
                with self.assertRaises(redis.AuthenticationError):
                    stranger.ping()
            for username in [None, "default"]:
                with self.server.client(
                    protocol=protocol, username=username, password=PASSWORD
                ) as friend:
                    self.assertTrue(friend.ping())


class Patterns(Case):
    """What people do with Redis, as it is usually written."""

    def test_caching(self):
        calls = []

        def cache(ttl=3600):
            def decorator(function):
                @wraps(function)
                def wrapper(*args):
                    key = f"{function.__name__}:{':'.join(map(str, args))}"
                    cached = self.r.get(key)
                    if cached:
                        return json.loads(cached)
                    result = function(*args)
                    self.r.setex(key, ttl, json.dumps(result))
                    return result

                return wrapper

            return decorator

        @cache(ttl=600)
        def get_user(user_id):
            calls.append(user_id)
            return {"id": user_id, "name": "Ann"}

        self.assertEqual([get_user(7), get_user(7)], [{"id": 7, "name": "Ann"}] * 2)
        self.assertEqual(calls, [7])
        self.assertIn(self.r.ttl("get_user:7"), range(590, 601))
        self.r.delete("get_user:7")
        get_user(7)
        self.assertEqual(calls, [7, 7])

    def test_a_leaderboard(self):
        r = self.r
        r.zadd("leaderboard", {"player1": 1000, "player2": 1500})
        r.zincrby("leaderboard", 100, "player1")
        top = r.zrevrange("leaderboard", 0, 9, withscores=True)
        self.assertEqual(
            [(name, score) for name, score in top], [("player2", 1500), ("player1", 1100)]
        )
        self.assertEqual(r.zrevrank("leaderboard", "player1"), 1)

    def test_notifications(self):
        received, subscribed = queue.Queue(), threading.Event()

        def listen():
            pubsub = self.client().pubsub()
            pubsub.subscribe("notifications")
            pubsub.psubscribe("user:*:notifications")
            for message in pubsub.listen():
                if message["type"] == "psubscribe":
                    subscribed.set()
                elif message["type"].endswith("message"):
                    received.put((message["channel"], json.loads(message["data"])))
                    if message["type"] == "pmessage":
                        break
            pubsub.close()

        thread = threading.Thread(target=listen)
        thread.start()
        self.assertTrue(subscribed.wait(PATIENCE))
        self.r.publish("notifications", json.dumps({"n": 1}))
        self.r.publish("user:7:notifications", json.dumps({"n": 2}))
        thread.join(PATIENCE)
        self.assertEqual(received.get_nowait(), ("notifications", {"n": 1}))
        self.assertEqual(received.get_nowait(), ("user:7:notifications", {"n": 2}))

    def test_a_rate_limit(self):
        def rate_limit(key, limit, window, now):
            self.r.zremrangebyscore(key, 0, now - window)
            if self.r.zcard(key) >= limit:
                return False
            self.r.zadd(key, {str(now): now})
            self.r.expire(key, window)
            return True

        start = time.time()
        admitted = [rate_limit("rate:api:7", 10, 60, start + n) for n in range(80)]
        self.assertEqual(admitted, [n % 60 < 10 for n in range(80)])
        self.assertIn(self.r.ttl("rate:api:7"), range(50, 61))

    def test_a_session(self):
        r = self.r
        session = {"user_id": 123, "username": "john", "role": "admin", "ip": "192.168.1.1"}
        r.setex("session:abc", 3600, json.dumps(session))
        self.assertEqual(json.loads(r.get("session:abc")), session)
        r.expire("session:abc", 3600)
        self.assertIn(r.ttl("session:abc"), range(3590, 3601))
        r.delete("session:abc")
        self.assertIsNone(r.get("session:abc"))

    def test_hash_tags(self):
        self.r.mset({"{user:123}:profile": "p", "{user:123}:settings": "s"})
        self.assertEqual(self.r.mget("{user:123}:profile", "{user:123}:settings"), ["p", "s"])

    def test_info(self):
        info = self.r.info()
        self.assertRegex(info["used_memory_human"], r"^[0-9.]+[BKMG]$")
        self.assertGreaterEqual(info["connected_clients"], 1)
        self.assertGreater(info["total_commands_processed"], 0)


def with_both_protocols(loader, argv):
    """Every case once more with RESP3."""
    suite = unittest.TestSuite()
    module = sys.modules[__name__]
    for case in [case for case in vars(module).values() if isinstance(case, type)]:
        if not issubclass(case, unittest.TestCase) or case is Case:
            continue
        suite.addTests(loader.loadTestsFromTestCase(case))
        if getattr(case, "protocol", 3) == 2:
            again = type(f"{case.__name__}Resp3", (case,), {"protocol": 3, "__module__": __name__})
            suite.addTests(loader.loadTestsFromTestCase(again))
    if argv:
        suite = unittest.TestSuite(
            test for case in suite for test in [case] if any(word in test.id() for word in argv)
        )
    return suite


def main():
    global BINARY
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BINARY = sys.argv[1]
    suite = with_both_protocols(unittest.TestLoader(), sys.argv[2:])
    result = unittest.TextTestRunner(warnings="ignore").run(suite)
    failed = len(result.failures) + len(result.errors)
    word = "ok" if failed == 0 else "FAILED"
    # As cargo's tests end, which is what is counted.
    print(f"test result: {word}. {result.testsRun - failed} passed; {failed} failed", flush=True)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
