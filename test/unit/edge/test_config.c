/* SPDX-License-Identifier: MIT
 * The configuration: what is right is read, and what is wrong is said with its place and its
 * remedy, all at once. */
#include "base/time.h"
#include "edge/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define RESOURCE                                                                                   \
    "resources:\n"                                                                                 \
    "  - id: qwen-7b\n"                                                                            \
    "    upstream: http://127.0.0.1:5801\n"

static const char *no_environment(const char *variable)
{
    (void)variable;
    return NULL;
}

static enum fw_err parse(const char *text, struct config **config, struct config_problems *problems,
                         option_getenv_fn *getenv_fn)
{
    return config_parse(config, "f.yaml", str_of(text), getenv_fn, problems);
}

/* The text is refused with exactly these lines. */
static void refused(const char *text, const char *expected)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    assert_int_equal(parse(text, &config, &problems, no_environment), FW_INPUT);
    assert_null(config);
    assert_string_equal(problems.text.data, expected);
    config_problems_fini(&problems);
}

static struct config *accepted(const char *text)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    enum fw_err err = parse(text, &config, &problems, no_environment);
    if (err != FW_OK)
        print_error("%s", problems.text.data);
    assert_int_equal(err, FW_OK);
    config_problems_fini(&problems);
    return config;
}

static const char everything[] =
    "# comments and blocks\n"
    "listen: 0.0.0.0:80\n"
    "control: {listen: '[::1]:7701', token_file: null}\n"
    "state: sqlite:forewarm.db\n"
    "memory: 24GiB\n"
    "wait_price: 54\n"
    "policy: ttl:600s\n"
    "hold_timeout: 1m30s\n"
    "log_level: debug\n"
    "resource_from: \"slm_{quality}\"\n"
    "fallback: {url: https://core.example:8443/base/}\n"
    "resources:\n"
    "  - id: org/qwen:7b\n"
    "    aliases: [gpt-4o-mini, fast]\n"
    "    upstream: http://127.0.0.1:5801\n"
    "    upstream_model: qwen\n"
    "    memory: 5GiB\n"
    "    warmer:\n"
    "      kind: exec\n"
    "      command: >-\n"
    "        ./modelserver\n"
    "        --port 5801\n"
    "      environment: {CUDA_VISIBLE_DEVICES: 0, MODE: a=b}\n"
    "      start_timeout: 5m\n"
    "    probe: &probe\n"
    "      path: /v1/chat/completions\n"
    "      body: '{\"model\":\"m\"}'\n"
    "      headers: {Authorization: Bearer x}\n"
    "    on_cold: fallback\n"
    "    pin: true\n"
    "  - id: embed\n"
    "    upstream: http://[::1]:5802\n"
    "    warmer:\n"
    "      kind: http\n"
    "      load: {url: 'http://127.0.0.1:9/load?x=1', method: PUT, timeout: 2s}\n"
    "      unload: {path: /unload, body: '{}'}\n"
    "      state: {path: /state}\n"
    "      loaded: ready\n"
    "    probe:\n"
    "      <<: *probe\n"
    "      expect_status: 201\n"
    "  - {id: plain, upstream: 'http://localhost'}\n";

