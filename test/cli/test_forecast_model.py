#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""forecast --save-model, --load-model (D15, D16): trained once, the same numbers without training, going on with newer rows, when to train
again, and what it answers to models that are damaged or of something else."""
import json
import math
import os
import random
import subprocess
import sys
import tempfile

FOREWARM = os.environ["FOREWARM"]
START = 1767225600
failures = []


def expect(condition, *what):
    if not condition:
        failures.append(" ".join(map(str, what))[:600])


def run(*arguments, text=None):
    return subprocess.run([FOREWARM, "forecast", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=300, check=False)


def hours(count, seed=3, wild_from=None):
    """Demand by the hour; from an hour on its day is another one each day."""
    noise, rows, chance = 0.0, ["timestamp,y,promo"], random.Random(seed)
    size = 1.0
    for t in range(count):
        noise = .8 * noise + chance.gauss(0, .05)
        if wild_from is not None and t >= wild_from and t % 6 == 0:
            size = math.exp(chance.gauss(0, 1))
        promo = 1 if t // 24 % 9 == 4 else 0
        rows.append(f"{START + 3600 * t},{200 * size * math.exp(.5 * math.sin(t * math.pi / 12) + .6 * promo + noise):.4f},{promo}")
    return "\n".join(rows) + "\n"


def good(*arguments, text=None):
    done = run(*arguments, text=text)
    expect(done.returncode == 0, arguments, done.stderr)
    return done


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def check_same(work):
    """Loading gives the same bytes as training did, by every model, and goes on the same in one go and in two."""
    text = hours(24 * 28)
    for number, flags in enumerate([["--horizon", "3d"], ["--horizon", "12h"], ["--horizon", "1d", "--model", "prophet", "--growth", "flat"],
                                    ["--horizon", "3d", "--blend", "0.7,0.3", "--quantiles", "0.1,0.9"],
                                    ["--horizon", "1d", "--model", "prophet", "--regressor", "promo"]]):
        model = f"{work}/{number}.model"
        trained = good("-", *flags, "-q", "--save-model", model, text=text)
        loaded = good("--load-model", model, "-q")
        expect(trained.stdout == loaded.stdout and trained.stdout.count("\n") > 12, flags, "other numbers when loaded")
        known = good("-", "--load-model", model, "-q", text=text)
        expect(known.stdout == trained.stdout, flags, "other numbers with the rows it knows")
        if number == 0:
            expect(good("-", *flags, "-q", text=text).stdout == trained.stdout, flags, "keeping a model changes the forecast")
    shorter = good("--load-model", f"{work}/0.model", "-q", "--horizon", "5h", "--quantiles", "0.5,0.8")
    expect(shorter.stdout.startswith("timestamp,baseline,expected_value,spike_probability,p50,p80,") and shorter.stdout.count("\n") == 6, shorter.stdout)


def check_going_on(work):
    text = hours(24 * 40)
    lines = text.split("\n")
    cut = ["\n".join(lines[:1 + count]) + "\n" for count in (24 * 35, 24 * 36, 24 * 36 + 7, 24 * 40)]
    model = [f"{work}/on{i}.model" for i in range(4)]
    good("-", "--horizon", "2d", "-q", "--save-model", model[0], text=cut[0])
    day = good("-", "--load-model", model[0], "-q", "--save-model", model[1], text=cut[1])
    expect(day.stdout.split("\n")[1].startswith("2026-02-06T00:00:00Z"), day.stdout[:200])
    bit = good("-", "--load-model", model[1], "-q", "--save-model", model[2], text=cut[2])
    once = good("-", "--load-model", model[0], "-q", text=cut[2])
    expect(bit.stdout == once.stdout, "in two steps other numbers than in one")
    expect(good("--load-model", model[2], "-q").stdout == bit.stdout, "a model that went on is not kept as it was")
    # Only the new rows are enough: what came before is in the model.
    tail = lines[0] + "\n" + "\n".join(lines[1 + 24 * 35:1 + 24 * 36 + 7]) + "\n"
    expect(good("-", "--load-model", model[0], "-q", text=tail).stdout == bit.stdout, "the new rows alone give other numbers")
    # Near what training anew says.
    anew = good("-", "--horizon", "2d", "-q", text=cut[1])
    for a, b in zip(day.stdout.split("\n")[1:-1], anew.stdout.split("\n")[1:-1]):
        expect(abs(math.log(float(a.split(",")[2]) / float(b.split(",")[2]))) < .25, a, b)
    answer = json.loads(good("-", "--load-model", model[0], "--json", "-q", text=cut[3]).stdout)["trained_model"]
    expect(answer["values_since"] == 120 and answer["trained_to"] == "2026-02-04T23:00:00Z" and answer["train_again"] is False, answer)
    expect(.8 < answer["p95_coverage"] <= 1 and 0 < answer["recent_error"] < 3 * answer["validated_error"], answer)
    words = good("-", "--load-model", model[0], text=cut[3]).stderr
    expect("since it was trained: 120 values" in words and "no need to train again" in words, words)


def check_drift(work):
    """Where errors are no longer what they were, it says so in words and in JSON."""
    model = f"{work}/drift.model"
    wild = hours(24 * 45, wild_from=24 * 35)
    good("-", "--horizon", "2d", "-q", "--save-model", model, text="\n".join(wild.split("\n")[:24 * 35 + 1]) + "\n")
    done = good("-", "--load-model", model, text=wild)
    expect("\ntrain again: " in done.stderr and "cumulative sum" in done.stderr, done.stderr)
    answer = json.loads(good("-", "--load-model", model, "--json", "-q", text=wild).stdout)["trained_model"]
    expect(answer["train_again"] and answer["cumulative_sum"] > answer["limit"] and answer["recent_error"] > 2 * answer["validated_error"], answer)
    old = good("-", "--load-model", model, text=hours(24 * 35 + 24 * 30)).stderr
    expect("train again: it was trained 30 days before the end of the series" in old, old)


def check_events(work):
    """What is planned may be told later than the model was trained (D7)."""
    model = f"{work}/events.model"
    good("-", "--horizon", "2d", "-q", "--save-model", model, text=hours(24 * 35))
    events = write(f"{work}/events.yaml", "- {date: 2026-02-05 06:00, name: new, class: feature_launch, expected_multiplier: 5, expected_duration_hours: 24}\n")
    calm, launch = (good("--load-model", model, "-q", *flags).stdout.split("\n") for flags in ([], ["--events", events]))
    times = [float(a.split(",")[2]) / float(b.split(",")[2]) for a, b in zip(launch[1:-1], calm[1:-1])]
    expect(times[7] > 4 and times[2] < 1.2, times[:10])
    kept = f"{work}/events2.model"
    said = good("--load-model", model, "-q", "--events", events, "--save-model", kept).stdout
    expect(good("--load-model", kept, "-q").stdout == said, "the events are not kept")


def check_refused(work):
    def refused(words, *arguments, text=None, status=2):
        done = run(*arguments, text=text)
        expect(done.returncode == status and words in done.stderr and done.stdout == "", words, arguments, done.returncode, done.stderr)

    model, text = f"{work}/r.model", hours(24 * 21)
    good("-", "--horizon", "1d", "-q", "--save-model", model, text=text)
    with open(model, "rb") as file:
        data = file.read()
    bad = f"{work}/bad.model"
    chance = random.Random(1)
    for _ in range(25):
        garbled = bytearray(data)
        garbled[chance.randrange(20, len(data))] ^= 1 << chance.randrange(8)
        with open(bad, "wb") as file:
            file.write(garbled)
        refused("bad.model: the model is damaged or was cut short", "--load-model", bad, status=3)
    for length in (0, 3, 8, 11, 12, 19, 20, 50, len(data) // 2, len(data) - 1):
        with open(bad, "wb") as file:
            file.write(data[:length])
        refused("bad.model", "--load-model", bad, status=3)
    with open(bad, "wb") as file:
        file.write(data[:8] + b"\x63" + data[9:])
    refused("the model has version 99, expected 1: train again", "--load-model", bad, status=3)
    refused("this is not a trained forecast", "--load-model", write(f"{work}/some.csv", text), status=3)
    refused("No such file", "--load-model", f"{work}/none.model")
    refused("--model: found beside --load-model", "--load-model", model, "--model", "ridge")
    refused("--growth: found beside --load-model", "--load-model", model, "--growth", "flat")
    refused("which is less than the horizon asked", "--load-model", model, "--horizon", "2d")
    refused("another series", "-", "--load-model", model, text=hours(24 * 22, seed=9))
    refused("--every: found beside --load-model", "-", "--load-model", model, "--every", "1d", text=text)
    refused("--save-model: found -", "-", "--save-model", "-", text=text)
    last = text.strip().split("\n")[-1].split(",")
    refused("has none: train again", "-", "--load-model", model, text=f"{text}{int(last[0]) + 3600},-5,0\n")
    with open(model, "rb") as file:
        expect(file.read() == data, "refusals changed the model")


def main():
    with tempfile.TemporaryDirectory() as work:
        for check in (check_same, check_going_on, check_drift, check_events, check_refused):
            check(work)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
