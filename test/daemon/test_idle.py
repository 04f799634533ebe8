#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""10,000 idle connections: held within max_connections, more than that told to come back, memory flat; plain and under TLS.
Where this process may not open as many files, it says so and does what it may."""
import os
import resource
import socket
import ssl
import sys
import tempfile
import time

from certificates import Authority
from harness import Daemon, call, main, wait_for

WANTED = 10_000
# A sanitizer keeps what was freed for a while and adds to every allocation: its memory tells nothing of ours.
SANITIZED = os.environ.get("FOREWARM_BUILD", "").endswith(("asan", "tsan"))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
MAY = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard - 500)
if MAY < WANTED:
    print(f"this process may open {hard} files: {MAY} connections instead of {WANTED}")


def rss_kib(d):
    with open(f"/proc/{d.process.pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def connect(port):
    connection = socket.socket()
    # Addresses of their own: one pair of addresses has too few ports for three rounds of this.
    connection.bind((f"127.0.0.{2 + connect.count // 5000 % 200}", 0))
    connect.count += 1
    connection.connect(("127.0.0.1", port))
    return connection


connect.count = 0


def open_many(port, count, after=lambda connection: connection):
    return [after(connect(port)) for _ in range(count)]


def connections(d):
    for line in d.get("/metrics").body.decode().splitlines():
        if line.startswith('forewarm_connections{plane="data"}'):
            return int(float(line.split()[1]))
    return 0


def held_and_flat():
    with Daemon(max_connections=MAY, io_threads=2) as d:
        d.exec_resource("a")
        d.start()
        assert d.chat("a").status == 200
        before, rounds = rss_kib(d), []
        for _ in range(3):
            idle = open_many(d.port, MAY - 50)  # so many a thread: the kernel spreads them, not evenly to the last one
            for connection in idle[:2000]:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            answered = sum(b"200 OK" in connection.recv(4096) for connection in idle[:2000])
            wait_for("the connections to be counted", lambda: connections(d) > (MAY - 50) * 0.9)
            rounds.append(rss_kib(d))
            assert answered > 1900, f"{answered} of 2000 were answered"
            for connection in idle:
                connection.close()
            wait_for("all to be gone", lambda: connections(d) == 0)
        each = (rounds[0] - before) * 1024 / MAY
        print(f"      {MAY} connections: {before} KiB before, {rounds} KiB with them, {each:.0f} bytes each")
        assert SANITIZED or each < 4096, f"{each:.0f} bytes a connection"
        assert SANITIZED or rounds[-1] < rounds[0] * 1.1 + 2048, f"memory grows: {rounds}"


def as_many_files_as_may_be():
    """The daemon takes its hard limit; what it starts is left the soft one it had (select() breaks above 1024)."""
    with Daemon(max_connections=100) as d:
        d.exec_resource("a")
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
        d.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        assert d.chat("a").status == 200
        assert resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE)[0] == hard
        assert resource.prlimit(d.events("start", "a")[0]["pid"], resource.RLIMIT_NOFILE)[0] == 1024


def more_than_allowed_are_told():
    with Daemon(max_connections=100, io_threads=1) as d:
        d.exec_resource("a")
        d.start()
        idle = open_many(d.port, 100)
        wait_for("a hundred to be open", lambda: connections(d) == 100)
        answer = call(d.port, "GET", "/health")
        assert answer.status == 503 and answer.headers["retry-after"] == "1", answer
        flood = open_many(d.port, 1000)  # these are not kept
        wait_for("the rest to be closed", lambda: connections(d) <= 200)
        assert call(d.control, "GET", "/healthz").status == 200
        for connection in [*idle, *flood]:
            connection.close()
        wait_for("room to be again", lambda: call(d.port, "GET", "/health").status == 200)
        assert 'forewarm_refused_total{reason="connections"}' in d.get("/metrics").body.decode()


def held_under_tls():
    count = min(MAY, 2000)
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(directory)
        certificate, key = authority.sign("good")
        context = ssl.create_default_context(cafile=authority.file)
        with Daemon(tls={"certificate": certificate, "key": key}, max_connections=MAY, io_threads=2) as d:
            d.exec_resource("a")
            d.start()
            before, rounds = rss_kib(d), []
            for _ in range(2):
                idle = open_many(d.port, count, lambda c: context.wrap_socket(c, server_hostname="localhost"))
                rounds.append(rss_kib(d))
                for connection in idle:
                    connection.close()
                wait_for("all to be gone", lambda: connections(d) == 0)
            each = (rounds[0] - before) / count
            print(f"      {count} TLS connections: {each:.1f} KiB each, then {rounds} KiB")
            assert SANITIZED or each < 64, f"{each:.1f} KiB a connection"
            assert SANITIZED or rounds[-1] < rounds[0] * 1.1 + 4096, f"memory grows: {rounds}"


if __name__ == "__main__":
    main([held_and_flat, as_many_files_as_may_be, more_than_allowed_are_told, held_under_tls])