static void reads_everything(void **state)
{
    (void)state;
    struct config *config = accepted(everything);
    assert_int_equal(config->resource_count, 3);
    assert_string_equal(config->listen, "0.0.0.0:80");
    assert_string_equal(config->control_listen, "[::1]:7701");
    assert_string_equal(config->control_token_file, "");
    assert_int_equal(config->engine.memory, UINT64_C(24) << 30);
    assert_int_equal(config->engine.hold_timeout_ns, INT64_C(90000000000));
    assert_string_equal(config->engine.policy, "ttl:600s");
    assert_string_equal(config->resource_from.text, "slm_{quality}");
    assert_string_equal(config->fallback.host, "core.example");
    assert_int_equal(config->fallback.port, 8443);
    assert_string_equal(config->fallback.prefix, "/base");
    assert_true(config->fallback.tls);
    const struct config_resource *one = &config->resources[0], *two = &config->resources[1];
    assert_string_equal(one->id, "org/qwen:7b");
    assert_int_equal(one->alias_count, 2);
    assert_string_equal(one->aliases[1], "fast");
    assert_string_equal(one->warmer.command, "./modelserver --port 5801");
    assert_int_equal(one->warmer.environment_count, 2);
    assert_string_equal(one->warmer.environment[0], "CUDA_VISIBLE_DEVICES=0");
    assert_string_equal(one->warmer.environment[1], "MODE=a=b");
    assert_int_equal(one->warmer.start_timeout_ns, INT64_C(300000000000));
    assert_string_equal(one->probe.method, "POST");
    assert_string_equal(one->probe.headers[0], "Authorization: Bearer x");
    assert_true(one->engine.pin && one->engine.has_fallback);
    assert_int_equal(one->engine.on_cold, ON_COLD_FALLBACK);
    assert_int_equal(one->line, 13);
    assert_string_equal(two->upstream.host, "::1");
    assert_string_equal(two->warmer.load.method, "PUT");
    assert_string_equal(two->warmer.unload.url, "/unload");
    assert_string_equal(two->warmer.state.method, "GET");
    assert_string_equal(two->warmer.loaded, "ready");
    /* Merged, and overridden. */
    assert_string_equal(two->probe.body, "{\"model\":\"m\"}");
    assert_int_equal(two->probe.expect_status, 201);
    assert_int_equal(config->resources[2].warmer.kind, WARMER_NONE);
    assert_int_equal(config->resources[2].upstream.port, 80);
    config_free(&config);
}

static void every_problem_at_once(void **state)
{
    (void)state;
    refused(
        "listen: 127.0.0.1:7700\n"
        "memory: 24\n"
        "hold_timeout: 5\n"
        "wait_prise: 3\n"
        "log_level: loud\n"
        "max_connections: many\n"
        "resources:\n"
        "  - id: a b\n"
        "    upstream: 127.0.0.1:5801\n"
        "    memroy: 5GiB\n",
        "f.yaml:2:9: memory: found \"24\", expected a size with its unit, such as 24GiB\n"
        "f.yaml:3:15: hold_timeout: found \"5\", expected a duration with its unit, such as 90s or "
        "1h30m, from 0s to 1d\n"
        "f.yaml:4:1: wait_prise: unknown key, did you mean wait_price?\n"
        "f.yaml:5:12: log_level: found \"loud\", expected one of error, warn, info, debug\n"
        "f.yaml:6:18: max_connections: found \"many\", expected a whole number, from 1 to 1000000\n"
        "f.yaml:8:9: id: found \"a b\", expected a name of 1 to 255 bytes without blanks\n"
        "f.yaml:9:15: upstream: found \"127.0.0.1:5801\", expected an address such as "
        "http://127.0.0.1:5801\n"
        "f.yaml:10:5: memroy: unknown key, did you mean memory?\n");
}

static void wrong_kinds_of_nodes(void **state)
{
    (void)state;
    refused("- a\n- b\n", "f.yaml:1:1: the file: found a list, expected a mapping of keys\n");
    refused("listen: [a]\ncontrol: x\nfallback: [y]\nresources: {a: 1}\n",
            "f.yaml:1:9: listen: found a list, expected a single value\n"
            "f.yaml:2:10: control: found a single value, expected a mapping of keys\n"
            "f.yaml:3:11: fallback: found a list, expected a mapping of keys\n"
            "f.yaml:4:12: resources: found a mapping, expected a list\n");
    refused("resources:\n  - just text\n",
            "f.yaml:2:5: resources: found a single value, expected a mapping of keys\n");
    refused("", "f.yaml: the file is empty, expected keys such as resources\n");
    refused("resources: []\n",
            "f.yaml:1:12: resources: missing, expected a list of at least one\n");
}

static void not_yaml(void **state)
{
    (void)state;
    refused("a: [1, 2\nb: 3\n", "f.yaml:2:2: not valid YAML: did not find expected ',' or ']', "
                                "while parsing a flow sequence\n");
    refused("a: \"x\n",
            "f.yaml:2:1: not valid YAML: found unexpected end of stream, while scanning a "
            "quoted scalar\n");
    refused(RESOURCE "---\nlisten: x:1\n",
            "f.yaml:5:1: a second document begins here, expected one\n");
    refused("a: *nowhere\n", "f.yaml:1:4: not valid YAML: found undefined alias\n");
}

