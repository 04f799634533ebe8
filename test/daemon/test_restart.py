#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What survives: kill -9, restarts, damaged and foreign files, full disks."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

from harness import FOREWARM, Daemon, alive, free_port, main, wait_for


def sqlite_daemon(**options):
    return Daemon(state="sqlite:state.db", **options)


def after_kill_9_children_are_adopted_and_learning_is_there():
    with sqlite_daemon(journal="run.journal") as d:
        d.exec_resource("a", "--say spoken")
        d.start()
        for _ in range(5):
            assert d.chat("a").status == 200
        pid = d.events("start", "a")[0]["pid"]
        learned = d.resource("a")["probe_warm_s"]
        d.wait_saved("a")
        d.kill()
        assert alive(pid)  # not taken along, not killed by a broken pipe
        d.start()
        assert d.state("a") == "warm", d.resource("a")
        assert d.chat("a").status == 200
        assert len(d.events("start", "a")) == 1, "it was started again"
        resource = d.resource("a")
        assert resource["accounts"]["requests"] == 6, resource["accounts"]
        assert abs(resource["probe_warm_s"] - learned) < 0.5
        assert f"taken over: it still runs and is warm\" resource=a pid={pid}" in d.log()
        # It is still watched: its end is noticed although it is not our child.
        os.kill(pid, signal.SIGKILL)
        wait_for("the loss to be seen", lambda: d.resource("a")["accounts"]["lost"] == 1)
        assert d.chat("a").status == 200
        d.stop()
        assert not alive(d.events("start", "a")[-1]["pid"])  # a clean stop leaves nothing


def a_child_that_no_longer_answers_is_replaced():
    with sqlite_daemon() as d:
        d.exec_resource("a", probe=d.probe(timeout="500ms"), warmer={"stop_timeout": "300ms"})
        d.start()
        d.chat("a")
        pid = d.events("start", "a")[0]["pid"]
        d.wait_saved("a")
        d.kill()
        os.kill(pid, signal.SIGSTOP)
        d.start()
        wait_for("the hung one to be gone", lambda: not alive(pid))
        assert d.chat("a").status == 200
        assert len(d.events("start", "a")) == 2


def a_child_of_a_retired_resource_is_stopped():
    with sqlite_daemon() as d:
        d.exec_resource("a")
        d.exec_resource("b")
        d.start()
        d.chat("a")
        pid = d.events("start", "a")[0]["pid"]
        d.kill()
        d.resources.pop(0)
        d.start()
        assert not alive(pid)
        assert "no longer configured" in d.log()


