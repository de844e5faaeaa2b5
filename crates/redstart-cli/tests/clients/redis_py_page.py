#!/usr/bin/env python3
"""A page of everyday Redis, lived through on a redis-server and on SERVER, with equal results.

Usage: redis_py_page.py SERVER

Caching, a leaderboard, unique visitors, places, active users, messages, a rate limit, sessions, hash
tags, figures, the slow log, MONITOR and snapshots, by redis-py, with RESP2 and RESP3: every result is
compared. Then both servers are killed, and what they read back from their append-only files is
compared too, and each reads the other's.
"""

import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import warnings
from functools import wraps

# What is imported next lies among the sources.
sys.dont_write_bytecode = True
from redis_py import PATIENCE, Server  # noqa: E402

NOON = 1_705_320_000


class Page:
    """One life of the page; `results` are what it saw, by name."""

    def __init__(self, server, protocol):
        self.server = server
        self.protocol = protocol
        self.r = self.client()
        self.r.flushall()
        self.results = {}

    def client(self):
        return self.server.client(protocol=self.protocol)

    def live(self):
        for name, part in vars(Page).items():
            if name.startswith("part_"):
                self.results[name.removeprefix("part_")] = part(self)
        self.r.close()
        return self.results

    def part_caching(self):
        r, asked = self.r, []

        def cached(ttl):
            def decorate(function):
                @wraps(function)
                def wrapper(*args):
                    key = ":".join([function.__name__, *map(str, args)])
                    if found := r.get(key):
                        return json.loads(found)
                    result = function(*args)
                    r.setex(key, ttl, json.dumps(result))
                    return result

                return wrapper

            return decorate

        @cached(ttl=600)
        def get_user(number):
            asked.append(number)
            return {"id": number, "visits": len(asked)}

        first, again = get_user(7), get_user(7)
        lives = 590 <= r.ttl("get_user:7") <= 600
        # A star in a name is a star, and no pattern.
        invalidated = [r.delete("get_user:7"), r.delete("get_user:*")]
        return first, again, lives, invalidated, get_user(7), asked

    def part_leaderboard(self):
        r = self.r
        added = r.zadd("leaderboard", {"player1": 1000, "player2": 1500})
        raised = r.zincrby("leaderboard", 100, "player1")
        top = r.zrevrange("leaderboard", 0, 9, withscores=True)
        return added, raised, top, r.zrevrank("leaderboard", "player1")

    def part_unique_visitors(self):
        r = self.r
        days = ["visitors:2024-01-15", "visitors:2024-01-16"]
        added = [r.pfadd(days[0], "user1", "user2", "user3"), r.pfadd(days[0], "user1")]
        r.pfadd(days[1], *(f"user{number}" for number in range(5_000)))
        counts = [r.pfcount(days[0]), r.pfcount(days[1]), r.pfcount(*days)]
        merged = r.pfmerge("visitors:week", *days)
        return added, counts, merged, r.pfcount("visitors:week"), [r.strlen(day) for day in days]

    def part_places(self):
        r = self.r
        added = [
            r.geoadd("locations", [-73.97, 40.77, "Times Square"]),
            r.geoadd("locations", [-74.00, 40.71, "Wall Street", -0.1276, 51.5072, "London"]),
        ]
        near = r.georadius("locations", -73.98, 40.75, 5, unit="km")
        told = r.georadius(
            "locations",
            -73.98,
            40.75,
            5,
            unit="km",
            withdist=True,
            withcoord=True,
            withhash=True,
            sort="ASC",
        )
        around = r.georadiusbymember("locations", "Wall Street", 10, unit="mi", count=1)
        box = r.geosearch(
            "locations", member="Times Square", width=9_000, height=20, unit="km", sort="DESC"
        )
        stored = r.geosearchstore(
            "near", "locations", longitude=-74, latitude=40.7, radius=9, unit="km", storedist=True
        )
        return (
            added,
            near,
            told,
            around,
            box,
            stored,
            r.zrange("near", 0, -1, withscores=True),
            r.geodist("locations", "Times Square", "London", unit="km"),
            r.geopos("locations", "London", "nowhere"),
            r.geohash("locations", "Wall Street", "nowhere"),
        )

    def part_active_users(self):
        r = self.r
        before = [r.setbit("dau:2024-01-15", user, 1) for user in (3, 7, 1_000, 7)]
        r.setbit("dau:2024-01-16", 7, 1)
        both = r.bitop("AND", "dau:both", "dau:2024-01-15", "dau:2024-01-16")
        counts = [r.bitcount("dau:2024-01-15"), r.bitcount("dau:both")]
        return before, both, counts, r.getbit("dau:both", 7)

    def part_messages(self):
        received, subscribed = queue.Queue(), threading.Event()

        def listen():
            client = self.client()
            pubsub = client.pubsub()
            pubsub.subscribe("notifications")
            pubsub.psubscribe("user:*:notifications")
            for message in pubsub.listen():
                received.put(message)
                if message["type"] == "psubscribe":
                    subscribed.set()
                if message["type"] == "pmessage":
                    break
            pubsub.close()
            client.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        if not subscribed.wait(PATIENCE):
            raise RuntimeError("nobody listens")
        reached = [
            self.r.publish("notifications", json.dumps({"text": "to all"})),
            self.r.publish("user:7:notifications", json.dumps({"text": "to one"})),
            self.r.publish("elsewhere", "to nobody"),
        ]
        thread.join(PATIENCE)
        return reached, [received.get_nowait() for _ in range(4)]

    def part_rate_limit(self):
        r = self.r

        def admits(key, limit, window, now):
            r.zremrangebyscore(key, 0, now - window)
            if r.zcard(key) >= limit:
                return False
            r.zadd(key, {str(now): now})
            r.expire(key, window)
            return True

        admitted = [admits("rate:api:7", 3, 10, NOON + second / 2) for second in range(40)]
        return admitted, r.zrange("rate:api:7", 0, -1, withscores=True)

    def part_sessions(self):
        r = self.r
        data = {"user_id": 123, "username": "john", "role": "admin", "ip": "192.168.1.1"}
        created = r.setex("session:abc", 3600, json.dumps(data))
        r.setex("session:over", 3600, "x")
        extended = r.expire("session:abc", 7200)
        lives = 7190 <= r.ttl("session:abc") <= 7200
        left = r.delete("session:over")
        return created, json.loads(r.get("session:abc")), extended, lives, left, r.get("session:over")

    def part_hash_tags(self):
        self.r.mset({"{user:123}:profile": "p", "{user:123}:settings": "s"})
        return self.r.mget("{user:123}:profile", "{user:123}:settings", "{user:123}:absent")

    def part_figures(self):
        info = self.r.info()
        kinds = {
            name: type(info[name]).__name__
            for name in ("used_memory_human", "connected_clients", "total_commands_processed")
        }
        return kinds, info["redis_version"], info["role"], info["db0"]["keys"]

    def part_slow_log(self):
        r = self.r
        before = r.config_get("slowlog-log-slower-than")
        r.config_set("slowlog-log-slower-than", 0)
        r.slowlog_reset()
        r.set("slow", "v")
        r.get("slow")
        entries = r.slowlog_get(10)
        r.config_set("slowlog-log-slower-than", before["slowlog-log-slower-than"])
        fields = [sorted(entry) for entry in entries]
        return before, [entry["command"] for entry in entries], fields

    def part_monitor(self):
        watcher = self.client()
        with watcher.monitor() as monitor:
            self.r.set("watched", 'a "quoted"\n value')
            self.r.incr("watched:count")
            seen = []
            for command in monitor.listen():
                seen.append((command["command"], command["db"], command["client_type"]))
                if "INCR" in command["command"]:
                    break
        watcher.close()
        return seen

    def part_snapshots(self):
        r = self.r
        saved = [r.bgsave() is not False]
        self.until(lambda: not r.info("persistence")["rdb_bgsave_in_progress"])
        saved.append(r.info("persistence")["rdb_last_bgsave_status"])
        rewritten = [r.bgrewriteaof() is not False]
        self.until(
            lambda: not any(
                r.info("persistence")[name]
                for name in ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
            )
        )
        rewritten.append(r.info("persistence")["aof_last_bgrewrite_status"])
        return saved, rewritten

    def until(self, holds):
        """Asks again and again: each question takes its time."""
        for _ in range(PATIENCE * 1_000):
            if holds():
                return
        raise RuntimeError("a save does not end")


