#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""detect: what it writes, what it says of events (D5, D6), and what it answers to input that cannot be read."""
import csv
import datetime
import gzip
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import threading

FOREWARM = os.environ["FOREWARM"]
HEADER = "timestamp,value,score,is_anomaly,class,method,p_value,event,probability,reason".split(",")
START = datetime.datetime(2026, 1, 5)
failures = []


def expect(condition, *what):
    if not condition:
        failures.append(" ".join(map(str, what)))


def run(*arguments, text=None):
    return subprocess.run([FOREWARM, "detect", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=120)


def demand(days, events=(), seed=1):
    """Hourly demand with business hours and weekends; events are (day, hours, multiplier, share of the largest caller, tokens)."""
    noise = random.Random(seed)
    lines = ["timestamp,compute_tflops,caller_concentration,avg_tokens_per_request"]
    for hour in range(24 * days):
        at = START + datetime.timedelta(hours=hour)
        value = 100 * (1 + .8 * math.exp(-((at.hour - 13) / 4) ** 2)) * (.7 if at.weekday() >= 5 else 1)
        share, tokens = .08, 200
        for day, hours, multiplier, few, size in events:
            if 24 * day + 10 <= hour < 24 * day + 10 + hours:
                value, share, tokens = value * multiplier, few, tokens * size
        lines.append(f"{at},{value * math.exp(noise.gauss(0, .04)):.4f},{share:.3f},{tokens}")
    return "\n".join(lines) + "\n"


def answer(*arguments, text=None):
    done = run(*arguments, "--json", "-q", text=text)
    expect(done.returncode == 0, arguments, done.stderr)
    return json.loads(done.stdout) if done.returncode == 0 else None


def check_output(work):
    """D5: one alert an event, in the row where it begins, by every method; D6: its class, probability and reason."""
    path = os.path.join(work, "burst.csv")
    text = demand(60, [(45, 4, 4, .9, 2.5)])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    done = run(path, "-q")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    expect(list(rows[0]) == HEADER and len(rows) == 60 * 24, done.stderr, list(rows[0]), len(rows))
    alerts = [row for row in rows if row["is_anomaly"] == "1"]
    expect(len(alerts) == 1, "alerts:", [(row["timestamp"], row["reason"]) for row in alerts])
    expect(alerts[0]["timestamp"] == "2026-02-19T10:00:00Z" and alerts[0]["class"] == "api_abuse", alerts[0])
    expect(float(alerts[0]["probability"]) > .8 and "few callers" in alerts[0]["reason"], alerts[0])
    expect(float(alerts[0]["p_value"]) < .01, alerts[0])
    expect([row["timestamp"][11:13] for row in rows if row["event"] == "1"] == ["10", "11", "12", "13"], "the extent is wrong")
    for row in rows:
        expect(0 <= float(row["score"]) <= 1 and 0 < float(row["p_value"]) <= 1, row)
    again = run("-", "-q", text=text)
    expect(again.stdout == done.stdout, "standard input gives other bytes than the file")
    with gzip.open(path + ".gz", "wt") as file:
        file.write(text)
    expect(run(path + ".gz", "-q").stdout == done.stdout, "gzip gives other bytes than the file")
    everything = run(path, "--method", "all", "-q", "--seed", 7)
    expect(everything.stdout == run(path, "--method", "all", "-q", "--seed", 7).stdout, "the same seed gives other bytes")
    methods = {row["method"] for row in csv.DictReader(io.StringIO(everything.stdout)) if row["is_anomaly"] == "1"}
    expect({"zscore", "rate", "iforest", "seasonal", "demand"} <= methods, "not every method sees the burst:", methods)


def check_classes(work):
    """D6: the four kinds; the calendar; classes of the user's own."""
    launch = answer("-", text=demand(75, [(50, 168, 6, .08, 1)]))["methods"][0]["events"]
    expect([event["class"] for event in launch] == ["feature_launch"], launch)
    viral = answer("-", text=demand(75, [(50, 60, 3, .05, 1)]))["methods"][0]["events"]
    expect([event["class"] for event in viral] == ["viral_event"], viral)
    steady = demand(90).split("\n")
    growing = [steady[0]]
    for number, line in enumerate(steady[1:-1]):
        cells = line.split(",")
        cells[1] = f"{float(cells[1]) * (1 + .8 * min(1, max(0, number - 45 * 24) / (20 * 24))):.4f}"
        growing.append(",".join(cells))
    growth = answer("-", text="\n".join(growing) + "\n")["methods"][0]["events"]
    expect("gradual_growth" in [event["class"] for event in growth], growth)
    calendar, classes = os.path.join(work, "calendar.yaml"), os.path.join(work, "classes.yaml")
    with open(calendar, "w", encoding="utf-8") as file:
        file.write("- {date: 2026-02-24, name: spring launch, expected_multiplier: 4, expected_duration_hours: 72}\n")
    with open(classes, "w", encoding="utf-8") as file:
        file.write("- {name: batch_run, multiplier: [1.5, 3], duration_hours: [8, 14], rise_hours: [0, 1], planned: false}\n")
    between = demand(75, [(50, 80, 4.5, .08, 1)])
    alone = answer("-", text=between)["methods"][0]["events"][0]
    planned = answer("-", "--events", calendar, text=between)["methods"][0]["events"][0]
    expect(planned["class"] == "feature_launch" and planned["planned"] == "spring launch", planned)
    expect("planned as" in planned["reason"] and alone["planned"] is None, planned, alone)
    own = answer("-", "--classes", classes, text=demand(60, [(45, 10, 2.2, .08, 1)]))["methods"][0]["events"]
    expect([event["class"] for event in own] == ["batch_run"], own)


def check_labels(work):
    """D6: with fifty labelled events and more, the labels teach what the ranges do not say."""
    classes, calendar = os.path.join(work, "alike.yaml"), os.path.join(work, "labels.json")
    with open(classes, "w", encoding="utf-8") as file:
        file.write("".join(f"- {{name: {name}, multiplier: [2, 4], duration_hours: [1, 24], prior: 50}}\n" for name in ("short", "long")))
    events = [(30 + 4 * i, (3, 8)[i % 2], 3, .08, 1) for i in range(66)]
    days = [START + datetime.timedelta(days=day, hours=10) for day, *_ in events]
    with open(calendar, "w", encoding="utf-8") as file:
        json.dump([{"date": f"{day}", "name": f"job {i}", "class": ("short", "long")[i % 2]} for i, day in enumerate(days[:60])], file)
    text = demand(300, events)
    found = answer("-", "--classes", classes, "--events", calendar, text=text)["methods"][0]["events"]
    told = {event["begin"][:10]: event for event in found if event["planned"] is None and event["multiplier"] > 2}
    for i, day in list(enumerate(days))[60:]:
        event = told.get(f"{day:%Y-%m-%d}")
        expect(event and event["class"] == ("short", "long")[i % 2] and "labelled events" in event["reason"], day, event)


def check_follow(work):
    """D5 as rows come: a line for each event while the input is still open; bad rows as asked; the scores are those of detect."""
    lines = demand(60, [(45, 4, 4, .9, 2.5)]).strip().split("\n")
    path = os.path.join(work, "follow.csv")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    whole = [row for row in csv.DictReader(io.StringIO(run(path, "-q", "--learn", 600).stdout)) if row["is_anomaly"] == "1"]
    stream = list(csv.DictReader(io.StringIO(run("--follow", "-q", text="\n".join(lines) + "\n").stdout)))
    expect(len(whole) == 1 and len(stream) == 1 and list(stream[0]) == HEADER, whole, stream)
    expect(all(whole[0][key] == stream[0][key] for key in ("timestamp", "value", "score", "is_anomaly", "method", "p_value", "event")), whole, stream)
    expect(stream[0]["class"] == "api_abuse" and "so far" in stream[0]["reason"] and "few callers" in stream[0]["reason"], stream)
    expect(run(path, "--follow", "-q").stdout == run("-", "--follow", "-q", text="\n".join(lines)).stdout, "a file and standard input differ")
    # The alert comes before the input ends.
    with subprocess.Popen([FOREWARM, "detect", "--follow", "--json", "--skip-bad-rows"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        watch = threading.Timer(100, child.kill)
        watch.start()
        child.stdin.write("\n".join(lines[:700] + ["garbage", lines[5], "2026-02-30 00:00:00,1,.1,200"] + lines[700:1095]) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        watch.cancel()
        event = json.loads(line or "{}")
        expect(child.poll() is None and event.get("class") == "api_abuse" and event["at"] == "2026-02-19T10:00:00Z" and event["multiplier"] > 3, line)
        child.stdin.close()
        rest, words = child.stdout.read(), child.stderr.read()
        expect(child.wait() == 0 and rest == "", rest)
        expect("2 rows left out, 1 came late or twice" in words and words.count("left out: standard input:") == 2, words)
    bad = run("--follow", text="\n".join(lines[:20] + ["2026-01-09 00:00:00,many,.1,200"]) + "\n")
    expect(bad.returncode == 2 and 'standard input:21: column "compute_tflops": found "many", expected a number' in bad.stderr, bad.stderr)
    torn = "\n".join(lines[:1] + [line for i, line in enumerate(lines[1:]) if i % 9 != 4]) + "\n"
    found, same = ([row["timestamp"] for row in csv.DictReader(io.StringIO(run(*flags, "-q", "--every", "1h", text=torn).stdout)) if row["is_anomaly"] == "1"]
                   for flags in (["--follow"], ["-", "--learn", "600"]))
    expect("2026-02-19T10:00:00Z" in found and found == same, found, same)
    for text, words, flags in ((None, "found beside --follow", ["-o", "x.csv"]), (None, "expected one of n9", ["--method", "all"]),
                               ("", "the input is empty", []), ("timestamp,value\n2026-01-01,1\n", "expected --every DUR", []),
                               ("timestamp,value\n2026-01-01,1\n2199-01-01,1\n", "steps behind the row before", ["--every", "1h"])):
        done = run("--follow", *flags, text=text or "")
        expect(done.returncode == 2 and words in done.stderr, words, done.stderr)
    alone = run("-", "--skip-bad-rows", text="\n".join(lines) + "\n")
    expect(alone.returncode == 2 and "found without --follow" in alone.stderr, alone.stderr)
    # Long streams are held in bounded memory, and go on telling.
    long = demand(400, [(45 + 60 * i, 4, 4, .9, 2.5) for i in range(6)])
    alerts = list(csv.DictReader(io.StringIO(run("--follow", "-q", text=long).stdout)))
    expect(len(alerts) == 6 and {alert["class"] for alert in alerts} == {"api_abuse"} and [alert["event"] for alert in alerts] == list("123456"), alerts)


def check_bad_input():
    def refused(text, words, *arguments, status=2):
        done = run("-", *arguments, text=text)
        expect(done.returncode == status and words in done.stderr, arguments, done.returncode, done.stderr)

    two = "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 01:00:00,"
    refused("", "standard input: the file is empty")
    refused("timestamp,value\n", "found a header and no rows")
    refused("timestamp,value\n2026-01-01,5\n", "one row has no step")
    refused(two + "many\n", 'standard input:3: column "value": found "many", expected a number')
    refused("timestamp,value\n2026-01-01,\n2026-01-02,nan\n", "none of the 2 rows has a value")
    refused("timestamp,value\n2026-01-01,1\n2026-01-03,2\n2026-01-08,2\n2026-03-09,2\n", "--every DUR gives one")
    refused("a,b\n1,2\n", "found no column that looks like a time")
    refused(two + "2\n", "--threshold: found beside --method all", "--method", "all", "--threshold", "3")
    refused(two + "2\n", "expected one of n9", "--method", "guess")
    refused(two + "2\n", "not-there.yaml", "--events", "not-there.yaml")
    refused(two + "2\n", "expected a file", "--json", "-o", "-")
    one = run("-", "--every", "1h", "-q", text="timestamp,value\n2026-01-01,5\n")
    expect(one.returncode == 0 and one.stdout.split("\n")[1].startswith("2026-01-01T00:00:00Z,5,0.000000,0,none,demand,1.000000"), one)
    lines = demand(40).strip().split("\n")
    plain = answer("-", text="\n".join(lines) + "\n")
    expect(plain["methods"][0]["events"] == [], "alerts in plain demand:", plain["methods"])
    hard = lines[:1] + lines[:0:-1]  # time going backwards
    backwards = answer("-", text="\n".join(hard) + "\n")
    expect(backwards["series"]["backwards"] == 40 * 24 - 1 and backwards["methods"] == plain["methods"], backwards["series"])
    calendar = '[{"date": "2020-01-01", "name": "long ago", "class": "feature_launch"}]'
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(calendar)
        file.flush()
        expect(answer("-", "--events", file.name, text="\n".join(lines) + "\n")["methods"] == plain["methods"], "an event long past changes what is found")
    same = [run("-", "--method", "all", "-q", "--seed", "3", text="\n".join(lines) + "\n").stdout for _ in range(2)]
    expect(same[0] == same[1] and same[0].count("\n") > 5000, "the same seed gives other bytes")
    cases = {"all equal": [f"{line.split(',')[0]},7" for line in lines[1:]],
             "negative": [f"{line.split(',')[0]},-{line.split(',')[1]}" for line in lines[1:]],
             "infinite": [f"{line.split(',')[0]},{'inf' if n % 50 == 9 else line.split(',')[1]}" for n, line in enumerate(lines[1:])],
             "huge": [f"{line.split(',')[0]},{'1e308' if n % 2 else '-1e308'}" for n, line in enumerate(lines[1:])],
             "gaps": [f"{line.split(',')[0]},{'' if 300 < n < 420 else line.split(',')[1]}" for n, line in enumerate(lines[1:])]}
    for name, rows in cases.items():
        for method in ("demand", "all"):
            done = run("-", "--method", method, "-q", text="timestamp,value\n" + "\n".join(rows) + "\n")
            expect(done.returncode == 0, name, done.stderr)
            words = done.stdout.replace("none", "").lower()
            expect("nan" not in words and ",inf" not in words, name, method, "NaN or infinity in the output")
            if name in ("all equal", "gaps") and method == "demand":
                expect(",1,none" not in done.stdout and ",1,api" not in done.stdout, name, "raises an alert")


def main():
    with tempfile.TemporaryDirectory() as work:
        check_output(work)
        check_classes(work)
        check_labels(work)
        check_follow(work)
    check_bad_input()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
