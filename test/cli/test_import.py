#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""forewarm import: llama-swap configurations (the grammar of its config.example.yaml, files of our own) become configurations that
`forewarm check` takes and `serve` runs, and what is not carried over is named with its line; access logs become traces."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
from harness import FOREWARM, Daemon, call, free_port, main, wait_for  # noqa: E402

BUILD = os.environ.get("FOREWARM_BUILD") or os.path.dirname(FOREWARM)
MODELSERVER = os.path.join(BUILD, "examples", "modelserver", "modelserver")

FULL = r"""
# every part of the grammar that the importer knows
healthCheckTimeout: 5            # below 15: 15
startPort: 9100
logLevel: warn
globalTTL: 300
sendLoadingState: true
includeAliasesInList: true
x-shared: &common
  env: ["A=1", "B=it's ${MODEL_ID}", 'C=${env.IMPORTED}']
macros:
  bin: /opt/llama/llama-server
  "server": >
    ${bin} --port ${PORT}
    -ngl 99
models:
  "qwen":
    <<: *common
    cmd: |
      # the server
      ${server} \
        --model "/models/qwen 7b.gguf" --alias ${MODEL_ID} --key ${env.SECRET}
    aliases: [gpt-4o-mini, "q"]
    filters:
      stripParams: temperature
    cmdStop: kill ${PID}
  emb:
    cmd: ${server} --embedding -m $HOME/e.gguf
    name: ~
    checkEndpoint: none
    concurrencyLimit: 4
  vis:
    macros: {ctx: 4096, all: "-c ${ctx}"}
    cmd: ${server} ${all} --template '{{ "a;b" }}'
    proxy: http://localhost:${PORT}/
    useModelName: vision
    unloadTimeout: 5
    sendLoadingState: false
    ttl: 0
    madeUp: 1
groups:
  big: {swap: true, exclusive: true, members: [qwen, vis]}
  forever:
    persistent: true
    swap: false
    exclusive: false
    members:
      - emb
hooks:
  on_startup:
    preload: [emb, gpt-4o-mini]
apiKeys: ["sk-12345678", "${env.IMPORTED}", short]
peers:
  other:
    proxy: https://peer.example:8443
    apiKey: secret-key-0
    models: [m1, m2]
profiles: {}
"""


def run(*args, text=None, status=0, env=None):
    done = subprocess.run([FOREWARM, "import", *args], input=text, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "IMPORTED": "imported-value", **(env or {})})
    assert done.returncode == status, (args, done)
    return done


