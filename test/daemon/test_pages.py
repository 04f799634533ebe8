#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pages of a configured upstream, kept and fetched ahead (F1 to F6): what a shared cache may keep, single flight, and chains
of pages that are there before they are asked for, counted at the upstream."""
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from certificates import Authority
from harness import FOREWARM, Daemon, call, connect_refused, main, wait_for
from page_server import Pages

FRESH = {"Cache_Control": "max-age=600"}


def daemon(pages, **more):
    options = {"upstream": pages.url, "paths": ["/p/"], **more.pop("prefetch", {})}
    d = Daemon(prefetch=options, **more)
    return d


def get(d, path, session=None, **headers):
    extra = {k.replace("_", "-"): v for k, v in headers.items()}
    if session:
        extra["x-session-id"] = session
    return call(d.port, "GET", path, headers=extra)


def said(answer):
    assert f'desc="{answer.headers["x-forewarm-cache"]}"' in answer.headers["server-timing"], answer.headers
    return answer.headers["x-forewarm-cache"]


def fixed(body=b"hello\n", status=200, **headers):
    return lambda handler, note: handler.say(status, body, **headers)


def kept_and_served():
    with Pages() as pages, daemon(pages, prefetch={"prefetch": False}) as d:
        pages.pages["/p/a"] = fixed(b"body a\n", **FRESH, Content_Type="text/plain", Server_Timing="app;dur=3")
        pages.pages["/p/empty"] = fixed(b"", **FRESH)
        pages.pages["/p/gone"] = fixed(b"gone\n", 410, **FRESH)
        pages.pages["/p/moved"] = fixed(b"", 301, Location="/p/a", **FRESH)
        d.start()
        first = get(d, "/p/a")
        assert (first.status, first.body, said(first)) == (200, b"body a\n", "miss"), first.headers
        second = get(d, "/p/a")
        assert (second.status, second.body, said(second)) == (200, b"body a\n", "hit")
        assert second.headers["content-type"] == "text/plain" and int(second.headers["age"]) < 60
        assert b"Server-Timing: app;dur=3\r\n" in raw(d, b"GET /p/a HTTP/1.0\r\n\r\n")
        head = call(d.port, "HEAD", "/p/a")
        assert said(head) == "hit" and head.headers["content-length"] == "7" and head.body == b""
        assert get(d, "/p/empty").body == b"" and said(get(d, "/p/empty")) == "hit"
        for path, status in (("/p/gone", 410), ("/p/moved", 301)):
            assert get(d, path).status == status and said(get(d, path)) == "hit", path
        assert pages.count("/p/a") == 1 and pages.count("/p/empty") == 1
        # the query is part of the name
        assert said(get(d, "/p/a?x=1")) == "miss" and said(get(d, "/p/a?x=1")) == "hit"
        # only-if-cached
        assert get(d, "/p/other", Cache_Control="only-if-cached").status == 504
        assert get(d, "/p/a", Cache_Control="only-if-cached").status == 200
        assert pages.count("/p/other") == 0
        # what is not under the paths is none of it
        assert get(d, "/other").status in (400, 404) and pages.count("/other") == 0


def not_kept():
    """F6: what may not be shared never is."""
    with Pages() as pages, daemon(pages) as d:
        for name, headers in {"private": {"Cache_Control": "private, max-age=60"}, "nostore": {"Cache_Control": "no-store"},
                              "cookie": {"Cache_Control": "max-age=60", "Set_Cookie": "a=b"},
                              "star": {"Cache_Control": "max-age=60", "Vary": "*"}, "nothing": {}}.items():
            pages.pages["/p/" + name] = fixed(**headers)
        pages.pages["/p/mine"] = lambda h, n: h.say(200, n["headers"].get("cookie", "nobody").encode(), **FRESH)
        pages.pages["/p/public"] = fixed(b"all\n", Cache_Control="public, max-age=60")
        d.start()
        for name in ("private", "nostore", "cookie", "star", "nothing"):
            for _ in range(3):
                answer = get(d, "/p/" + name)
                assert answer.status == 200 and said(answer) in ("miss", "pass"), (name, answer.headers)
            assert pages.count("/p/" + name) == 3, name
        # a user's page is that user's
        assert get(d, "/p/mine", Cookie="who=ada").body == b"who=ada"
        assert get(d, "/p/mine", Cookie="who=bob").body == b"who=bob"
        assert get(d, "/p/mine").body == b"nobody" and said(get(d, "/p/mine")) == "hit"
        assert get(d, "/p/mine", Cookie="who=ada").body == b"who=ada"
        # nobody chooses for others what a server answers by, and does not name in Vary
        pages.pages["/p/host"] = lambda h, n: h.say(200, n["headers"].get("x-forwarded-host", "ours").encode(), **FRESH)
        assert get(d, "/p/host", X_Forwarded_Host="evil").body == b"evil"
        assert get(d, "/p/host").body == b"ours" and said(get(d, "/p/host")) == "hit"
        assert get(d, "/p/host", X_Forwarded_Host="evil").body == b"evil"
        # unless it says that it is for everybody
        assert said(get(d, "/p/public", Cookie="who=ada")) in ("miss", "pass") and said(get(d, "/p/public", Cookie="who=bob")) == "hit"
        assert said(get(d, "/p/public", Authorization="Bearer x")) == "hit"
        assert said(get(d, "/p/mine", Authorization="Bearer x")) == "pass"


def revalidated():
    state = {"tag": '"1"', "body": b"one\n"}

    def page(handler, note):
        if note["headers"].get("if-none-match") == state["tag"]:
            handler.say(304, b"", ETag=state["tag"], Cache_Control="max-age=0", Note="renewed")
        else:
            handler.say(200, state["body"], ETag=state["tag"], Cache_Control="max-age=0", Link="</p/x>; rel=prefetch")

    with Pages() as pages, daemon(pages, prefetch={"prefetch": False}) as d:
        pages.pages["/p/e"] = page
        pages.pages["/p/since"] = lambda h, n: h.say(304 if "if-modified-since" in n["headers"] else 200, b"since\n",
                                                     Last_Modified="Sun, 06 Nov 1994 08:49:37 GMT", Cache_Control="no-cache")
        d.start()
        assert said(get(d, "/p/e")) == "miss"
        again = get(d, "/p/e")
        assert (said(again), again.body, again.headers["note"]) == ("revalidated", b"one\n", "renewed"), again.headers
        assert pages.last("/p/e")["headers"]["if-none-match"] == '"1"'
        state.update(tag='"2"', body=b"two\n")
        assert get(d, "/p/e").body == b"two\n" and get(d, "/p/e").body == b"two\n"
        assert get(d, "/p/since").body == b"since\n" and get(d, "/p/since").body == b"since\n"
        # a client that has it is told so, from the store and from the upstream
        pages.pages["/p/f"] = fixed(b"f\n", ETag='"f"', **FRESH)
        assert get(d, "/p/f", If_None_Match='"other"').status == 200
        known = get(d, "/p/f", If_None_Match='W/"f"')
        assert known.status == 304 and known.body == b"" and said(known) == "hit", known
        assert pages.count("/p/f") == 1
        # no-cache asks anew
        assert said(get(d, "/p/f", Cache_Control="no-cache")) == "revalidated" and pages.count("/p/f") == 2
        # what writes makes it wrong
        assert said(get(d, "/p/f")) == "hit"
        assert call(d.port, "POST", "/p/f", b"new").status == 200
        assert said(get(d, "/p/f")) != "hit"


def varies():
    with Pages() as pages, daemon(pages, prefetch={"prefetch": False}) as d:
        pages.pages["/p/v*"] = lambda h, n: h.say(200, n["headers"].get("accept-language", "-").encode(),
                                                  Vary="Accept-Language", **FRESH)
        d.start()
        for language in ("de", "fr", "de", "fr", "de"):
            assert get(d, "/p/v1", Accept_Language=language).body == language.encode()
        assert get(d, "/p/v1").body == b"-"
        assert pages.count("/p/v1") == 3, pages.count("/p/v1")
        assert said(get(d, "/p/v1", Accept_Language="fr")) == "hit"


def at_once(count, work):
    """Runs it so many times in threads that begin together; the results."""
    barrier, results = threading.Barrier(count), [None] * count

    def run(i):
        barrier.wait()
        results[i] = work(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def loaded_once():
    """F3: however many want it, it is fetched once; what turns out not to be kept is fetched for each."""
    go = threading.Event()

    def slow(handler, note):
        go.wait(20)
        handler.say(200, b"x" * 100000, **FRESH)

    def slow_private(handler, note):
        go.wait(20)
        handler.say(200, b"mine", Cache_Control="private")

    with Pages() as pages, daemon(pages, io_threads=3) as d:
        pages.pages["/p/slow"], pages.pages["/p/private"] = slow, slow_private
        d.start()
        for path, size, fetched in (("/p/slow", 100000, 1), ("/p/private", 4, 24)):
            go.clear()
            threading.Timer(0.5, go.set).start()
            answers = at_once(24, lambda i: get(d, path))
            assert all(a.status == 200 and len(a.body) == size for a in answers)
            assert pages.count(path) == fetched, (path, pages.count(path))
        joined = [said(a) for a in at_once(4, lambda i: get(d, "/p/slow"))]
        assert joined == ["hit"] * 4, joined


def chain(handler, note):
    number = int(note["path"].rpartition("_")[2])
    handler.say(200, f"page {number}\n".encode() * 100, Link=f"</p/page_{number + 1}>; rel=next", **FRESH)


def fetched_ahead(strategies, io_threads):
    with Pages() as pages, daemon(pages, prefetch={"strategies": strategies}, io_threads=io_threads) as d:
        pages.pages["/p/page_*"] = chain
        d.start()
        results = []
        for number in range(1, 13):
            answer = get(d, f"/p/page_{number}", "s1")
            assert answer.body == f"page {number}\n".encode() * 100
            results.append(said(answer))
            until = time.monotonic() + 0.5  # a reader reads; what is expected has time to come
            while time.monotonic() < until and pages.count(f"/p/page_{number + 1}") == 0:
                time.sleep(0.01)
            time.sleep(0.02)
        ahead = [r for r in results if r in ("prefetched", "late")]
        assert len(ahead) >= 7, (strategies, results)
        asked = {n["path"] for n in pages.seen}
        assert all(pages.count(path) == 1 for path in asked), "a page was fetched twice"
        for note in pages.seen:
            if "sec-purpose" in note["headers"]:
                assert note["headers"]["sec-purpose"] == "prefetch"
                assert "cookie" not in note["headers"] and "authorization" not in note["headers"]
        metrics = d.get("/metrics").body.decode()
        numbers = {line.split()[0]: float(line.split()[1]) for line in metrics.splitlines() if line.startswith("forewarm_pre")}
        assert numbers["forewarm_prefetch_issued_total"] >= len(ahead), numbers
        assert numbers["forewarm_prefetch_used_total"] + numbers["forewarm_prefetch_late_total"] == len(ahead), (numbers, results)
        return results


def links_are_followed():
    fetched_ahead(["links"], 1)


def names_go_on():
    fetched_ahead("names", 2)


def learned_chains():
    """F2: what sessions asked for in this order before comes before it is asked for again."""
    order = ["/p/home", "/p/list", "/p/detail", "/p/buy", "/p/thanks"]
    with Pages() as pages, daemon(pages, prefetch={"strategies": "mix", "cache": "1MiB", "object_max": "64KiB"}) as d:
        for path in order:
            pages.pages[path] = fixed(b"x" * 1000, **FRESH)
        d.start()
        ahead = 0
        for session in range(5):
            for path in order:
                ahead += said(get(d, path, f"s{session}")) in ("prefetched", "late")
                time.sleep(0.05)
            for path in order:  # what is kept is wrong now: each session needs its own
                assert call(d.port, "POST", path, b"").status == 200
        assert ahead >= 4, ahead  # of 20, 5 of which nobody could know
        expected = d.get("/v1/next?session=s4").json
        assert "pages" in expected, expected


def hints_are_no_demand():
    """Requests with Sec-Purpose: prefetch are guesses of the client's: kept, but nothing is learned or counted."""
    with Pages() as pages, daemon(pages, prefetch={"strategies": "links"}) as d:
        pages.pages["/p/page_*"] = chain
        d.start()
        assert get(d, "/p/page_1", "s", Sec_Purpose="prefetch").status == 200
        time.sleep(0.3)
        assert pages.count("/p/page_2") == 0, "a client's guess was taken for demand"
        assert said(get(d, "/p/page_1", "s")) == "hit" and pages.count("/p/page_1") == 1
        wait_for("the next page to be fetched", lambda: pages.count("/p/page_2", ahead=True) == 1)


