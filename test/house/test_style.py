#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The style of the house, as a test: sizes, names, layers, words and calls that do not belong. Each rule is
first shown a planted fault, so that a rule that finds nothing is known to look."""
import os
import re
import subprocess
import sys

COLUMNS, FUNCTION_LINES, FILE_LINES = 110, 70, 600
TEST_FUNCTION_LINES = 100  # tests hold their inputs, line by line
TABLE_COLUMNS = 200  # between "clang-format off" and "on": a row of a table is one line
# docs/decisions/0001-layers.md: what each layer may include.
BELOW = {"base": set()}
BELOW["learn"] = BELOW["forecast"] = {"base"}
BELOW["plan"] = {"learn", "base"}
BELOW["core"] = BELOW["plan"] | {"plan"}
BELOW["shell"] = BELOW["core"] | {"core"}
BELOW["sim"] = BELOW["core"] | {"core", "forecast"}
BELOW["web"] = {"base"}
BELOW["edge"] = BELOW["core"] | {"core", "web", "forecast"}
BELOW["cli"] = BELOW["edge"] | {"sim", "edge"}
# Written so that this file does not contain what it looks for.
WORDS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|[Ss]tu" + r"b(bed)?s?)\b")
CALLS = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|sleep|usleep)\s*\(")
LOCALE_CALLS = re.compile(r"(?<![\w.>])(strtod|strtof|atof|atoi|atol|isalpha|isalnum|isspace|isdigit|tolower|"
                          r"toupper|setlocale)\s*\(")
PATHS = re.compile("/" + "work/|/" + "root/")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
TEXT = (".c", ".h", ".py", ".sh", ".mjs", ".js", ".md", ".txt", ".cmake", ".json", ".yaml", ".yml", ".html", ".css")


def is_c(path):
    return path.endswith((".c", ".h"))


def without_comments(text):
    """Comments and literals become blanks; lines stay where they are."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def lines_matching(path, text, pattern, sentence):
    for number, line in enumerate(text.split("\n"), 1):
        found = pattern.search(line)
        if found:
            yield f"{path}:{number}: {sentence}: {found.group().strip()}"


def check_lines(files):
    for path, text in files.items():
        if not is_c(path):
            continue
        most = COLUMNS
        for number, line in enumerate(text.split("\n"), 1):
            if "clang-format o" in line:
                most = TABLE_COLUMNS if "clang-format off" in line else COLUMNS
            if len(line) > most:
                yield f"{path}:{number}: {len(line)} columns, at most {most}"
            if "\t" in line or line != line.rstrip():
                yield f"{path}:{number}: a tab, or blanks at the end"
        if not text.startswith("/* SPDX-License-Identifier: MIT"):
            yield f"{path}:1: does not begin with /* SPDX-License-Identifier: MIT"


def check_sizes(files):
    for path, text in files.items():
        if not is_c(path):
            continue
        lines = text.split("\n")
        if path.startswith(("src/", "include/")) and len(lines) - 1 > FILE_LINES:
            yield f"{path}: {len(lines) - 1} lines, at most {FILE_LINES}: split it where data changes hands"
        begin, most = None, TEST_FUNCTION_LINES if path.startswith("test/") else FUNCTION_LINES
        for number, line in enumerate(lines, 1):
            if line == "{":
                begin = number
            elif line == "}" and begin is not None:
                if number - begin + 1 > most:
                    yield f"{path}:{begin}: a function of {number - begin + 1} lines, at most {most}"
                begin = None


def check_names(files):
    seen = {}
    for path in files:
        if not path.startswith("src/"):
            continue
        name = os.path.basename(path)
        if name in seen:
            yield f"{path}: the name is taken by {seen[name]}"
        seen[name] = path


def check_guards(files):
    for path, text in files.items():
        if path.startswith("src/") and path.endswith(".h"):
            parts = path.split("/")
            guard = re.sub(r"\W", "_", f"FOREWARM_{parts[1]}_{parts[-1]}").upper()
            if f"#ifndef {guard}\n#define {guard}\n" not in text:
                yield f"{path}: its guard should be {guard}"


def check_words(files):
    for path, text in files.items():
        yield from lines_matching(path, text, WORDS, "unfinished")
        yield from lines_matching(path, text, PATHS, "a path of one machine")


def check_calls(files):
    for path, text in files.items():
        if not is_c(path):
            continue
        code = without_comments(text)
        yield from lines_matching(path, code, CALLS, "banned call")
        if path.startswith("src/"):
            yield from lines_matching(path, code, LOCALE_CALLS, "follows the locale; see base/str.h")


def includes(files):
    """Every file of src/ with the files of src/ it includes."""
    graph = {}
    for path, text in files.items():
        if path.startswith("src/") and is_c(path):
            graph[path] = ["src/" + name for name in INCLUDE.findall(text)]
    return graph


