#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""forecast with Prophet's options by the names its users know (D2, D7): what each does to a forecast, and what is answered to those that make no
sense."""
import csv
import datetime
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile

FOREWARM = os.environ["FOREWARM"]
DAYS = 330
START = datetime.date(2025, 1, 6)
failures = []


def expect(condition, *what):
    if not condition:
        failures.append(" ".join(map(str, what))[:600])


def run(*arguments, text=None):
    return subprocess.run([FOREWARM, "forecast", "-", "--model", "prophet", *map(str, arguments)], input=text, capture_output=True, text=True,
                          timeout=300, check=False)


def table(done):
    return [{key: value if key == "timestamp" else float(value) for key, value in row.items()} for row in csv.DictReader(io.StringIO(done.stdout))]


def good(*arguments, text):
    done = run(*arguments, text=text)
    expect(done.returncode == 0, arguments, done.stderr)
    return table(done)


def daily(value, days=DAYS, columns=()):
    """A row a day; value(day number, date, noise)."""
    chance = random.Random(4)
    lines = ["ds,y" + "".join("," + name for name, _ in columns)]
    for i in range(days):
        date = START + datetime.timedelta(days=i)
        extra = "".join(f",{column(i)}" for _, column in columns)
        lines.append(f"{date},{value(i, date, math.exp(chance.gauss(0, .02))):.4f}{extra}")
    return "\n".join(lines) + "\n"


def plain(i, date, noise):
    return (100 + i / 3) * (1 + .3 * math.sin(2 * math.pi * date.weekday() / 7)) * noise


def check_growth():
    text = daily(plain)
    linear = good("--horizon", "60d", "--growth", "linear", "-q", text=text)
    flat = good("--horizon", "60d", "--growth", "flat", "-q", text=text)
    expect(all(abs(row["baseline"] / plain(DAYS + i, START + datetime.timedelta(days=DAYS + i), 1) - 1) < .12 for i, row in enumerate(linear)), linear[-1])
    expect(flat != linear, "flat growth grows as linear growth does")
    far = [good("--horizon", "300d", "--growth", growth, "--n-changepoints", "0", "-q", text=text) for growth in ("linear", "flat")]
    week = [sum(row["baseline"] for row in rows[-7:]) / 7 for rows in far]
    expect(week[0] > 270 and week[1] < .9 * week[0], week)
    # What cannot grow past a cap does not; without it a line would.
    cap = daily(lambda i, date, noise: 20 + 480 / (1 + math.exp(-(i - 220) / 40)) * noise)
    logistic = good("--horizon", "100d", "--growth", "logistic", "--cap", "500", "--floor", "0", "--seasonality-mode", "additive", "-q", text=cap)
    line = good("--horizon", "100d", "--growth", "linear", "--changepoint-prior-scale", "0.5", "-q", text=cap)
    expect(430 < logistic[-1]["baseline"] < 530, logistic[-1])
    expect(line[-1]["baseline"] > logistic[-1]["baseline"] + 60, line[-1], logistic[-1])
    column = daily(lambda i, date, noise: 20 + 480 / (1 + math.exp(-(i - 220) / 40)) * noise, columns=[("limit", lambda i: 500)])
    same = good("--horizon", "100d", "--growth", "logistic", "--cap", "limit", "--floor", "0", "--seasonality-mode", "additive", "-q", text=column)
    expect(same == logistic, "a column of caps is not the number")


def check_changepoints():
    bend = daily(lambda i, date, noise: (100 + max(0, i - 200)) * noise)
    free, stiff = (good("--horizon", "30d", "--changepoint-prior-scale", scale, "--seasonality-mode", "additive", "-q", text=bend)[-1]["baseline"] for scale in (.5, 1e-6))
    none = good("--horizon", "30d", "--n-changepoints", "0", "--seasonality-mode", "additive", "-q", text=bend)[-1]["baseline"]
    late = good("--horizon", "30d", "--changepoint-range", "0.3", "--changepoint-prior-scale", ".5", "--seasonality-mode", "additive", "-q", text=bend)[-1]["baseline"]
    truth = 100 + DAYS + 29 - 200
    expect(abs(free - truth) < 15 and abs(free - truth) < abs(stiff - truth) and abs(free - truth) < abs(none - truth), free, stiff, none, truth)
    expect(abs(free - truth) < abs(late - truth), free, late, truth)


def error(rows, value):
    return sum(abs(row["baseline"] - value(DAYS + i, START + datetime.timedelta(days=DAYS + i), 1)) for i, row in enumerate(rows)) / len(rows)


def check_seasons():
    def monthly(i, date, noise):
        return (160 if i % 30 < 2 else 100) * noise

    text = daily(monthly)
    without = good("--horizon", "30d", "--weekly-seasonality", "false", "-q", text=text)
    own = good("--horizon", "30d", "--weekly-seasonality", "false", "--seasonality", "monthly:30:10", "-q", text=text)
    tight = good("--horizon", "30d", "--weekly-seasonality", "false", "--seasonality", "monthly:30:10:1e-6:additive", "-q", text=text)
    expect(error(own, monthly) < .7 * error(without, monthly), error(own, monthly), error(without, monthly))
    expect(error(own, monthly) < .7 * error(tight, monthly), error(own, monthly), error(tight, monthly))
    text = daily(plain)
    week, three = (good("--horizon", "14d", "--weekly-seasonality", weekly, "-q", text=text) for weekly in ("true", "3"))
    expect(week == three, "true is not Prophet's own order")


def check_holidays(work):
    """Effects of holidays with their windows, from Prophet's CSV and from the file of events."""
    dates = [START + datetime.timedelta(days=d) for d in (30, 75, 140, 200, 260, 300, DAYS + 3)]

    def value(i, date, noise):
        return 100 * (2 if date in dates else 1.5 if date - datetime.timedelta(days=1) in dates else 1) * noise

    text = daily(value)
    file, events = os.path.join(work, "holidays.csv"), os.path.join(work, "holidays.yaml")
    with open(file, "w", encoding="utf-8") as out:
        out.write("holiday,ds,lower_window,upper_window\n" + "".join(f"sale,{date},0,1\n" for date in dates))
    with open(events, "w", encoding="utf-8") as out:
        out.write("".join(f"- {{date: {date}, name: sale, expected_duration_hours: 48}}\n" for date in dates))
    told = good("--horizon", "7d", "--holidays", file, "-q", text=text)
    expect(1.7 < told[3]["baseline"] / told[2]["baseline"] < 2.3 and 1.3 < told[4]["baseline"] / told[2]["baseline"] < 1.7, told)
    expect(good("--horizon", "7d", "--holidays", events, "-q", text=text) == told, "the file of events gives other holidays")
    tight = good("--horizon", "7d", "--holidays", file, "--holidays-prior-scale", "1e-5", "-q", text=text)
    expect(tight[3]["baseline"] < 1.3 * tight[2]["baseline"], tight)
    for bad, words in (("ds,holiday\nsoon,x\n", 'holidays.csv:2: column "ds": found "soon", expected a date'),
                       ("ds,name\n2025-01-01,x\n", 'found no column "holiday"'),
                       ("ds,holiday,upper_window\n2025-01-01,x,half\n", 'column "upper_window": found "half", expected whole days, 0 to 366'),
                       ("ds,holiday,lower_window\n2025-01-01,x,3\n", 'column "lower_window": found "3", expected whole days, -366 to 0'),
                       ("ds,holiday\n2025-01-01,\n", 'column "holiday": found "", expected a name'),
                       ("ds,holiday\n", "found no holiday, expected rows")):
        with open(file, "w", encoding="utf-8") as out:
            out.write(bad)
        done = run("--horizon", "7d", "--holidays", file, "-q", text=text)
        expect(done.returncode == 2 and words in done.stderr, bad, done.stderr)