static void doubles(void **state)
{
    (void)state;
    refused("wait_price: 1\nwait_price: 2\n" RESOURCE "    pin: true\n    pin: false\n",
            "f.yaml:2:1: wait_price: given twice, first in line 1\n"
            "f.yaml:7:5: pin: given twice, first in line 6\n");
    refused(RESOURCE "    aliases: [x, x, qwen-7b]\n  - {id: x, upstream: 'http://h'}\n",
            "f.yaml:4:18: aliases: \"x\" is taken already, in line 4\n"
            "f.yaml:4:21: aliases: \"qwen-7b\" is taken already, in line 2\n"
            "f.yaml:5:10: id: \"x\" is taken already, in line 4\n");
}

#define X(kind, name, sentence) " " name
#define KINDS                   WARMER_KINDS(X)

static void what_is_missing(void **state)
{
    (void)state;
    refused(
        "resources:\n  - {warmer: {kind: exec}}\n",
        "f.yaml:2:14: warmer.command: missing, kind exec needs it\n"
        "f.yaml:2:5: id: missing, every resource needs a name\n"
        "f.yaml:2:5: upstream: missing, expected the address of its server\n"
        "f.yaml:2:5: probe: missing, without a real inference nothing proves that the resource is "
        "warm\n");
    refused(RESOURCE "    warmer: {kind: http, load: {path: /l}}\n    probe: {body: x}\n",
            "f.yaml:4:13: warmer.unload: missing, kind http needs it\n"
            "f.yaml:5:12: probe: url or path is missing\n");
    refused(RESOURCE "    warmer: {command: x}\n    probe: {path: /p}\n",
            "f.yaml:4:13: warmer.kind: missing, expected one of:" KINDS "\n");
}

static void contradictions(void **state)
{
    (void)state;
    refused(
        "memory: 8GiB\n"
        "retry_min: 10m\n"
        "default_resource: nobody\n"
        "control: {listen: '127.0.0.1:7700'}\n"
        "resources:\n"
        "  - {id: a, upstream: 'http://h', memory: 5GiB, pin: true, on_cold: fallback}\n"
        "  - {id: b, upstream: 'http://h', memory: 5GiB, pin: true}\n"
        "  - {id: c, upstream: 'http://h', memory: 9GiB}\n",
        "f.yaml:4:10: control.listen: \"127.0.0.1:7700\" is the address of the data plane too\n"
        "f.yaml:2:12: retry_min: longer than retry_max\n"
        "f.yaml:3:19: default_resource: \"nobody\" is no configured resource\n"
        "f.yaml:6:69: on_cold: fallback, but no fallback is configured\n"
        "f.yaml:8:43: memory: found 9GiB, more than the 8GiB that all resources may use together\n"
        "f.yaml:6:3: pin: the pinned resources need 10GiB together, memory is 8GiB\n");
    refused(RESOURCE "    warmer: {kind: none, command: x, load: {path: /l}}\n",
            "f.yaml:4:26: warmer.command: belongs to kind exec, but the kind is none\n"
            "f.yaml:4:38: warmer.load: belongs to kind http, but the kind is none\n");
    refused(RESOURCE
            "    warmer: {kind: exec, command: x}\n    probe: {path: /p, url: 'http://h/p'}\n",
            "f.yaml:5:12: probe: has both url and path, expected one of them\n");
}

