"""redis-py against a redstart-server: the patterns people copy, in both protocols.

Run it with an interpreter that has redis-py, and name the server to start:

    python3 -m venv target/redis-py
    target/redis-py/bin/pip install redis
    cargo build -p redstart-cli
    target/redis-py/bin/python crates/redstart-cli/tests/clients/redis_py.py \
        target/debug/redstart-server

Any binary that takes redis-server's arguments will do; redis-server itself passes too. Every test
runs over a unix socket, once in RESP2 and once in RESP3.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings
from functools import wraps
from pathlib import Path

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

SERVER = None
SERVER_BINARY = None


class Server:
    """A server in a child process with a directory of its own."""

    def __init__(self, binary, *options):
        self.directory = tempfile.TemporaryDirectory(prefix="redstart-py-")
        self.socket = str(Path(self.directory.name) / "socket")
        command = [binary, "--port", "0", "--unixsocket", self.socket, "--save", "", *options]
        self.process = subprocess.Popen(
            command, cwd=self.directory.name, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        at_once = Retry(NoBackoff(), 0)
        while True:
            try:
                redis.Redis(unix_socket_path=self.socket, retry=at_once).ping()
                return
            except redis.AuthenticationError:
                return
            except redis.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        self.directory.cleanup()
        return code


class Case(unittest.TestCase):
    """Tests in one protocol, which a subclass names."""

    protocol = None

    def connect(self, **options):
        options.setdefault("decode_responses", True)
        client = redis.Redis(
            unix_socket_path=SERVER.socket, protocol=self.protocol, **options
        )
        self.addCleanup(client.close)
        return client

    def setUp(self):
        self.redis = self.connect()
        self.redis.flushall()

    def run_in_threads(self, count, work):
        failures = []

        def guarded(number):
            try:
                work(number, self.connect())
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Patterns(Case):
    """What the patterns' snippets do, as they are copied."""

    def test_caching(self):
        calls = []

        def cache(ttl):
            def decorator(func):
                @wraps(func)
                def wrapper(*args):
                    key = f"{func.__name__}:{':'.join(map(str, args))}"
                    cached = self.redis.get(key)
                    if cached:
                        return json.loads(cached)
                    result = func(*args)
                    self.redis.setex(key, ttl, json.dumps(result))
                    return result

                return wrapper

            return decorator

        @cache(ttl=600)
        def get_user(user_id):
            calls.append(user_id)
            return {"id": user_id, "name": "john"}

        self.assertEqual(get_user(123), {"id": 123, "name": "john"})
        self.assertEqual(get_user(123), {"id": 123, "name": "john"})
        self.assertEqual(calls, [123])
        self.assertIn(self.redis.ttl("get_user:123"), range(590, 601))
        self.assertEqual(self.redis.delete("get_user:123"), 1)
        self.assertIsNone(self.redis.get("get_user:123"))

    def test_leaderboard(self):
        players = {"player1": 1000, "player2": 1500}
        self.assertEqual(self.redis.zadd("leaderboard", players), 2)
        self.assertEqual(self.redis.zincrby("leaderboard", 100, "player1"), 1100.0)
        top = self.redis.zrevrange("leaderboard", 0, 9, withscores=True)
        self.assertEqual([tuple(entry) for entry in top], [("player2", 1500), ("player1", 1100)])
        self.assertEqual(self.redis.zrevrank("leaderboard", "player1"), 1)
        self.assertEqual(self.redis.zscore("leaderboard", "player2"), 1500.0)
        above = self.redis.zrangebyscore("leaderboard", "(1100", "+inf")
        self.assertEqual(above, ["player2"])

    def test_rate_limiting(self):
        def rate_limit(key, limit=100, window=60):
            current_time = time.time()
            self.redis.zremrangebyscore(key, 0, current_time - window)
            if self.redis.zcard(key) >= limit:
                return False
            self.redis.zadd(key, {str(current_time): current_time})
            self.redis.expire(key, window)
            return True

        allowed = [rate_limit("rate:api:1", limit=5) for _ in range(7)]
        self.assertEqual(allowed, [True] * 5 + [False] * 2)

    def test_sessions(self):
        session = {"user_id": 123, "username": "john", "role": "admin"}
        self.redis.setex("session:1", 3600, json.dumps(session))
        self.assertEqual(json.loads(self.redis.get("session:1")), session)
        self.assertTrue(self.redis.expire("session:1", 7200))
        self.assertIn(self.redis.ttl("session:1"), range(7190, 7201))
        self.redis.delete("session:1")
        self.assertFalse(self.redis.exists("session:1"))

    def test_pubsub(self):
        pubsub = self.redis.pubsub()
        self.addCleanup(pubsub.close)
        pubsub.subscribe("notifications")
        pubsub.psubscribe("user:*:notifications")
        kinds = [pubsub.get_message(timeout=5)["type"] for _ in range(2)]
        self.assertEqual(kinds, ["subscribe", "psubscribe"])
        publisher = self.connect()
        for number in range(100):
            self.assertEqual(publisher.publish("notifications", json.dumps({"n": number})), 1)
        publisher.publish("user:1:notifications", "hello")
        for number in range(100):
            message = pubsub.get_message(timeout=5)
            self.assertEqual(message["type"], "message")
            self.assertEqual(json.loads(message["data"]), {"n": number})
        message = pubsub.get_message(timeout=5)
        self.assertEqual(message["type"], "pmessage")
        self.assertEqual(message["pattern"], "user:*:notifications")
        counts = [tuple(count) for count in self.redis.pubsub_numsub("notifications")]
        self.assertEqual(counts, [("notifications", 1)])

    def test_monitoring(self):
        self.redis.set("k", "v")
        info = self.redis.info()
        self.assertEqual(info["redis_version"].split(".")[0], "7")
        self.assertGreater(info["used_memory"], 0)
        self.assertTrue(info["used_memory_human"])
        self.assertGreaterEqual(info["connected_clients"], 1)
        self.assertGreater(info["total_commands_processed"], 0)