def check_layers(files):
    for path, targets in includes(files).items():
        layer = path.split("/")[1]
        if layer not in BELOW:
            yield f"{path}: no such layer: {layer}"
            continue
        for target in targets:
            other = target.split("/")[1]
            if other != layer and other not in BELOW[layer]:
                yield f"{path}: {layer} may not include {target[len('src/'):]}"


def check_cycles(files):
    graph, done = includes(files), set()

    def visit(path, trail):
        if path in trail:
            yield "a cycle of includes: " + " -> ".join(trail[trail.index(path):] + [path])
        elif path not in done and path in graph:
            for target in graph[path]:
                yield from visit(target, trail + [path])
            done.add(path)

    for path in graph:
        yield from visit(path, [])


HEAD = "/* SPDX-License-Identifier: MIT */\n"
PLANTED = [
    (check_lines, {"src/base/a.c": HEAD + "x" * (COLUMNS + 1) + "\n"}),
    (check_lines, {"src/base/a.c": HEAD + "/* clang-format off */\n" + "x" * (TABLE_COLUMNS + 1) + "\n"}),
    (check_lines, {"src/base/a.c": HEAD + "int a; \n"}),
    (check_lines, {"src/base/a.c": "int a;\n"}),
    (check_sizes, {"src/base/a.c": HEAD + "int a;\n" * FILE_LINES}),
    (check_sizes, {"examples/a.c": "void f(void)\n{\n" + "    f();\n" * FUNCTION_LINES + "}\n"}),
    (check_sizes, {"test/a.c": "void f(void)\n{\n" + "    f();\n" * TEST_FUNCTION_LINES + "}\n"}),
    (check_names, {"src/base/a.c": "", "src/core/a.c": ""}),
    (check_guards, {"src/base/a.h": "#ifndef A_H\n#define A_H\n#endif\n"}),
    (check_words, {"scripts/a": "# TO" + "DO: all of it\n"}),
    (check_words, {"docs/a.md": "a stu" + "b\n"}),
    (check_words, {"docs/a.md": "see /" + "work/here\n"}),
    (check_calls, {"examples/a.c": "    usleep(5);\n"}),
    (check_calls, {"src/sim/a.c": "    x = atof(text);\n"}),
    (check_layers, {"src/learn/a.c": '#include "plan/b.h"\n'}),
    (check_layers, {"src/sim/a.c": '#include "edge/b.h"\n'}),
    (check_layers, {"src/forecast/a.c": '#include "learn/b.h"\n'}),
    (check_layers, {"src/learn/a.c": '#include "forecast/b.h"\n'}),
    (check_layers, {"src/plan/a.c": '#include "forecast/b.h"\n'}),
    (check_layers, {"src/other/a.c": '#include "base/b.h"\n'}),
    (check_cycles, {"src/base/a.h": '#include "base/b.h"\n', "src/base/b.h": '#include "base/a.h"\n'}),
]
INNOCENT = {
    "src/base/a.c": HEAD + "/* strcpy( and sleep( in a comment */\nint f(void)\n{\n    return g(\"gets(\");\n}\n",
    "src/cli/b.c": HEAD + '#include "edge/c.h"\n#include "base/a.h"\n',
    "src/edge/d.c": HEAD + 'int e = at->sleep(1); char t[] = "/tmp/XXXXXX";\n',
}


def tracked(root):
    """The files git knows; in an unpacked archive, all but what is built."""
    answer = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=False)
    if answer.returncode == 0:
        return [path for path in answer.stdout.decode().split("\0") if path]
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(("build", ".git", "node_modules"))]
        paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return paths


def read(root):
    files = {}
    for path in tracked(root):
        full = os.path.join(root, path)
        scripted = path.startswith(("scripts/", "bench/", ".ci/")) and "." not in os.path.basename(path)
        if not os.path.isfile(full) or "/corpus/" in path or not (path.endswith(TEXT) or scripted or path == "Makefile"):
            continue
        with open(full, encoding="utf-8") as file:
            files[path] = file.read()
    return files


def main():
    rules = [value for name, value in sorted(globals().items()) if name.startswith("check_")]
    for rule, planted in PLANTED:
        if not list(rule(planted)):
            print(f"{rule.__name__} does not find {planted}")
            return 1
    for rule in rules:
        for finding in rule(INNOCENT):
            print(f"{rule.__name__} finds fault where there is none: {finding}")
            return 1
    files = read(os.environ.get("FOREWARM_SOURCE") or os.path.dirname(os.path.dirname(sys.path[0])))
    findings = [finding for rule in rules for finding in rule(files)]
    print("\n".join(findings))
    print(f"style: {len(files)} files, {len(findings)} findings")
    return 1 if findings or not any(is_c(path) for path in files) else 0


if __name__ == "__main__":
    sys.exit(main())
