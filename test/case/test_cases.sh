#!/bin/bash
# Runs every case beside this script: a small trace and flags, and the exact decisions with their reasons that must
# follow. UPDATE=1 writes what was decided into the cases; read the difference before you commit it.
set -u
cd "$(dirname "$0")" || exit 1
: "${FOREWARM:?the program to test}"
exec python3 - "$@" <<'PYTHON'
import glob, json, os, subprocess, sys, tempfile

FOREWARM = os.environ["FOREWARM"]
SECTIONS = ("replay:", "trace:", "hints:", "sizes:", "decisions:")

def read_case(path):
    """The comment on top, then sections; each line of a section is indented by two blanks."""
    head, parts, name = [], {}, None
    for number, line in enumerate(open(path), 1):
        line = line.rstrip("\n")
        section = next((s for s in SECTIONS if line.startswith(s)), None)
        if section:
            name = section[:-1]
            parts[name] = [line[len(section):].strip()] if line[len(section):].strip() else []
        elif name is None:
            head.append(line)
        elif line.startswith("  "):
            parts[name].append(line[2:])
        elif line.strip():
            sys.exit(f"{path}:{number}: found {line!r}, expected a section or two blanks")
    return head, parts

def decide(parts, folder):
    def write(name):
        path = os.path.join(folder, name + ".csv")
        with open(path, "w") as file:
            file.write("\n".join(parts[name]) + "\n")
        return path
    flags = " ".join(parts["replay"]).split()
    command = [FOREWARM, "replay", write("trace"), "--time-style", "offset-s", "--quiet", "--decisions", "-", *flags]
    for name in ("hints", "sizes"):
        if name in parts:
            command += ["--" + name, write(name)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        return [f"exit {run.returncode}: {run.stderr.splitlines()[0]}"]
    lines = []
    for row in map(json.loads, run.stdout.splitlines()):
        if row["action"] == "state":
            continue
        who = row["resource"] + (f" request {row['request']}" if "request" in row else "")
        cause = f" for {row['cause']}" if row["action"] == "warm" else ""
        lines.append(f"{row['after']} {row['action']} {who}{cause}: {row['because']}")
    return lines

failed = 0
cases = sorted(glob.glob("*.t"))
for path in cases:
    head, parts = read_case(path)
    with tempfile.TemporaryDirectory() as folder:
        found = decide(parts, folder)
    if os.environ.get("UPDATE"):
        text = head + ["replay: " + " ".join(parts["replay"])]
        for name in ("trace", "hints", "sizes"):
            if name in parts:
                text += [name + ":"] + ["  " + line for line in parts[name]]
        text += ["decisions:"] + ["  " + line for line in found]
        open(path, "w").write("\n".join(text) + "\n")
    elif found != parts.get("decisions"):
        failed += 1
        print(f"{path}: the decisions differ")
        expected = parts.get("decisions", [])
        for i in range(max(len(found), len(expected))):
            a = expected[i] if i < len(expected) else None
            b = found[i] if i < len(found) else None
            if a != b:
                print(f"  expected: {a}\n  found:    {b}")
print(f"{len(cases)} cases, {failed} failed")
sys.exit(1 if failed or not cases else 0)
PYTHON