def a_child_is_written_down_before_it_runs():
    """Killed at any moment of a load, the daemon leaves no command that its next start does not know of."""
    with sqlite_daemon() as d:
        d.exec_resource("a", "--late 0.3")
        for i in range(6):
            d.start()
            d.post("/start-warmup", {"resource": "a"})
            if i % 2:
                wait_for("the command", lambda: len(d.events("start", "a")) > i // 2)
            d.kill()
        d.start()
        d.post("/warmup", {"resource": "a"})
        running = [e["pid"] for e in d.events("start", "a") if alive(e["pid"])]
        assert len(running) == 1, running


def keep_children_leaves_them_for_the_next_start():
    with sqlite_daemon(keep_children=True) as d:
        d.exec_resource("a")
        d.start()
        d.chat("a")
        pid = d.events("start", "a")[0]["pid"]
        d.stop()
        assert alive(pid)
        d.start()
        assert d.state("a") == "warm" and len(d.events("start", "a")) == 1


def hash_of(d):
    """What replay makes of the journal, and what the daemon wrote as its own hash."""
    result = subprocess.run([FOREWARM, "replay", "--format", "journal", "--json", os.path.join(d.dir, "run.journal")],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr + result.stdout
    return json.loads(result.stdout)


def the_journal_replays_to_the_same_decisions():
    """Through a clean stop, a kill -9 with a torn end, a reload and a restart. Replay compares every mark and fails if
    one differs."""
    with sqlite_daemon(journal="run.journal") as d:
        d.exec_resource("a", "--late 0.1")
        d.exec_resource("b", "--never", warmer={"start_timeout": "500ms"}, on_cold="refuse")
        d.start()
        for _ in range(4):
            d.chat("a")
            d.chat("b")
        d.post("/v1/hints", {"resource": "b", "probability": 0.5, "source": "page"})
        d.post("/v1/observations", {"resource": "a", "session": "s", "duration_s": 0.1})
        d.post("/v1/resources/a/pin")
        d.resources[0]["priority"] = 5
        d.options["wait_price"] = 60
        d.write_config()
        d.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "configuration reloaded" in d.log())
        d.post("/v1/resources/a/unpin")
        d.stop()
        first = hash_of(d)
        d.start()
        d.chat("a")
        d.post("/v1/resources/a/unload")
        d.wait_saved("a")
        d.kill()
        with open(os.path.join(d.dir, "run.journal"), "ab") as f:
            f.write(b"\x03\x40\x00")  # a record that was being written
        hash_of(d)
        d.start()
        d.chat("a")
        d.stop()
        last = hash_of(d)
        assert first["decision_hash"] != last["decision_hash"]
        text = json.dumps(last)
        assert "decision_hash" in text


def foreign_newer_and_damaged_state_is_refused_and_left():
    with sqlite_daemon() as d:
        d.exec_resource("a")
        d.start()
        d.post("/warmup", {"resource": "a"})
        d.stop()
        path = os.path.join(d.dir, "state.db")
        good = open(path, "rb").read()

        def refused(content, *sentences):
            with open(path, "wb") as f:
                f.write(content)
            d.start(wait=False)
            assert d.process.wait(30) == 3, d.log()
            d.process = None
            last = d.log().splitlines()[-2:]
            assert all(any(s in line for line in last) for s in sentences), last
            assert open(path, "rb").read() == content, "it was written to"

        refused(b"not a database at all, but a letter\n", "was not written by forewarm", "left as it is")
        other = os.path.join(d.dir, "other.db")
        connection = sqlite3.connect(other)
        connection.execute("CREATE TABLE theirs(x)")
        connection.commit()
        connection.close()
        refused(open(other, "rb").read(), "database of another program")
        newer = bytearray(good)
        newer[60:64] = (2).to_bytes(4, "big")
        refused(bytes(newer), "written by a newer forewarm", "use that version")
        refused(good[: len(good) // 2 // 4096 * 4096], "cut short")
        refused(good[:50], "is damaged")
        with open(path, "wb") as f:
            f.write(good)
        d.start()
        assert d.resource("a")["probe_warm_s"] is not None


def two_daemons_do_not_share_a_state_file():
    with sqlite_daemon() as d:
        d.exec_resource("a")
        d.start()
        config = d.config
        d.port, d.control, first = free_port(), free_port(), d.process
        d.write_config()
        second = subprocess.run([FOREWARM, "serve", "-c", config], cwd=d.dir, capture_output=True, text=True, timeout=60)
        assert second.returncode == 3 and "is used by another forewarm" in second.stderr, second
        assert first.poll() is None


def a_port_that_is_taken_is_said_in_one_line():
    for which in ("port", "control"):
        with Daemon() as d, Daemon() as other:
            other.exec_resource("x", pin=True)
            d.exec_resource("a", pin=True)
            other.start()
            setattr(d, which, getattr(other, which))
            d.start(wait=False)
            assert d.process.wait(30) == 3
            d.process = None
            lines = [line for line in d.log().splitlines() if "in use" in line]
            assert len(lines) == 1 and str(getattr(other, which)) in lines[0], d.log()
            assert d.events("start") == [], "something was started before the port was looked at"


def a_full_disk_does_not_stop_the_daemon():
    if os.geteuid() != 0 or shutil.which("mount") is None:
        print("skip: needs root for a small file system")
        return
    folder = tempfile.mkdtemp(prefix="forewarm-tiny-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True).returncode != 0:
        print("skip: a small file system cannot be mounted here")
        os.rmdir(folder)
        return
    try:
        with Daemon(state=f"sqlite:{folder}/state.db", journal=f"{folder}/run.journal") as d:
            d.exec_resource("a")
            d.start()
            d.post("/warmup", {"resource": "a"})
            filler = os.open(os.path.join(folder, "filler"), os.O_WRONLY | os.O_CREAT)
            try:
                while os.write(filler, b"x" * 4096) > 0:
                    pass
            except OSError:
                pass
            os.close(filler)
            for i in range(40):
                assert d.chat("a").status == 200
                d.post("/v1/hints", {"resource": "a", "source": f"source {i}"})
            wait_for("the failure to be said", lambda: "the state cannot be saved" in d.log() or
                     (d.post("/v1/observations", "\n".join([json.dumps({"resource": "a"})] * 200)) and False))
            assert d.chat("a").status == 200
            assert d.log().count("the state cannot be saved") == 1
            os.unlink(os.path.join(folder, "filler"))
            d.post("/v1/resources/a/unpin")
            wait_for("saving to work again", lambda: "the state is saved again" in d.log())
            d.stop(expect=None)
    finally:
        subprocess.run(["umount", "-l", folder])
        os.rmdir(folder)


if __name__ == "__main__":
    sys.setswitchinterval(0.001)
    main([after_kill_9_children_are_adopted_and_learning_is_there, a_child_that_no_longer_answers_is_replaced,
          a_child_of_a_retired_resource_is_stopped, a_child_is_written_down_before_it_runs,
          keep_children_leaves_them_for_the_next_start, the_journal_replays_to_the_same_decisions,
          foreign_newer_and_damaged_state_is_refused_and_left, two_daemons_do_not_share_a_state_file,
          a_port_that_is_taken_is_said_in_one_line, a_full_disk_does_not_stop_the_daemon])
