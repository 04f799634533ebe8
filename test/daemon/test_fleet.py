#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several forewarms over one real Redis (W4, P8): one load at a time by fencing token, whoever dies and whatever is cut;
arrivals and what was learned are shared; without Redis each goes on alone."""
import concurrent.futures
import contextlib
import os
import subprocess
import time

import test_control
from fleet_parts import Cable, Redis, Shared, secret_file
from harness import FOREWARM, Daemon, alive, main, wait_for

LEASE_S = 1.5


def member(stack, port, shared, name, **options):
    d = stack.enter_context(Daemon(state=f"redis://127.0.0.1:{port}/0", node=name, lease_time=f"{LEASE_S}s",
                                   baseline="600s", **options))
    if shared:
        d.resources.append({"id": "m", "upstream": shared.url, "probe": d.probe(), "hold_timeout": "60s",
                            "warmer": {"kind": "http", "load": {"path": "/load", "method": "POST", "timeout": "60s"},
                                       "unload": {"path": "/unload", "method": "POST"}, "state": {"path": "/state"},
                                       "loaded": '"loaded"', "start_timeout": "60s"}})
    return d


def fleet_of(stack, count, shared, ports, **options):
    members = [member(stack, ports[i % len(ports)], shared, f"node{i}", **options) for i in range(count)]
    for d in members:
        d.start(wait=False)
    for d in members:
        wait_for("ready", d.is_ready)
        wait_for("the fleet to be joined", lambda d=d: "the fleet is joined" in d.log())
    # A Redis that has just started grants nothing for a lease time; the tests are about what comes then.
    time.sleep(LEASE_S)
    return members


class Crowd:
    """Requests to a cold model, spread over the members; every one is answered, or refused with a reason."""

    def __init__(self, members, count):
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        self.began = time.monotonic()
        self.answers = [self.pool.submit(self.ask, members[i % len(members)]) for i in range(count)]

    @staticmethod
    def ask(member):
        try:
            answer = member.chat("m", timeout=100)
            return answer.status, answer.body
        except OSError as error:
            return 0, str(error).encode()

    def statuses(self):
        found = [a.result() for a in self.answers]
        self.pool.shutdown()
        for status, body in found:
            assert status in (0, 200) or b'"message"' in body, (status, body)
        return [status for status, _ in found]


def crowd_of_500(count):
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=2.0)
        members = fleet_of(stack, count, shared, [redis.port])
        statuses = Crowd(members, 500).statuses()
        assert statuses == [200] * 500, {s: statuses.count(s) for s in set(statuses)}
        assert len(shared.times("load")) == 1 and shared.most == 1, shared.log[:20]
        assert shared.tokens("load")[0] > 0
        for d in members:
            faults = test_control.faults(d.get("/v1/fleet").json, {"$ref": "#/components/schemas/Fleet"})
            assert not faults, faults
            view = d.resource("m")["fleet"]
            assert view["phase"] == "proven" and view["by"].startswith("node"), view
        wait_for("all members to be known", lambda: len(members[0].get("/v1/fleet").json["nodes"]) == count)


def two_forewarms_500_requests_one_load():
    crowd_of_500(2)


def five_forewarms_500_requests_one_load():
    crowd_of_500(5)


def holder_of(shared, members):
    shared.began.wait(30)
    loading = [d for d in members if d.resource("m")["fleet"]["here"] == "loading"]
    return loading[0]


def a_holder_that_dies_is_replaced_within_lease_time_and_a_second():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=4.0)
        members = fleet_of(stack, 3, shared, [redis.port])
        crowd = Crowd(members, 60)
        holder = wait_for("a holder", lambda: holder_of(shared, members))
        time.sleep(LEASE_S)  # in the middle of its load, with its lease renewed
        killed = time.monotonic()
        holder.kill()
        wait_for("the next load", lambda: len(shared.times("load")) == 2)
        took = shared.times("load")[1] - killed
        statuses = crowd.statuses()
        print(f"      take-over after {took:.2f} s with a lease of {LEASE_S} s", flush=True)
        assert took <= LEASE_S + 1, took
        assert shared.most == 1 and shared.tokens("load")[0] < shared.tokens("load")[1], shared.log[:20]
        assert statuses.count(200) == 40 and statuses.count(0) == 20, statuses


def cut_in_mid_load(mode):
    """The holder loses Redis, and nothing else: what `mode` says of going on alone makes the difference for it."""
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=3.0)
        cables = [Cable(redis.port) for _ in range(3)]
        members = fleet_of(stack, 3, shared, [c.port for c in cables], fleet_alone=mode)
        crowd = Crowd(members, 60)
        holder = wait_for("a holder", lambda: holder_of(shared, members))
        time.sleep(LEASE_S)
        cut = time.monotonic()
        cables[members.index(holder)].cut()
        wait_for("the load to stop", lambda: shared.times("abandoned"))
        wait_for("the next load", lambda: [t for t in shared.tokens("load") if t][1:])
        fenced = [at for what, at, token in list(shared.log) if what == "load" and token]
        stopped, taken = shared.times("abandoned")[0] - cut, fenced[1] - cut
        print(f"      stopped after {stopped:.2f} s, taken over after {taken:.2f} s", flush=True)
        assert stopped < taken <= LEASE_S + 1, (stopped, taken)
        if mode == "wait":
            wait_for("it to be loaded", lambda: shared.loaded)
            cables[members.index(holder)].mend()
        assert crowd.statuses() == [200] * 60
        cables[members.index(holder)].mend()
        wait_for("it to join again", lambda: "the fleet is joined again" in holder.log())
        assert holder.log().count("goes on alone") == 1
        tokens = [t for t in shared.tokens("load") if t]
        assert len(tokens) == 2 and tokens[0] < tokens[1] and not shared.tokens("stale"), shared.log[:20]
        return shared, cut


def a_cut_network_stops_the_load_before_another_takes_it():
    shared, _ = cut_in_mid_load("wait")
    assert shared.most == 1 and len(shared.times("load")) == 2, shared.log[:20]


def who_is_cut_off_loads_alone_when_leases_have_run_out():
    shared, cut = cut_in_mid_load("load")
    alone = [at for what, at, token in shared.log if what == "load" and not token]
    assert all(at - cut > LEASE_S - LEASE_S / 3 for at in alone) and len(alone) <= 1, shared.log[:20]


def a_load_that_fails_fails_for_all_who_waited():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=1.0)
        shared.fails = True
        members = fleet_of(stack, 3, shared, [redis.port])
        crowd = Crowd(members, 30)
        wait_for("the load to fail", lambda: shared.times("failed"))
        wait_for("all to know why", lambda: all("out of memory" in d.log() for d in members))
        assert len(shared.times("load")) == 1, shared.log[:20]
        assert sum("another forewarm tried" in d.log() for d in members) == 2
        shared.fails = False
        assert set(crowd.statuses()) <= {200, 503}
        assert shared.most == 1 and shared.tokens("load") == sorted(set(shared.tokens("load")))


def a_restarted_redis_changes_nothing_for_a_load_under_way():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=5.0)
        members = fleet_of(stack, 3, shared, [redis.port])
        crowd = Crowd(members, 60)
        wait_for("a holder", lambda: holder_of(shared, members))
        redis.stop()
        redis.start()  # empty
        assert crowd.statuses() == [200] * 60
        assert shared.most == 1 and len(shared.times("load")) == 1, shared.log[:20]
        wait_for("all to know that it is warm", lambda: all(
            d.resource("m")["fleet"]["phase"] == "proven" and d.resource("m")["fleet"]["users"] == 3 for d in members))


def without_redis_each_goes_on_alone_and_joins_again():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=0.2)
        members = fleet_of(stack, 2, shared, [redis.port])
        redis.stop()
        for d in members:
            wait_for("it to notice", lambda d=d: not d.get("/v1/fleet").json["connected"])
            assert "forewarm_fleet_connected 0" in d.get("/metrics").body.decode()
        assert members[0].chat("m").status == 200 and members[1].chat("m").status == 200
        assert len(shared.times("load")) == 1, shared.log  # the second found it loaded
        redis.start()
        for d in members:
            wait_for("it to join again", lambda d=d: d.get("/v1/fleet").json["connected"])
            assert d.log().count("goes on alone") == 1 and d.log().count("joined again") == 1, d.log()
        wait_for("both to use it", lambda: members[0].resource("m")["fleet"]["users"] == 2)
        wait_for("the state to be saved", lambda: b"1" in redis.ask("EXISTS", "forewarm:state"))


def who_must_not_load_alone_waits():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=0.2)
        (d,) = fleet_of(stack, 1, shared, [redis.port], fleet_alone="wait")
        redis.stop()
        wait_for("it to notice", lambda: not d.get("/v1/fleet").json["connected"])
        crowd = Crowd([d], 1)
        wait_for("it to say what it waits for", lambda: "Redis" in (d.resource("m")["warmup"].get("error") or ""))
        time.sleep(2 * LEASE_S)
        assert not shared.times("load")
        redis.start()
        assert crowd.statuses() == [200] and shared.tokens("load")[0] > 0


def arrivals_are_told_to_all_and_heard_once():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=0.1)
        members = fleet_of(stack, 3, shared, [redis.port])
        for _ in range(10):
            assert members[0].chat("m").status == 200
        for d in members:
            wait_for("the arrivals", lambda d=d: d.resource("m")["accounts"]["requests"] == 10)
        assert members[0].get("/v1/fleet").json["arrivals"] == {"sent": 10, "taken": 0, "dropped": 0}
        assert members[1].get("/v1/fleet").json["arrivals"] == {"sent": 0, "taken": 10, "dropped": 0}


def what_was_learned_is_there_for_a_new_member():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=0.1)
        first, = fleet_of(stack, 1, shared, [redis.port])
        for _ in range(5):
            assert first.chat("m").status == 200
        wait_for("a save", lambda: b"1" in redis.ask("EXISTS", "forewarm:state"))
        first.stop()
        second, = fleet_of(stack, 1, shared, [redis.port])
        assert second.resource("m")["accounts"]["requests"] == 5
        second.stop()
        redis.ask("HSET", "forewarm:state", "version", "99")
        third = member(stack, redis.port, shared, "third")
        third.start(wait=False)
        assert third.process.wait(30) == 3 and "newer forewarm" in third.log(), third.log()
        third.process = None


def one_that_others_use_is_not_unloaded():
    with Redis() as redis, contextlib.ExitStack() as stack:
        shared = Shared(load_s=0.1)
        members = fleet_of(stack, 2, shared, [redis.port])
        for d in members:
            assert d.chat("m").status == 200
        wait_for("both to use it", lambda: members[0].resource("m")["fleet"]["users"] == 2)
        members[0].post("/v1/resources/m/unload")
        members[0].wait_state("m", "cold")
        assert "other forewarms use it" in members[0].log() and not shared.times("unload")
        members[1].post("/v1/resources/m/unload")
        members[1].wait_state("m", "cold")
        assert len(shared.times("unload")) == 1 and shared.tokens("unload")[0] > shared.tokens("load")[0]


def a_command_that_others_use_lives_until_they_leave():
    with Redis() as redis, contextlib.ExitStack() as stack:
        first, second = (member(stack, redis.port, None, name) for name in ("first", "second"))
        second.resources.append(first.exec_resource("x"))
        for d in (first, second):
            d.start()
            assert d.chat("x").status == 200
        wait_for("both to use it", lambda: first.resource("x")["fleet"]["users"] == 2)
        pids = [e["pid"] for e in first.events("start", "x")]
        assert len(pids) == 1  # the second joined
        shown = subprocess.run([FOREWARM, "status", "--api", f"http://127.0.0.1:{second.control}"], capture_output=True, text=True)
        assert "fleet: x is proven by first, 2 use it" in shown.stdout, shown
        first.post("/v1/resources/x/unload")
        first.wait_state("x", "cold")
        assert os.path.exists(f"/proc/{pids[0]}") and second.chat("x").status == 200
        second.post("/v1/resources/x/unload")
        wait_for("the command to end", lambda: not alive(pids[0]))
        assert "nobody uses what was left to others" in first.log()
        assert first.chat("x").status == 200  # and anew
        assert len(first.events("start", "x")) == 2


def a_command_learns_its_token_and_dies_with_its_forewarm():
    with Redis() as redis, contextlib.ExitStack() as stack:
        d = member(stack, redis.port, None, "alone")
        flag = os.path.join(d.dir, "token")
        resource = d.exec_resource("x")
        resource["warmer"]["command"] = f"echo $FOREWARM_FENCING_TOKEN >{flag}; exec " + resource["warmer"]["command"]
        d.start()
        assert d.chat("x").status == 200
        with open(flag) as f:
            assert int(f.read()) > 0
        pid = d.events("start", "x")[0]["pid"]
        d.kill()
        wait_for("the command to end", lambda: not os.path.exists(f"/proc/{pid}"))


def the_password_comes_from_a_file_and_is_never_shown():
    secret = "a-secret-of-the-fleet"
    with Redis(password=secret) as redis, contextlib.ExitStack() as stack:
        shared, right, wrong = Shared(load_s=0.1), secret_file(secret + "\n"), secret_file("not-it\n")
        good = member(stack, redis.port, shared, "good", redis_password_file=right).start()
        bad = member(stack, redis.port, shared, "bad", redis_password_file=wrong).start()
        wait_for("it to join", lambda: "the fleet is joined" in good.log())
        wait_for("it to say why not", lambda: "goes on alone" in bad.log())
        assert "WRONGPASS" in bad.log() or "invalid" in bad.log(), bad.log()
        for d in (good, bad):
            shown = d.log() + d.get("/v1/fleet").body.decode() + d.get("/metrics").body.decode()
            assert secret not in shown and "not-it" not in shown
        os.unlink(right)
        os.unlink(wrong)


if __name__ == "__main__":
    main([two_forewarms_500_requests_one_load, five_forewarms_500_requests_one_load,
          a_holder_that_dies_is_replaced_within_lease_time_and_a_second,
          a_cut_network_stops_the_load_before_another_takes_it, who_is_cut_off_loads_alone_when_leases_have_run_out,
          a_load_that_fails_fails_for_all_who_waited, a_restarted_redis_changes_nothing_for_a_load_under_way,
          without_redis_each_goes_on_alone_and_joins_again, who_must_not_load_alone_waits,
          arrivals_are_told_to_all_and_heard_once, what_was_learned_is_there_for_a_new_member,
          one_that_others_use_is_not_unloaded, a_command_that_others_use_lives_until_they_leave,
          a_command_learns_its_token_and_dies_with_its_forewarm,
          the_password_comes_from_a_file_and_is_never_shown])