def gives_way():
    """F4: while clients' requests fill the upstream nothing is fetched ahead."""
    go = threading.Event()

    def slow(handler, note):
        go.wait(20)
        handler.say(200, b"slow", **FRESH)

    with Pages() as pages, daemon(pages, prefetch={"strategies": "links", "yield_at": 2}) as d:
        pages.pages["/p/slow*"], pages.pages["/p/page_*"] = slow, chain
        d.start()
        threads = [threading.Thread(target=get, args=(d, f"/p/slow{i}")) for i in range(3)]
        for t in threads:
            t.start()
        wait_for("the upstream to be busy", lambda: sum(pages.count(f"/p/slow{i}") for i in range(3)) == 3)
        assert get(d, "/p/page_1", "s").status == 200
        time.sleep(0.4)
        assert pages.count("/p/page_2") == 0, "fetched ahead beside clients"
        assert get(d, "/p/page_9", "t", Sec_Purpose="prefetch").status == 503, "a client's guess was let in"
        go.set()
        for t in threads:
            t.join()
        assert get(d, "/p/page_5", "s").status == 200
        wait_for("the next page to be fetched", lambda: pages.count("/p/page_6") == 1)


def raw(d, request):
    with socket.create_connection(("127.0.0.1", d.port), 20) as s:
        s.sendall(request)
        data = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                return data
            data += piece