def check_regressors(work):
    """Other numeric columns; their future told, or repeated and said so."""
    chance = random.Random(8)
    campaign = [1 if chance.random() < .2 else 0 for _ in range(DAYS + 20)]
    text = daily(lambda i, date, noise: 100 * (1 + .8 * campaign[i]) * noise, columns=[("campaign", lambda i: campaign[i]), ("text", lambda i: "a")])
    future = os.path.join(work, "future.csv")
    with open(future, "w", encoding="utf-8") as out:
        out.write("ds,campaign\n" + "".join(f"{START + datetime.timedelta(days=DAYS + i)},{campaign[DAYS + i]}\n" for i in range(20)))
    told = good("--horizon", "14d", "--regressor", "campaign", "--future", future, "-q", text=text)
    expect(all(abs(row["baseline"] / (100 * (1 + .8 * campaign[DAYS + i])) - 1) < .1 for i, row in enumerate(told)), told)
    expect(good("--horizon", "14d", "--regressor", "all", "--future", future, "-q", text=text) == told, "all is not the one column there is")
    done = run("--horizon", "14d", "--regressor", "campaign", text=text)
    expect('regressor "campaign" is not foretold (--future): its last week is repeated' in done.stderr, done.stderr)
    repeated = table(done)
    expect(all(abs(row["baseline"] / (100 * (1 + .8 * campaign[DAYS - 7 + i % 7])) - 1) < .1 for i, row in enumerate(repeated)), repeated)
    notes = json.loads(run("--horizon", "14d", "--regressor", "campaign", "--json", "-q", text=text).stdout)["notes"]
    expect(any("is not foretold" in note for note in notes) and any("seasons are multiplied" in note for note in notes), notes)

    def refused(words, *arguments):
        done = run("--horizon", "30d", *arguments, "-q", text=text)
        expect(done.returncode == 2 and words in done.stderr, words, done.returncode, done.stderr)

    refused('column "campaign": found nothing for 2025-12-22T00:00:00Z, expected a value for each of the 30 steps', "--regressor", "campaign", "--future", future)
    refused('found no numeric column "price", expected one of campaign', "--regressor", "price")
    refused('found no numeric column "text"', "--regressor", "text")
    refused('found "campaign" twice', "--regressor", "campaign,campaign")
    refused("--future: found without --regressor", "--future", future)
    refused("No such file", "--regressor", "campaign", "--future", os.path.join(work, "none.csv"))