def checked(text):
    """The configuration, after `forewarm check` took it."""
    done = subprocess.run([FOREWARM, "check", "-c", "-"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + text
    return text


def resource(text, id):
    """The lines of one resource."""
    parts = text.split("\n  - id: ")
    return next(part for part in parts[1:] if part.startswith(json.dumps(id)))


def line_of(text, what):
    return next(i for i, line in enumerate(text.split("\n"), 1) if what in line)


def everything_is_carried_over_or_named():
    with tempfile.TemporaryDirectory() as folder:
        tokens = os.path.join(folder, "tokens")
        done = run("llama-swap", "--tokens", tokens, "-", text=FULL)
        with open(tokens) as file:
            assert file.read() == "# token  scopes\nsk-12345678  use\nimported-value  use\n"
        assert os.stat(tokens).st_mode & 0o77 == 0
        out = checked(done.stdout)
    assert "log_level: warn\n" in out and "tokens_file: " in out
    assert "baseline" not in out, "vis has another ttl"
    qwen, emb, vis = resource(out, "qwen"), resource(out, "emb"), resource(out, "vis")
    assert ("command: " + json.dumps("exec /opt/llama/llama-server --port 9100 -ngl 99 --model '/models/qwen 7b.gguf' --alias qwen "
                                     "--key ''\"${SECRET}\"''")) in qwen, qwen
    assert '"gpt-4o-mini"' in qwen and "start_timeout: 15s" in qwen and "hold_comments: 5s" in qwen
    assert '"A": "1"' in qwen and '"B": "it\'s qwen"' in qwen and '"C": "imported-value"' in qwen
    assert "--port 9101 -ngl 99 --embedding -m '$HOME/e.gguf'" in emb, "no shell stood between: $HOME was no variable"
    assert "/v1/embeddings" in emb and "pin: true" in emb and "devices: group1" in emb
    assert "-c 4096 --template '{{ \\\"a;b\\\" }}'" in vis and 'upstream: "http://localhost:9102/"' in vis
    assert 'upstream_model: "vision"' in vis and '\\"model\\":\\"vision\\"' in vis and "stop_timeout: 5s" in vis and "hold_comments" not in vis
    assert qwen.count("devices: shared") == vis.count("devices: shared") == 1, "they exclude each other"
    assert "kind: none" in resource(out, "m1") and "https://peer.example:8443" in resource(out, "m2")
    for secret in ("secret-key-0", "sk-12345678", "short"):
        assert secret not in done.stderr and secret not in out, secret
    named = [("includeAliasesInList", "includeAliasesInList"), ("filters", "filters:"), ("cmdStop", "cmdStop"), ("name", "name: ~"),
             ("checkEndpoint", "checkEndpoint"), ("concurrencyLimit", "concurrencyLimit"), ("ttl", "ttl: 0"), ("madeUp", "madeUp"),
             ("preload", "preload"), ("apiKeys", "apiKeys"), ("apiKey", "apiKey: "), ("profiles", "profiles")]
    for key, text in named:
        assert f"-:{line_of(FULL, text)}:" in done.stderr and f"{key}:" in done.stderr, (key, done.stderr)
    assert len(done.stderr.splitlines()) == len(named), done.stderr


def smaller_ones_and_groupings():
    one = checked(run("llama-swap", "-", text="models:\n  a: {cmd: 'x --port ${PORT}', ttl: 60}\n  b: {cmd: 'x --port ${PORT}', ttl: 60}\n").stdout)
    assert "baseline: 60s" in one and "\nmemory: 1TiB\n" in one and one.count("    memory: 1024GiB\n") == 2, "one at a time"
    models = "models:\n  a: {cmd: x}\n  b: {cmd: x}\n  c: {cmd: x}\n"
    done = run("llama-swap", "-", text=models + "routing:\n  router:\n    use: matrix\n    settings:\n      matrix: {sets: {s: a & b}}\n  scheduler: {use: fifo}\n")
    checked(done.stdout)
    assert "-:9:7: not carried over: matrix:" in done.stderr and "-:10:3: not carried over: routing.scheduler:" in done.stderr, done.stderr
    together = checked(run("llama-swap", "-", text=models + "groups:\n  g: {swap: false, exclusive: false, persistent: true, members: [a, b]}\n").stdout)
    assert "{name: group1, memory: 2TiB, loads: 2} # g" in together, together
    inside = checked(run("llama-swap", "-", text=models + "groups:\n  g: {swap: false, members: [a, b]}\n").stdout)
    assert inside.count("    memory: 512GiB\n") == 2 and inside.count("    memory: 1024GiB\n") == 1, "a and b together, or c"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out.yaml")
        summary = json.loads(run("llama-swap", "--json", "-q", "-o", path, "-", text=models + "profiles: {}\n").stdout)
        assert summary["resources"] == 3 and len(summary["not_carried_over"]) == 1, summary
        with open(path) as file:
            checked(file.read())


def bad_input_is_placed():
    a = "models:\n  a:\n    cmd: x\n"
    for text, place, words in (
            ("models: [\n", ":2:1:", "not valid YAML"), ("", "", "expected a mapping"), ("- a\n", ":1:1:", "expected a mapping"),
            ("models: {}\n", "", "at least one"), ("models:\n  b: 3\n", ":2:6:", "expected a mapping"),
            ("models:\n  a: {ttl: 1}\n", ":2:3:", "cmd is missing"), ("models:\n  a: {cmd: '${nope}'}\n", ":2:12:", "${nope}"),
            ("models:\n  a: {cmd: 'x ${PORT'}\n", ":2:12:", "without"), ("models:\n  a: {cmd: \"x 'y\"}\n", ":2:12:", "quote"),
            ("models:\n  a: {cmd: x, proxy: 'nowhere:x'}\n", ":2:22:", "expected an address"),
            ("models:\n  a: {cmd: x, proxy: 'http://${env.NOT_THERE_AT_ALL}'}\n", ":2:22:", "not set"),
            (a + "    ttl: soon\n", ":4:10:", "whole number"), (a + "    cmd: y\n", ":4:5:", "cmd"),
            (a + "    env: [B]\n", ":4:11:", "NAME=value"), (a + "macros: {PORT: 1}\n", ":4:10:", "other than PORT"),
            (a + "macros: {u: '${v}', v: 1}\n", ":4:13:", "before"), (a + "groups: {g: {members: [z]}}\n", ":4:24:", "model's id"),
            (a + "groups: {g: {members: [a]}, h: {members: [a]}}\n", ":4:43:", "another group"),
            (a + "groups: {}\nmatrix: {}\n", ":5:1:", "besides groups"), (a + "hooks: {on_startup: {preload: [z]}}\n", ":4:32:", "no model"),
            (a + "    aliases: [a]\n", "", "taken already"),
            ("macros:\n" + "".join(f"  m{i}: '" + ("x" if i == 0 else 8 * f"${{m{i - 1}}}") + "'\n" for i in range(9)) + a, ":9:", "longer than"), (a + "sendLoadingState: 3\n", ":4:19:", "true or false")):
        done = run("llama-swap", "-", text=text, status=2)
        assert place in done.stderr and words in done.stderr, (text, done.stderr)
        assert done.stdout == "", "nothing is written"
    run("llama-swap", "/nowhere/at/all", status=2)
    run("llama-swap", status=2)
    run("llama-swap", "--json", "-", text=a, status=2)


def it_runs():
    if not os.access(MODELSERVER, os.X_OK):
        print("SKIPPED: the example model server is not built", flush=True)
        return
    with Daemon() as d:
        first = free_port()
        weights = os.path.join(d.dir, "w.weights")
        shape = "--size 16MiB --layers 2 --width 128"
        subprocess.run([MODELSERVER, "--model", "x", "--weights", weights, "--create-only", *shape.split()], check=True)
        out = run("llama-swap", "-", text=f"""
startPort: {first}
macros:
  server: {MODELSERVER} --port ${{PORT}} --weights {weights} {shape}
models:
  one: {{cmd: "${{server}} --model ${{MODEL_ID}}", aliases: [uno]}}
  two:
    cmd: |
      # another
      ${{server}} \\
        --model deux
    useModelName: deux
""").stdout
        out = out.replace("127.0.0.1:7700", f"127.0.0.1:{d.port}").replace("127.0.0.1:7701", f"127.0.0.1:{d.control}")
        d.write_config = lambda: open(d.config, "w").write(out)
        d.start()
        for name, state in (("uno", "cold"), ("one", "warm"), ("two", "cold"), ("one", "cold")):
            answer = call(d.port, "POST", "/v1/chat/completions", {"model": name, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]})
            assert answer.status == 200 and answer.headers["x-forewarm-state"] == state, (name, answer, answer.headers)
        wait_for("one model at a time", lambda: [d.state(r) for r in ("one", "two")] == ["warm", "cold"])


def logs_become_traces():
    log = "".join(f'10.0.0.{i % 3} - - [15/Nov/2024:16:57:{i:02d} +0000] "POST /v1/models/m{i % 2}/chat HTTP/1.1" 200 12 "-" "curl"\n' for i in range(10))
    log += '10.0.0.1 - - [15/Nov/2024:16:58:00 +0000] "GET /healthz HTTP/1.1" 200 2 "-" "probe"\n'
    with tempfile.TemporaryDirectory() as folder:
        path, trace = os.path.join(folder, "access.log"), os.path.join(folder, "trace.csv")
        with open(path, "w") as file:
            file.write(log)
        summary = json.loads(run("access-log", "--json", "-o", trace, path).stdout)
        assert summary["requests"] == 10 and summary["ignored"] == 1, summary
        replay = [json.loads(subprocess.run([FOREWARM, "replay", "--json", "-q", "--policy", "lru", "--format", kind, file], check=True,
                                            capture_output=True, text=True).stdout) for kind, file in (("access-log", path), ("arrivals", trace))]
        told = [{k: r["trace"][k] for k in ("requests", "resources", "sessions", "from", "to")} for r in replay]
        assert told[0] == told[1], told
        assert replay[0]["policies"][0]["cold"] == replay[1]["policies"][0]["cold"]
        with open(path, "a") as file:
            file.write("this is no line of a log\n")
        done = run("access-log", path, status=2)
        assert f"{path}:12" in done.stderr and done.stdout == "", done.stderr
        assert json.loads(run("access-log", "--json", "--skip-bad-rows", "-o", trace, path).stdout)["skipped"] == 1


main([everything_is_carried_over_or_named, smaller_ones_and_groupings, bad_input_is_placed, it_runs, logs_become_traces])