static void keys_of_the_servers(void **state)
{
    (void)state;
    refused(RESOURCE "    warmer: {kind: kubernetes, namespace: Ml, names: app}\n    probe: {path: "
                     "/p}\n",
            "f.yaml:4:13: warmer.deployment: missing, kind kubernetes needs it\n"
            "f.yaml:4:47: warmer.names: belongs to kind sablier, but the kind is kubernetes\n"
            "f.yaml:4:13: warmer.namespace: found \"Ml\", expected a Kubernetes name: a-z, 0-9, - "
            "and .\n");
    refused(RESOURCE
            "    warmer: {kind: sablier, names: a, group: b, session_duration: 5s}\n    probe: "
            "{path: /p}\n",
            "f.yaml:4:13: warmer.url: missing, expected where Sablier is, such as "
            "http://127.0.0.1:10000\n"
            "f.yaml:4:13: warmer.names, warmer.group: expected one of them, so that Sablier knows "
            "what to start\n"
            "f.yaml:4:13: warmer.session_duration: expected 30s or more: it is renewed every few "
            "seconds while it is warm\n");
    refused(RESOURCE "    warmer: {kind: torchserve}\n",
            "f.yaml:2:5: probe: missing, without a real inference nothing proves that the resource "
            "is warm\n");
    struct config *config =
        accepted(RESOURCE "    warmer: {kind: kubernetes, deployment: d}\n    probe: {path: /p}\n");
    const struct config_warmer *warmer = &config->resources[0].warmer;
    assert_string_equal(warmer->server.text, "https://kubernetes.default.svc");
    assert_string_equal(warmer->ns, "default");
    assert_string_equal(warmer->token_file, "/var/run/secrets/kubernetes.io/serviceaccount/token");
    assert_string_equal(warmer->ca_file, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt");
    config_free(&config);
    config = accepted(RESOURCE "    warmer: {kind: torchserve}\n    probe: {path: /p}\n");
    assert_int_equal(config->resources[0].warmer.server.port, 8081);
    config_free(&config);
}

static void sleeping_servers(void **state)
{
    (void)state;
    struct config *config =
        accepted(RESOURCE "    warmer: {kind: vllm}\n"
                          "    levels: [{name: asleep, server: vllm-1, host_memory: 1GiB}]\n");
    assert_true(config->resources[0].engine.levels[0].from_warm);
    assert_false(config->resources[0].engine.levels[0].from_cold);
    assert_int_equal(config->resources[0].levels[0].server, LEVEL_VLLM_1);
    config_free(&config);
    refused(RESOURCE "    warmer: {kind: ollama, command: x, sleep_level: 2}\n",
            "f.yaml:4:28: warmer.command: belongs to kind exec, but the kind is ollama\n"
            "f.yaml:4:40: warmer.sleep_level: belongs to kind vllm, but the kind is ollama\n");
    refused(RESOURCE
            "    warmer: {kind: vllm, sleep_level: 1}\n"
            "    levels: [{name: a, server: vllm-1}, {name: b, server: vllm-2, wake: x}]\n",
            "f.yaml:5:41: levels[].server: sleeps and wakes by itself, so sleep and wake mean "
            "nothing beside it\n"
            "f.yaml:2:5: levels[].server: vllm-1 is what sleep_level: 1 calls unloaded\n"
            "f.yaml:2:5: levels[].server: found vllm-2 with kind vllm, expected kind exec or http, "
            "or vllm-1 with kind vllm\n");
}

static void what_this_build_has_not(void **state)
{
    (void)state;
    refused("state: redis://:secret@h:6379/0\n" RESOURCE
            "    warmer: {kind: olama}\n    probe: {path: /p}\n",
            "f.yaml:5:20: warmer.kind: found \"olama\", expected one of:" KINDS "\n"
            "f.yaml:1:8: state: a password does not belong into the address but into the file that "
            "redis_password_file names, expected redis://HOST:PORT/DB\n");
}

static void planned_events(void **state)
{
    (void)state;
    struct config *config =
        accepted(RESOURCE "events:\n"
                          "  - {name: launch, resource: qwen-7b, start: '2026-03-01T09:00:00Z', "
                          "duration: 2h, expected_requests: 200}\n"
                          "  - {name: fair, resource: all, date: 2026-03-02, multiplier: 3}\n"
                          "  - {name: late, resource: qwen-7b, start: 2026-03-01 09:00:00, end: "
                          "'2026-03-01T09:30:00+00:00'}\n");
    const int64_t nine_ns = 1772355600 * TIME_SECOND; /* 2026-03-01 09:00 UTC */
    assert_int_equal(config->event_count, 3);
    const struct config_event *events = config->events;
    assert_string_equal(events[0].name, "launch");
    assert_string_equal(events[0].resource, "qwen-7b");
    assert_int_equal(events[0].start_ns, nine_ns);
    assert_int_equal(events[0].end_ns, nine_ns + 2 * TIME_HOUR);
    assert_true(events[0].requests == 200 && !events[0].multiplier);
    assert_null(events[1].resource);
    assert_int_equal(events[1].start_ns, nine_ns + 15 * TIME_HOUR);
    assert_int_equal(events[1].end_ns, nine_ns + 39 * TIME_HOUR);
    assert_true(events[1].requests == 3 && events[1].multiplier);
    assert_int_equal(events[2].start_ns, nine_ns);
    assert_int_equal(events[2].end_ns, nine_ns + 30 * TIME_MINUTE);
    assert_true(events[2].requests == 1);
    config_free(&config);
}

static void wrong_planned_events(void **state)
{
    (void)state;
    refused("events:\n"
            "  - {name: a, resource: nobody, start: 2026-03-01T09:00:00Z, duration: 2}\n"
            "  - {name: '', resource: qwen-7b, date: 2026-03, end: soon, expected_requests: -1, "
            "nmae: b}\n"
            "  - {resource: qwen-7b, start: 2026-03-01T09:00:00Z, date: 2026-03-01, multiplier: 2, "
            "expected_requests: 5, end: 2026-03-01T09:00:00Z, duration: 1h}\n"
            "  - {name: c, resource: all}\n"
            "  - launch\n" RESOURCE,
            "f.yaml:2:72: events.duration: found \"2\", expected a duration such as 2h, at most a "
            "year\n"
            "f.yaml:3:84: nmae: unknown key, did you mean name?\n"
            "f.yaml:3:12: events.name: found \"\", expected a name\n"
            "f.yaml:3:41: events.date: found \"2026-03\", expected a day such as 2026-03-01\n"
            "f.yaml:3:55: events.end: found \"soon\", expected an instant such as "
            "2026-03-01T09:00:00Z\n"
            "f.yaml:3:80: events.expected_requests: found \"-1\", expected a number from 0 to 1e9\n"
            "f.yaml:4:5: events.name: missing\n"
            "f.yaml:4:60: events.date: found beside start, expected one of them\n"
            "f.yaml:4:146: events.duration: found beside end, expected one of them\n"
            "f.yaml:4:114: events.end: found \"2026-03-01T09:00:00Z\", expected an instant after "
            "start\n"
            "f.yaml:4:84: events.multiplier: found beside expected_requests, expected one of them\n"
            "f.yaml:5:5: events.start: missing, expected it or date\n"
            "f.yaml:6:5: events: found a single value, expected a mapping of keys\n"
            "f.yaml:2:5: events.resource: \"nobody\" is no configured resource\n");
}

static void wrong_values(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_problems problems = {0};
    assert_int_equal(parse("policy: tll:5s\n" RESOURCE, &config, &problems, no_environment),
                     FW_INPUT);
    assert_int_equal(problems.count, 1);
    assert_non_null(
        strstr(problems.text.data, "f.yaml:1:9: policy: found 'tll', expected one of "));
    config_problems_fini(&problems);
    assert_int_equal(parse("policy: oracle\n" RESOURCE, &config, &problems, no_environment),
                     FW_INPUT);
    assert_int_equal(problems.count, 1);
    assert_non_null(
        strstr(problems.text.data, "f.yaml:1:9: policy 'oracle' looks into the future"));
    config_problems_fini(&problems);
    refused(
        "control_listen: 'a:1'\nallowed_origins: chat.example\nlisten: nowhere\nstate: file\n"
        "resource_from: slm\n" RESOURCE,
        "f.yaml:1:1: control_listen: unknown key, write it as control: {listen: ...}\n"
        "f.yaml:5:16: resource_from: found \"slm\", expected a name with one to 8 parts such as "
        "slm_{quality}\n"
        "f.yaml:3:9: listen: found \"nowhere\", expected an address and port such as "
        "127.0.0.1:7700\n"
        "f.yaml:4:8: state: found \"file\", expected memory:, sqlite:PATH or redis://HOST:PORT/DB\n"
        "f.yaml:2:18: allowed_origins: found \"chat.example\", expected origins such as "
        "https://chat.example\n");
}

/* A header's value may be a secret: it is not in the message about it. */
static void messages_keep_secrets(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_problems problems = {0};
    assert_int_equal(parse(RESOURCE
                           "    warmer: {kind: exec, command: x, environment: {'A=B': hush}}\n"
                           "    probe: {path: /p, headers: {X: \"hush\\nhush\"}}\n",
                           &config, &problems, no_environment),
                     FW_INPUT);
    assert_int_equal(problems.count, 2);
    assert_null(strstr(problems.text.data, "hush"));
    config_problems_fini(&problems);
}

static const char *environment(const char *variable)
{
    if (strcmp(variable, "EDGE_PREWARM_HORIZON_MINUTES") == 0)
        return "7";
    if (strcmp(variable, "EDGE_ENABLE_PREWARMING") == 0)
        return "false";
    if (strcmp(variable, "EDGE_PREWARM_MIN_REQUESTS") == 0)
        return "3";
    if (strcmp(variable, "EDGE_PREWARM_LEAD_TIME_MINUTES") == 0)
        return "1";
    return strcmp(variable, "FOREWARM_CONTROL_LISTEN") == 0 ? "127.0.0.1:1234" : NULL;
}

static const char *bad_environment(const char *variable)
{
    return strcmp(variable, "FOREWARM_MAX_BODY") == 0 ? "12" : NULL;
}

/* P8: the variables named there, and FOREWARM_* for every top-level row. */
static void the_environment_overrides(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_problems problems = {0};
    assert_int_equal(parse("prewarm_horizon: 5m\n" RESOURCE, &config, &problems, environment),
                     FW_OK);
    assert_int_equal(config->engine.prewarm_horizon_ns, INT64_C(420000000000));
    assert_int_equal(config->engine.prewarm_lead_time_ns, INT64_C(60000000000));
    assert_int_equal(config->engine.prewarm_min_requests, 3);
    assert_false(config->engine.enable_prewarming);
    assert_string_equal(config->control_listen, "127.0.0.1:1234");
    config_free(&config);
    config_problems_fini(&problems);
    assert_int_equal(parse(RESOURCE, &config, &problems, bad_environment), FW_INPUT);
    assert_string_equal(problems.text.data,
                        "environment: FOREWARM_MAX_BODY: found \"12\", expected a "
                        "size with its unit, such as 24GiB, from 1KiB to 1GiB\n");
    config_problems_fini(&problems);
}

static void a_config_is_shared(void **state)
{
    (void)state;
    struct config *config = accepted(RESOURCE), *second = config_retain(config);
    config_free(&config);
    assert_null(config);
    assert_string_equal(second->resources[0].id, "qwen-7b");
    config_free(&second);
}

static void addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "http://",
                                      "ftp://h",
                                      "http://h:0",
                                      "http://h:x",
                                      "http://h:65536",
                                      "http://[::1",
                                      "http://a@b",
                                      "http://h/p?q",
                                      "http://h/#f",
                                      "h:80",
                                      "http://h /"};
    struct config_url url;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(config_parse_url(str_of(bad[i]), &url));
    assert_true(config_parse_url(STR("https://h"), &url));
    assert_int_equal(url.port, 443);
    assert_true(config_parse_url(STR("http://[::1]:8080/a/b//"), &url));
    assert_string_equal(url.host, "::1");
    assert_string_equal(url.prefix, "/a/b");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_problems problems = {0};
    assert_int_equal(config_read(&config, "/nowhere/f.yaml", no_environment, &problems),
                     FW_NOT_FOUND);
    assert_string_equal(problems.text.data,
                        "/nowhere/f.yaml: cannot be read: No such file or directory\n");
    config_problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(every_problem_at_once),
        cmocka_unit_test(wrong_kinds_of_nodes),
        cmocka_unit_test(not_yaml),
        cmocka_unit_test(doubles),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(contradictions),
        cmocka_unit_test(keys_of_the_servers),
        cmocka_unit_test(sleeping_servers),
        cmocka_unit_test(what_this_build_has_not),
        cmocka_unit_test(planned_events),
        cmocka_unit_test(wrong_planned_events),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(messages_keep_secrets),
        cmocka_unit_test(the_environment_overrides),
        cmocka_unit_test(a_config_is_shared),
        cmocka_unit_test(addresses),
        cmocka_unit_test(files_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