def check_refused():
    text = daily(plain)

    def refused(words, *arguments):
        done = run("--horizon", "7d", *arguments, "-q", text=text)
        expect(done.returncode == 2 and words in done.stderr and done.stdout == "", words, arguments, done.returncode, done.stderr)

    refused("found no --cap", "--growth", "logistic")
    refused("--cap: found beside --growth flat", "--growth", "flat", "--cap", "5")
    refused("--floor: found beside --growth linear", "--floor", "5")
    refused('--cap: found no numeric column "much", expected a column beside time and value', "--growth", "logistic", "--cap", "much")
    refused("cap must be greater than floor", "--growth", "logistic", "--cap", "5", "--floor", "5")
    refused("expected one of linear, logistic, flat", "--growth", "cubic")
    refused("changepoint_prior_scale", "--changepoint-prior-scale", "0")
    refused("n_changepoints", "--n-changepoints", "-1")
    refused("changepoint_range", "--changepoint-range", "2")
    refused('--yearly-seasonality: found "often", expected auto', "--yearly-seasonality", "often")
    for season in ("monthly", "monthly:30", "monthly:0:3", "monthly:30:0", "monthly:30:2.5", "monthly:30:3:0", "monthly:30:3:1:both", ":30:3", "a:1:2:3:additive:x"):
        refused("--seasonality: found", "--seasonality", season)
    refused('two components are called "own"', "--seasonality", "own:9:3,own:12:2")


def main():
    with tempfile.TemporaryDirectory() as work:
        check_growth()
        check_changepoints()
        check_seasons()
        check_holidays(work)
        check_regressors(work)
        check_refused()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
