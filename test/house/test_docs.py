#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The documentation speaks of what there is: commands, options and metrics it names exist, links lead somewhere, nothing
waits to be filled in. P10: the troubleshooting guide answers its three questions with knobs and figures that exist."""
import json
import os
import re
import subprocess
import sys

ROOT = os.environ.get("FOREWARM_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
FOREWARM = os.environ.get("FOREWARM", os.path.join(ROOT, "build", "forewarm"))
problems = []


def table(command, key):
    answer = json.loads(subprocess.run([FOREWARM, command, "--json"], check=True, capture_output=True, text=True).stdout)
    rows = next(v for v in answer.values() if isinstance(v, list)) if isinstance(answer, dict) else answer
    return {row[key] for row in rows}


def pages():
    for name in ("README.md", "CHANGELOG.md"):
        yield name
    for folder in ("docs", "docs/guide", "docs/decisions"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith(".md"):
                yield f"{folder}/{name}"


def check_links(page, text):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target) and not os.path.exists(os.path.join(ROOT, os.path.dirname(page), target)):
            problems.append(f"{page}: the link to {target} leads nowhere")


def check_names(page, text, commands, metrics, options):
    for line in re.findall(r"^ {4}(?:\$ )?(?:build/)?forewarm ([a-z]+)", text, re.M) + re.findall(r"`forewarm ([a-z]+)", text):
        if line not in commands:
            problems.append(f"{page}: `forewarm {line}` is no command")
    for name in re.findall(r"`((?:forewarm|prewarm)_[a-z_]+)", text):
        known = {name, re.sub(r"_(bucket|count|sum)$", "", name)} & metrics
        if not known and name.upper() == name and name.lower()[9:] not in options:
            problems.append(f"{page}: `{name}` is neither a metric nor an option")
        elif not known and name.lower() == name and name not in options:
            problems.append(f"{page}: `{name}` is no metric")


def main():
    help_text = subprocess.run([FOREWARM, "--help"], check=True, capture_output=True, text=True).stdout
    commands = set(re.findall(r"^  ([a-z]+)", help_text, re.M)) | {"check"}
    metrics, options = table("metrics", "name"), table("options", "name")
    for page in pages():
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            text = file.read()
        check_links(page, text)
        check_names(page, text, commands, metrics, options)
        for placeholder in re.findall(r"^[A-Z]+_[A-Z_]+$", text, re.M):
            problems.append(f"{page}: {placeholder} waits to be filled in")
    with open(os.path.join(ROOT, "docs/guide/troubleshooting.md"), encoding="utf-8") as file:
        guide = file.read()
    for question in ("hit rate", "latency", "memory"):  # P10
        if question not in guide.lower():
            problems.append(f"docs/guide/troubleshooting.md: says nothing of {question}")
    named = {name for name in options if f"`{name}" in guide}
    if len(named) < 5:
        problems.append(f"docs/guide/troubleshooting.md: names only the knobs {sorted(named)}")
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems in {len(list(pages()))} pages")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