class Commands(Case):
    """What the client itself relies on."""

    def test_types_of_values(self):
        raw = self.connect(decode_responses=False)
        everything = bytes(range(256))
        raw.set(b"\x00key\xff", everything)
        self.assertEqual(raw.get(b"\x00key\xff"), everything)
        large = b"x" * (4 << 20)
        raw.set("large", large)
        self.assertEqual(raw.get("large"), large)
        self.redis.hset("hash", mapping={"a": 1, "b": "two", "c": 3.5})
        self.assertEqual(self.redis.hgetall("hash"), {"a": "1", "b": "two", "c": "3.5"})
        self.redis.sadd("set", "a", "b", "c")
        self.assertEqual(set(self.redis.smembers("set")), {"a", "b", "c"})
        self.redis.rpush("list", *range(10))
        self.assertEqual(self.redis.lrange("list", 0, -1), [str(n) for n in range(10)])
        self.assertEqual(self.redis.incrbyfloat("float", 0.5), 0.5)
        self.assertEqual(self.redis.type("hash"), "hash")

    def test_options(self):
        self.assertTrue(self.redis.set("k", "v", nx=True, ex=100))
        self.assertIsNone(self.redis.set("k", "w", nx=True))
        self.assertEqual(self.redis.set("k", "w", xx=True, get=True, keepttl=True), "v")
        self.assertGreater(self.redis.ttl("k"), 0)
        self.assertEqual(self.redis.getdel("k"), "w")
        self.assertIsNone(self.redis.getex("k"))

    def test_pipelines_and_transactions(self):
        with self.redis.pipeline(transaction=False) as pipe:
            for number in range(10_000):
                pipe.set(f"key:{number}", number)
            self.assertEqual(pipe.execute(), [True] * 10_000)
        self.assertEqual(self.redis.dbsize(), 10_000)
        with self.redis.pipeline() as pipe:
            pipe.incr("n").incr("n").get("n")
            self.assertEqual(pipe.execute(), [1, 2, "2"])
        with self.redis.pipeline() as pipe:
            pipe.set("s", "text").incr("s").get("s")
            results = pipe.execute(raise_on_error=False)
            self.assertIsInstance(results[1], redis.ResponseError)
            self.assertEqual((results[0], results[2]), (True, "text"))

    def test_optimistic_locking(self):
        self.redis.set("counter", 0)

        def increment(pipe):
            value = int(pipe.get("counter"))
            pipe.multi()
            pipe.set("counter", value + 1)

        def work(_, connection):
            for _ in range(50):
                connection.transaction(increment, "counter")

        self.run_in_threads(4, work)
        self.assertEqual(self.redis.get("counter"), "200")

    def test_scan(self):
        names = {f"key:{number}" for number in range(1_000)}
        self.redis.mset({name: "v" for name in names})
        self.assertEqual(set(self.redis.scan_iter(match="key:*", count=100)), names)
        self.redis.hset("hash", mapping={name: "v" for name in names})
        self.assertEqual({field for field, _ in self.redis.hscan_iter("hash")}, names)
        self.redis.zadd("zset", {name: 1 for name in names})
        self.assertEqual({entry[0] for entry in self.redis.zscan_iter("zset")}, names)

    def test_scripts(self):
        script = self.redis.register_script(
            "redis.call('SET', KEYS[1], ARGV[1]) return {redis.call('GET', KEYS[1]), 7, false}"
        )
        self.assertEqual(script(keys=["k"], args=["v"]), ["v", 7, None])
        self.redis.script_flush()
        self.assertEqual(script(keys=["k"], args=["w"]), ["w", 7, None])
        with self.assertRaisesRegex(redis.ResponseError, "my error"):
            self.redis.eval("return redis.error_reply('my error')", 0)

    def test_locks(self):
        holders = []

        def work(number, connection):
            with connection.lock("lock", timeout=20, blocking_timeout=20, sleep=0.001):
                holders.append(number)
                self.assertEqual(holders, [number])
                holders.remove(number)

        self.run_in_threads(8, work)
        self.assertFalse(self.redis.exists("lock"))

    def test_connections(self):
        self.assertTrue(self.redis.client_setname("me"))
        self.assertEqual(self.redis.client_getname(), "me")
        ids = [int(client["id"]) for client in self.redis.client_list()]
        self.assertIn(self.redis.client_id(), ids)
        second = self.connect(db=2)
        second.set("k", "second")
        self.assertIsNone(self.redis.get("k"))
        policy = "maxmemory-policy"
        self.assertTrue(self.redis.config_set(policy, "allkeys-lru"))
        self.assertEqual(self.redis.config_get(policy), {policy: "allkeys-lru"})
        self.redis.config_set(policy, "noeviction")
        self.assertGreater(self.redis.command_count(), 100)

    def test_errors(self):
        self.redis.set("s", "text")
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            self.redis.lpush("s", 1)
        with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
            self.redis.incr("s")
        with self.assertRaisesRegex(redis.ResponseError, "unknown command"):
            self.redis.execute_command("NOSUCHCOMMAND")

    def test_asyncio(self):
        async def run():
            client = redis.asyncio.Redis(
                unix_socket_path=SERVER.socket, protocol=self.protocol, decode_responses=True
            )
            counts = await asyncio.gather(*(client.incr("n") for _ in range(100)))
            self.assertEqual(sorted(counts), list(range(1, 101)))
            async with client.pubsub() as pubsub:
                await pubsub.subscribe("channel")
                await pubsub.get_message(timeout=5)
                await client.publish("channel", "hello")
                message = await pubsub.get_message(timeout=5)
                self.assertEqual(message["data"], "hello")
            await client.aclose()

        asyncio.run(run())

    def test_passwords(self):
        locked = Server(SERVER_BINARY, "--requirepass", "secret")
        try:
            options = {
                "unix_socket_path": locked.socket,
                "protocol": self.protocol,
                "retry": Retry(NoBackoff(), 0),
            }
            with self.assertRaises(redis.AuthenticationError):
                redis.Redis(**options).get("k")
            with self.assertRaises(redis.AuthenticationError):
                redis.Redis(password="guess", **options).get("k")
            self.assertTrue(redis.Redis(password="secret", **options).ping())
        finally:
            self.assertEqual(locked.stop(), 0)


def main():
    global SERVER, SERVER_BINARY
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} SERVER_BINARY")
    # The snippets use what redis-py would rather have written otherwise.
    warnings.simplefilter("ignore", DeprecationWarning)
    SERVER_BINARY = str(Path(sys.argv[1]).absolute())
    SERVER = Server(SERVER_BINARY)
    suite = unittest.TestSuite()
    for case in (Patterns, Commands):
        for protocol in (2, 3):
            name = f"{case.__name__}Resp{protocol}"
            one = type(name, (case,), {"protocol": protocol})
            suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(one))
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout, warnings="ignore").run(suite)
    code = SERVER.stop()
    failed = len(result.failures) + len(result.errors)
    print(f"redis-py {redis.__version__}")
    print(f"{result.testsRun - failed} passed, {failed} failed")
    return 1 if failed or code != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
