# SPDX-License-Identifier: MIT
"""What the parts of bench/forecast share: their report, and their rows in bench/results.csv."""
import csv
import datetime
import os
import platform
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = re.findall(r"model name\s*:\s*(.+)", file.read())
    return f"{len(names)}x {names[0].split(' Processor')[0] if names else 'unknown'}, {platform.system()} {platform.machine()}"


def report(name, lines, rows):
    """Prints the lines; unless told --no-record writes them to NAME.md and appends the rows: (metric, subject, value, unit, note), or
    (metric, subject, value, unit, note, peer, its value, ours over its)."""
    print("\n".join(lines))
    if "--no-record" in sys.argv:
        return
    path = os.path.join(HERE, name + ".md")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(path + ".new", path)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    today = datetime.date.today().isoformat()
    with open(os.path.join(ROOT, "bench", "results.csv"), "a", encoding="utf-8", newline="") as file:
        for metric, subject, value, unit, note, *peer in rows:
            csv.writer(file, lineterminator="\n").writerow([today, commit, "forecast", metric, subject, value, unit, *(peer or ("", "", "")), machine(), note])
