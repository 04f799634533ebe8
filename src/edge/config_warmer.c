/* SPDX-License-Identifier: MIT
 * The config's warmers: which kind, and what that kind needs. */
#include "base/check.h"
#include "base/time.h"
#include "edge/config_part.h"
#include "edge/warmers/warmer.h"
#include <stdio.h>
#include <string.h>

#define CONFIG_SESSION_MIN_NS (30 * TIME_SECOND)

void config_warmer_defaults(struct config_warmer *warmer)
{
    *warmer = (struct config_warmer){.command = "",
                                     .directory = "",
                                     .log = "",
                                     .loaded = "",
                                     .measure_command = "",
                                     .measure_json = "",
                                     .token_file = "",
                                     .ca_file = "",
                                     .ns = "",
                                     .deployment = "",
                                     .names = "",
                                     .group = ""};
    for (size_t i = 0; i < config_warmer_row_count; i++)
        if (config_warmer_rows[i].type != OPTION_TEXT)
            option_defaults(&config_warmer_rows[i], 1, warmer);
    config_call_defaults(&warmer->load);
    config_call_defaults(&warmer->unload);
    config_call_defaults(&warmer->state);
    config_call_defaults(&warmer->measure);
}

/* " none exec http ...": every kind there is. */
static const char *kind_names(char text[256])
{
    size_t len = 0;
    for (int kind = 0; kind < WARMER_KIND_COUNT; kind++)
        len += (size_t)snprintf(text + len, 256 - len, " %s", config_warmer_kinds[kind]);
    return text;
}

static void read_kind(struct config_reader *reader, struct config_warmer *warmer,
                      const yaml_node_t *node)
{
    struct str text;
    char names[256];
    if (!yaml_walk_scalar(&reader->walk, node, STR("kind"), &text))
        return;
    for (int kind = 0; kind < WARMER_KIND_COUNT; kind++)
        if (str_equal(text, str_of(config_warmer_kinds[kind]))) {
            warmer->kind = kind;
            return;
        }
    yaml_walk_problem(&reader->walk, node, "warmer.kind: found \"%.*s\", expected one of:%s",
                      STR_ARG(text), kind_names(names));
}

static void read_warmer_pair(struct config_reader *reader, struct config_warmer *warmer,
                             const struct yaml_pair *pair)
{
    const struct option_row *row =
        option_find(config_warmer_rows, config_warmer_row_count, pair->key);
    if (str_equal(pair->key, STR("kind"))) {
        read_kind(reader, warmer, pair->value);
    } else if (str_equal(pair->key, STR("load"))) {
        config_read_call(reader, &warmer->load, "warmer.load", pair->value);
    } else if (str_equal(pair->key, STR("unload"))) {
        config_read_call(reader, &warmer->unload, "warmer.unload", pair->value);
    } else if (str_equal(pair->key, STR("state"))) {
        config_read_call(reader, &warmer->state, "warmer.state", pair->value);
    } else if (str_equal(pair->key, STR("measure"))) {
        config_read_call(reader, &warmer->measure, "warmer.measure", pair->value);
    } else if (str_equal(pair->key, STR("url"))) {
        config_read_url(reader, STR("warmer.url"), pair->value, &warmer->server);
    } else if (str_equal(pair->key, STR("headers"))) {
        warmer->headers =
            config_read_lines(reader, "headers", ": ", pair->value, &warmer->header_count);
    } else if (str_equal(pair->key, STR("environment"))) {
        warmer->environment =
            config_read_lines(reader, "environment", "=", pair->value, &warmer->environment_count);
    } else if (!row) {
        config_unknown_key(
            reader, pair,
            (const struct config_keys[]){{config_warmer_rows, config_warmer_row_count},
                                         {config_warmer_keys, config_warmer_key_count}},
            2);
    } else if (row->type == OPTION_TEXT) {
        struct str text;
        config_read_text(reader, row, pair->value, &text);
        const char *kept = config_keep_text(reader, text);
        memcpy((char *)warmer + row->offset, &kept, sizeof kept);
    } else {
        config_read_row(reader, row, warmer, pair->key, pair->value);
    }
}

#define ONLY(kind) (1u << (kind))
#define SERVERS    (~(ONLY(WARMER_NONE) | ONLY(WARMER_EXEC) | ONLY(WARMER_HTTP)))

/* The kinds a key belongs to, for messages. */
static const char *kinds_text(uint32_t kinds)
{
    for (int kind = 0; kind < WARMER_KIND_COUNT; kind++)
        if (kinds == ONLY(kind))
            return config_warmer_kinds[kind];
    return "of a server";
}