def contents(server):
    """All a server holds. Times to live only by whether there is one."""
    client = server.client()
    readers = {
        "string": lambda key: raw(server, key),
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    held = {
        key: (readers[client.type(key)](key), client.ttl(key) > 0)
        for key in sorted(client.keys("*"))
    }
    client.close()
    return held


def raw(server, key):
    """The bytes of a string, which may be no text."""
    client = server.client(decode_responses=False)
    value = client.get(key)
    client.close()
    return value


class Checks:
    """Counts what was compared, as cargo's tests end."""

    def __init__(self):
        self.passed = self.failed = 0

    def equal(self, what, ours, theirs):
        if ours == theirs:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {what}\n   ours: {ours}\n theirs: {theirs}", file=sys.stderr)

    def end(self):
        word = "ok" if self.failed == 0 else "FAILED"
        print(f"test result: {word}. {self.passed} passed; {self.failed} failed", flush=True)
        return self.failed != 0


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore", DeprecationWarning)
    checks = Checks()
    durable = ["--appendonly", "yes", "--appendfsync", "always"]
    servers = [Server(binary, *durable) for binary in (sys.argv[1], "redis-server")]
    try:
        for protocol in (2, 3):
            ours, theirs = [Page(server, protocol).live() for server in servers]
            for name, result in theirs.items():
                checks.equal(f"{name} (RESP{protocol})", ours.get(name), result)
        survive(checks, servers)
    finally:
        for server in servers:
            server.stop()
    sys.exit(checks.end())


def survive(checks, servers):
    """Kills the servers and starts them again: on their own files, then on each other's."""
    held = [contents(server) for server in servers]
    checks.equal("all that is held", *held)
    with tempfile.TemporaryDirectory() as shelf:
        for number, server in enumerate(servers):
            server.kill()
            shutil.copytree(files_of(server), os.path.join(shelf, str(number)))
            server.start()
            checks.equal("what a killed server had", contents(server), held[number])
            server.kill()
        for number, server in enumerate(servers):
            shutil.rmtree(files_of(server))
            shutil.copytree(os.path.join(shelf, str(1 - number)), files_of(server))
            server.start()
            checks.equal("what the other server had", contents(server), held[1 - number])


def files_of(server):
    """Where a server keeps its append-only files."""
    return os.path.join(server.directory.name, "appendonlydir")


if __name__ == "__main__":
    main()