def odd_bodies():
    """Chunked, closed, cut, giant: what is whole and small is kept, what is cut never is."""
    def chunked(handler, note):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
                            b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: no\r\n\r\n")

    def closed(handler, note):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nto the end")
        handler.close_connection = True

    def cut(handler, note):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nonly this")
        handler.close_connection = True

    def cut_chunk(handler, note):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        handler.close_connection = True

    with Pages() as pages, daemon(pages, prefetch={"object_max": "1MiB", "cache": "8MiB"}) as d:
        pages.pages.update({"/p/chunked": chunked, "/p/closed": closed, "/p/cut": cut, "/p/cut_chunk": cut_chunk,
                            "/p/giant": fixed(b"g" * 5_000_000, **FRESH), "/p/big": fixed(b"b" * 1_000_000, **FRESH),
                            "/p/bad": lambda h, n: h.wfile.write(b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n")})
        d.start()
        for path, body in (("/p/chunked", b"hello world"), ("/p/closed", b"to the end")):
            assert get(d, path).body == body and pages.count(path) == 1
            again = get(d, path)
            assert again.body == body and said(again) == "hit" and again.headers["content-length"] == str(len(body))
        for path in ("/p/cut", "/p/cut_chunk"):
            for n in (1, 2):
                head, _, body = raw(d, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(b"\r\n\r\n")
                assert b" 200 " in head and b"x-forewarm-cache: hit" not in head and not body.endswith(b"0\r\n\r\n")
                assert pages.count(path) == n, "a cut answer was kept"
        for _ in range(2):
            assert len(get(d, "/p/giant").body) == 5_000_000
        assert pages.count("/p/giant") == 2
        assert get(d, "/p/big").body == get(d, "/p/big").body == b"b" * 1_000_000 and pages.count("/p/big") == 1
        assert get(d, "/p/bad").status == 502
        # HTTP/1.0 clients
        assert raw(d, b"GET /p/chunked HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\nhello world")
        pages.pages["/p/chunked0"] = chunked
        assert raw(d, b"GET /p/chunked0 HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\nhello world")


def clients_leave():
    """F3: a client that leaves does not take the page from those who wait, nor from those to come."""
    go = threading.Event()

    def slow(handler, note):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100000)
        go.wait(20)
        handler.wfile.write(b"b" * 100000)

    with Pages() as pages, daemon(pages, io_threads=2) as d:
        pages.pages["/p/slow"] = slow
        d.start()
        leader = socket.create_connection(("127.0.0.1", d.port), 20)
        leader.sendall(b"GET /p/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert leader.recv(1000)
        joiners = [socket.create_connection(("127.0.0.1", d.port), 20) for _ in range(3)]
        for s in joiners:
            s.sendall(b"GET /p/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        leader.close()
        joiners[0].close()
        result = []
        late = threading.Thread(target=lambda: result.append(get(d, "/p/slow")))
        late.start()
        time.sleep(0.3)
        go.set()
        late.join()
        assert result[0].body == b"a" * 100000 + b"b" * 100000 and said(result[0]) in ("joined", "hit"), result[0].headers
        for s in joiners[1:]:
            assert b"joined" in s.recv(100000)
            s.close()
        assert pages.count("/p/slow") == 1 and said(get(d, "/p/slow")) == "hit"


def upstream_dead():
    pages = Pages()
    with daemon(pages, connect_timeout="2s") as d:
        pages.pages["/p/stale"] = fixed(b"old\n", ETag='"o"', Cache_Control="max-age=0, stale-if-error=600")
        pages.pages["/p/fresh"] = fixed(b"fresh\n", **FRESH)
        pages.pages["/p/strict"] = fixed(b"strict\n", ETag='"o"', Cache_Control="max-age=0, must-revalidate, stale-if-error=600")
        pages.pages["/p/slow"] = lambda h, n: time.sleep(3)
        d.start()
        for name in ("stale", "fresh", "strict"):
            assert get(d, "/p/" + name).status == 200
        pages.close()
        assert said(get(d, "/p/fresh")) == "hit"
        for _ in range(2):
            stale = get(d, "/p/stale")
            assert (stale.status, stale.body, said(stale)) == (200, b"old\n", "stale"), stale
        failed = get(d, "/p/strict")
        assert failed.status == 502 and failed.json["error"]["code"] == "upstream_unreachable", failed
        assert get(d, "/p/never").status == 502
        answers = at_once(8, lambda i: get(d, "/p/none"))
        assert {a.status for a in answers} == {502}


def upstream_slow():
    """F6: a fetch that hangs holds up nobody for longer than load_timeout."""
    go = threading.Event()

    def first_hangs(handler, note):
        if pages.count("/p/slow") == 1:
            go.wait(20)
        handler.say(200, b"here\n", **FRESH)

    with Pages() as pages, daemon(pages, prefetch={"load_timeout": "500ms"}) as d:
        pages.pages["/p/slow"] = first_hangs
        d.start()
        leader = []
        thread = threading.Thread(target=lambda: leader.append(get(d, "/p/slow")))
        thread.start()
        wait_for("the first to be at the upstream", lambda: pages.count("/p/slow") == 1)
        began = time.monotonic()
        second = get(d, "/p/slow")
        assert second.body == b"here\n" and 0.2 < time.monotonic() - began < 10, second.headers
        go.set()
        thread.join()
        assert leader[0].body == b"here\n" and pages.count("/p/slow") == 2


def reloaded():
    with Pages() as pages, daemon(pages) as d:
        pages.pages["/p/a"] = pages.pages["/q/a"] = fixed(b"a\n", **FRESH)
        d.start()
        assert said(get(d, "/p/a")) == "miss"

        def reload():
            count = d.log().count("configuration reloaded")
            d.write_config()
            d.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: d.log().count("configuration reloaded") > count)

        d.options["log_level"] = "debug"
        reload()
        assert said(get(d, "/p/a")) == "hit", "what was kept did not outlive a reload"
        d.options["prefetch"]["paths"] = ["/q/"]
        reload()
        wait_for("the new paths", lambda: get(d, "/q/a").status == 200)
        assert get(d, "/p/a").status in (400, 404)
        d.options["prefetch"]["budget"] = "10"
        d.write_config()
        d.process.send_signal(signal.SIGHUP)
        wait_for("the problem to be told", lambda: "prefetch.budget: found" in d.log())
        assert get(d, "/q/a").status == 200
        del d.options["prefetch"]
        d.exec_resource("m")
        reload()
        wait_for("no pages", lambda: get(d, "/q/a").status in (400, 404))


def crowd():
    """F6: many users at once, over all threads: bodies are right, those who leave and reloads do no harm, and every fetch ahead has one
    outcome. Seeded."""
    def body(number, language):
        return f"{number} in {language} ".encode() * (50 + number * 7)

    def page(handler, note):
        number = int(note["path"].rpartition("_")[2])
        handler.say(200, body(number, note["headers"].get("accept-language", "-")), Vary="Accept-Language", ETag='"1"' if number % 3 else '"2"',
                    Cache_Control=("max-age=1", "max-age=600", "private", "max-age=600, public")[number % 4],
                    Link=f"<page_{(number + 1) % 60}>; rel=next")

    with Pages() as pages, daemon(pages, prefetch={"cache": "1MiB", "object_max": "20KiB", "budget": "unlimited"}, io_threads=4) as d:
        pages.pages["/p/page_*"] = page
        d.start()
        wrong = []

        def user(i):
            dice = random.Random(i)
            number = dice.randrange(60)
            for _ in range(60):
                number = (number + (1 if dice.random() < 0.8 else dice.randrange(60))) % 60
                language = dice.choice(["de", "fr", "-"])
                headers = {"Accept-Language": language} if language != "-" else {}
                path = f"/p/page_{number}"
                if dice.random() < 0.05:
                    with socket.create_connection(("127.0.0.1", d.port), 20) as s:
                        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                        s.recv(dice.choice([1, 100, 4000]))
                elif dice.random() < 0.03:
                    call(d.port, "DELETE", path)
                else:
                    answer = call(d.port, "GET", path, headers={"x-session-id": f"u{i}", **headers})
                    if answer.status != 200 or answer.body != body(number, language):
                        wrong.append((path, language, answer))

        threads = [threading.Thread(target=user, args=(i,)) for i in range(16)]
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            d.options["log_level"] = "debug" if d.options.get("log_level") == "info" else "info"
            d.write_config()
            d.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
        assert not wrong, wrong[:3]
        told = d.get("/v1/resources").json["pages"][0]
        ahead = told["prefetch"]
        assert ahead["issued"] == sum(n for name, n in ahead.items() if name != "issued") and ahead["issued"] > 20, told
        assert told["kept_bytes"] <= 1 << 20 and told["requests"]["prefetched"] + told["requests"]["late"] > 0, told


def tokens_and_tls():
    """A token of forewarm's is no credential of the page's, and goes no further; upstreams over https are checked."""
    folder = tempfile.mkdtemp(prefix="forewarm-test-")
    try:
        authority = Authority(folder)
        with Pages(authority.sign("pages")) as pages:
            pages.pages["/p/*"] = lambda h, n: h.say(200, b"with" if "authorization" in n["headers"] else b"without", **FRESH)
            with daemon(pages, prefetch={"ca_file": authority.file}, tokens_file="tokens") as d:
                with open(os.path.join(d.dir, "tokens"), "w") as f:
                    f.write("first-token-123 use\nsecond-token-456 use,observe\n")
                os.chmod(os.path.join(d.dir, "tokens"), 0o600)
                d.write_config()
                d.start(wait=False)
                token = {"Authorization": "Bearer second-token-456"}
                wait_for("the daemon", lambda: not connect_refused(d.control) and d.get("/readyz").status == 200)
                assert get(d, "/p/a").status == 401 and pages.count("/p/a") == 0
                assert get(d, "/p/a", Authorization="Bearer first-token-123").body == b"without"
                again = get(d, "/p/a", **token)
                assert said(again) == "hit" and pages.count("/p/a") == 1
            stranger = Authority(folder, "stranger")
            with daemon(pages, prefetch={"ca_file": stranger.file}) as d:
                d.start()
                refused = get(d, "/p/b")
                assert refused.status == 502 and pages.count("/p/b") == 0, refused
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def checked():
    with Pages() as pages, daemon(pages) as d:
        d.write_config()
        told = subprocess.run([FOREWARM, "check", "-c", d.config], capture_output=True, text=True)
        assert told.returncode == 0 and told.stdout.endswith(": right; 0 resources, pages of 1 upstream\n"), told


def beside_models():
    """Models are served beside pages, and the status page tells both."""
    with Pages() as pages, daemon(pages) as d:
        pages.pages["/p/a"] = fixed(b"a\n", **FRESH)
        d.exec_resource("m")
        d.start()
        assert d.chat("m").status == 200 and get(d, "/p/a", "s").status == 200
        pages.pages["/p/page_*"] = chain
        get(d, "/p/page_1", "s")
        expected = d.get("/v1/next?session=s").json["pages"]
        assert any(e["target"] == "/p/page_2" and e["strategy"] == "links" and 0 < e["probability"] < 1 for e in expected), expected
        assert d.get("/v1/next?session=nobody").json["pages"] == []
        told = d.get("/v1/resources").json["pages"]
        assert told[0]["upstream"] == pages.url and told[0]["requests"]["miss"] == 2, told
        issued = told[0]["prefetch"].pop("issued")
        assert issued == sum(told[0]["prefetch"].values()) and issued >= 1, told
        status = subprocess.run([FOREWARM, "status", "--api", f"http://127.0.0.1:{d.control}"], capture_output=True, text=True).stdout
        assert f"pages of {pages.url} under /p/: 2 requests, 0 from memory" in status, status


if __name__ == "__main__":
    main([kept_and_served, not_kept, revalidated, varies, loaded_once, links_are_followed, names_go_on, learned_chains,
          hints_are_no_demand, gives_way, odd_bodies, clients_leave, upstream_dead,
          upstream_slow, reloaded, crowd, tokens_and_tls, checked, beside_models])