/* Keys of one kind mean nothing to another: somebody expects something that will not happen. */
static void check_keys(struct config_reader *reader, const struct config_warmer *warmer,
                       const struct yaml_pair *pairs, uint32_t count, const yaml_node_t *node)
{
    static const struct {
        const char *key;
        uint32_t kinds;
        bool required;
    } needs[] = {
        {"command", ONLY(WARMER_EXEC), true},
        {"directory", ONLY(WARMER_EXEC), false},
        {"environment", ONLY(WARMER_EXEC), false},
        {"log", ONLY(WARMER_EXEC), false},
        {"load", ONLY(WARMER_HTTP), true},
        {"unload", ONLY(WARMER_HTTP), true},
        {"state", ONLY(WARMER_HTTP), false},
        {"loaded", ONLY(WARMER_HTTP), false},
        {"measure", ONLY(WARMER_HTTP), false},
        {"measure_json", ONLY(WARMER_HTTP), false},
        {"measure_command", ONLY(WARMER_EXEC), false},
        {"url", SERVERS, false},
        {"headers", SERVERS, false},
        {"sleep_level", ONLY(WARMER_VLLM), false},
        {"token_file", SERVERS, false},
        {"ca_file", SERVERS, false},
        {"namespace", ONLY(WARMER_KUBERNETES), false},
        {"deployment", ONLY(WARMER_KUBERNETES), true},
        {"names", ONLY(WARMER_SABLIER), false},
        {"group", ONLY(WARMER_SABLIER), false},
        {"session_duration", ONLY(WARMER_SABLIER), false},
        {"blocking", ONLY(WARMER_SABLIER), false},
    };
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        const struct yaml_pair *pair = config_find(pairs, count, needs[i].key);
        bool own = needs[i].kinds & ONLY(warmer->kind);
        if (pair && !own)
            yaml_walk_problem(&reader->walk, pair->key_node,
                              "warmer.%s: belongs to kind %s, but the kind is %s", needs[i].key,
                              kinds_text(needs[i].kinds), config_warmer_kinds[warmer->kind]);
        else if (needs[i].required && own && (!pair || yaml_walk_is_null(pair->value)))
            yaml_walk_problem(&reader->walk, node, "warmer.%s: missing, kind %s needs it",
                              needs[i].key, config_warmer_kinds[warmer->kind]);
    }
}

static void check_sablier(struct config_reader *reader, const struct config_warmer *warmer,
                          const yaml_node_t *node)
{
    if (!warmer->server.text[0])
        yaml_walk_problem(&reader->walk, node,
                          "warmer.url: missing, expected where Sablier is, such as "
                          "http://127.0.0.1:10000");
    if (!warmer->names[0] == !warmer->group[0])
        yaml_walk_problem(&reader->walk, node,
                          "warmer.names, warmer.group: expected one of them, so that Sablier knows "
                          "what to start");
    if (warmer->session_ns < CONFIG_SESSION_MIN_NS)
        yaml_walk_problem(&reader->walk, node,
                          "warmer.session_duration: expected 30s or more: it is renewed every few "
                          "seconds while it is warm");
}

/* The name goes into a path as it is. */
static void check_kubernetes(struct config_reader *reader, const struct config_warmer *warmer,
                             const yaml_node_t *node)
{
    const char *names[] = {warmer->ns, warmer->deployment};
    for (size_t i = 0; i < 2; i++)
        if (names[i][strspn(names[i], "abcdefghijklmnopqrstuvwxyz0123456789-.")])
            yaml_walk_problem(&reader->walk, node,
                              "warmer.%s: found \"%s\", expected a Kubernetes name: a-z, 0-9, - "
                              "and .",
                              i == 0 ? "namespace" : "deployment", names[i]);
}

static void check_warmer(struct config_reader *reader, const struct config_warmer *warmer,
                         const struct yaml_pair *pairs, uint32_t count, const yaml_node_t *node)
{
    check_keys(reader, warmer, pairs, count, node);
    if (warmer->kind == WARMER_SABLIER)
        check_sablier(reader, warmer, node);
    if (warmer->kind == WARMER_KUBERNETES)
        check_kubernetes(reader, warmer, node);
    if (warmer->kind == WARMER_EXEC && config_find(pairs, count, "command") &&
        str_trim(str_of(warmer->command)).len == 0)
        yaml_walk_problem(&reader->walk, node, "warmer.command: found an empty command");
    if (!config_find(pairs, count, "measure") != !config_find(pairs, count, "measure_json") ||
        (warmer->measure_json[0] && warmer->measure_json[0] != '/'))
        yaml_walk_problem(&reader->walk, node,
                          "warmer.measure: goes together with measure_json, a pointer such as "
                          "/models/0/size_vram");
    if (warmer->loaded[0] && !config_find(pairs, count, "state"))
        yaml_walk_problem(&reader->walk, node, "warmer.loaded: means nothing without a state call");
}

#define IN_CLUSTER "/var/run/secrets/kubernetes.io/serviceaccount/"

void config_complete_warmer(struct config_resource *resource)
{
    struct config_warmer *warmer = &resource->warmer;
    if (warmer->kind == WARMER_KUBERNETES) {
        if (!warmer->server.text[0]) {
            CHECK(config_parse_url(STR("https://kubernetes.default.svc"), &warmer->server));
            warmer->ca_file = warmer->ca_file[0] ? warmer->ca_file : IN_CLUSTER "ca.crt";
            warmer->token_file = warmer->token_file[0] ? warmer->token_file : IN_CLUSTER "token";
        }
        warmer->ns = warmer->ns[0] ? warmer->ns : "default";
    }
    if (warmer->kind == WARMER_TORCHSERVE && !warmer->server.text[0]) {
        const struct config_url *upstream = &resource->upstream;
        bool v6 = strchr(upstream->host, ':') != NULL;
        warmer->server = *upstream;
        warmer->server.port = 8081;
        warmer->server.prefix[0] = 0;
        snprintf(warmer->server.text, sizeof warmer->server.text, "%s://%s%s%s:8081",
                 upstream->tls ? "https" : "http", v6 ? "[" : "", upstream->host, v6 ? "]" : "");
    }
}

void config_read_warmer(struct config_reader *reader, struct config_resource *resource,
                        const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    char names[256];
    if (!yaml_walk_mapping(&reader->walk, node, STR("warmer")))
        return;
    uint32_t before = reader->walk.problems->count;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "warmer.", pairs);
    for (uint32_t i = 0; i < count; i++)
        read_warmer_pair(reader, &resource->warmer, &pairs[i]);
    if (!config_find(pairs, count, "kind"))
        yaml_walk_problem(&reader->walk, node, "warmer.kind: missing, expected one of:%s",
                          kind_names(names));
    else if (reader->walk.problems->count == before)
        check_warmer(reader, &resource->warmer, pairs, count, node);
}
