/* SPDX-License-Identifier: MIT
 * Call hints in the config: what each upstream is told, and how agents' calls are known. */
#include "edge/config_part.h"
#include "edge/head.h"
#include <stdio.h>

enum { HEADER_NAME_MAX = 64 };

static const char *const places[] = {
#define X(id, name) name,
    HINT_PLACES(X)
#undef X
        NULL};
static const char *const dialects[] = {
#define X(id, name) name,
    HINT_DIALECTS(X)
#undef X
        NULL};
static const char *const clients[] = {
#define X(id, name) name,
    HINT_CLIENTS(X)
#undef X
        NULL};
const char *const config_hint_observes[] = {
#define X(value, name) name,
    HINT_OBSERVES(X)
#undef X
        NULL};

/* What the rows are read into. */
struct reading {
    int place, dialect, client;
    int64_t cap;
};
#define AT(field) offsetof(struct reading, field)
/* clang-format off */
const struct option_row config_hint_keys[] = {
    {"inject", OPTION_CHOICE, AT(place), "none", 0, 0, true, places,
     "Where hints go: nvext.agent_hints of JSON bodies, headers, both, or nowhere. Some servers refuse members they do not know."},
    {"dialect", OPTION_CHOICE, AT(dialect), "dynamo", 0, 0, true, dialects,
     "How priority is meant: dynamo (higher is served sooner), legacy (lower is, with all fields of NeMo Agent Toolkit), strict (a tier of the queue)."},
    {"client", OPTION_CHOICE, AT(client), "strip", 0, 0, true, clients,
     "What becomes of hints that clients send: strip, merge (ours count where both speak) or keep (theirs do, from 0 to cap)."},
    {"cap", OPTION_INT, AT(cap), "5", 0, 1e6, true, NULL,
     "The highest priority or tier that is asked for."},
    {"headers", OPTION_TEXT, 0, "", 0, HEADER_NAME_MAX, true, NULL,
     "Mapping of a field (priority, strict_priority, osl, iat, latency_sensitivity, prefix_id, total_requests, or "
     "all for the whole JSON) to the header that gets it. Absent: all in x-agent-hints, priority and "
     "strict_priority in Dynamo's."},
};
/* clang-format on */
_Static_assert(sizeof config_hint_keys / sizeof config_hint_keys[0] == 5,
               "config_rows.c lists so many");
const size_t config_hint_key_count = sizeof config_hint_keys / sizeof config_hint_keys[0];
enum { ROWS = 4 }; /* those that are read as values */

static const char *const field_names[] = {
#define X(field, name) name,
    HINT_FIELD_NAMES(X)
#undef X
        "all"};

void config_hint_defaults(struct hint_rules *rules)
{
    *rules = (struct hint_rules){.cap = 5, .scale = 5, .client = HINT_STRIP};
}

/* A header's name in lower case, or NULL with the problem said. "": none. */
static const char *read_header(struct config_reader *reader, const yaml_node_t *node,
                               const char *what)
{
    struct str text = {0};
    char name[HEADER_NAME_MAX + 1] = "";
    if (!yaml_walk_scalar(&reader->walk, node, str_of(what), &text))
        return NULL;
    bool ok = text.len <= HEADER_NAME_MAX;
    for (size_t i = 0; ok && i < text.len; i++) {
        ok = head_is_token_char((unsigned char)text.data[i]);
        char c = text.data[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    static const char *const framing[] = {"content-length", "host", "transfer-encoding",
                                          "connection", "authorization"};
    for (size_t i = 0; ok && i < sizeof framing / sizeof framing[0]; i++)
        ok = strcmp(name, framing[i]) != 0;
    if (ok)
        return config_keep_text(reader, str_of(name));
    yaml_walk_problem(&reader->walk, node,
                      "%s: found \"%.*s\", expected a header's name of at most %d bytes", what,
                      STR_ARG(text), HEADER_NAME_MAX);
    return NULL;
}

static void read_headers(struct config_reader *reader, struct hint_rules *rules,
                         const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, STR("hints.headers")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "hints.headers.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        size_t field = 0;
        while (field <= HINT_FIELDS && !str_equal(pairs[i].key, str_of(field_names[field])))
            field++;
        if (field > HINT_FIELDS)
            yaml_walk_problem(&reader->walk, pairs[i].key_node,
                              "hints.headers: found \"%.*s\", expected a field such as osl, or all",
                              STR_ARG(pairs[i].key));
        else
            rules->headers[field] = read_header(reader, pairs[i].value, "hints.headers");
    }
}

void config_read_hints(struct config_reader *reader, struct config_resource *resource,
                       const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct reading reading;
    struct hint_rules *rules = &resource->hints;
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, STR("hints")))
        return;
    option_defaults(config_hint_keys, ROWS, &reading);
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "hints.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row = option_find(config_hint_keys, ROWS, pairs[i].key);
        if (row)
            config_read_row(reader, row, &reading, pairs[i].key, pairs[i].value);
        else if (str_equal(pairs[i].key, STR("headers")))
            read_headers(reader, rules, pairs[i].value);
        else
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_hint_keys, config_hint_key_count}, 1);
    }
    rules->place = reading.place;
    rules->dialect = reading.dialect;
    rules->client = reading.client;
    rules->cap = (uint32_t)reading.cap;
    if (!config_find(pairs, count, "headers")) {
        rules->headers[HINT_FIELDS] = "x-agent-hints";
        rules->headers[HINT_PRIORITY] = rules->dialect == HINT_DYNAMO ? HINT_DYNAMO_PRIORITY : "";
        rules->headers[HINT_TIER] = HINT_DYNAMO_TIER;
    }
}

/* ---- what belongs together ---- */

static void check_name(struct config_reader *reader, const yaml_node_t *node, const char *key,
                       char *name)
{
    bool ok = strlen(name) <= HEADER_NAME_MAX;
    for (char *c = name; ok && *c; c++)
        ok = head_is_token_char((unsigned char)*c);
    if (!ok)
        yaml_walk_problem(&reader->walk, node,
                          "hints.%s: found \"%.80s\", expected a header's name of at most %d bytes",
                          key, name, HEADER_NAME_MAX);
}

void config_check_hints(struct config_reader *reader, const struct yaml_pair *pairs, uint32_t count)
{
    struct config *config = reader->config;
    struct config_hints *hints = &config->hints;
    const struct yaml_pair *pair = config_find(pairs, count, "hints");
    const yaml_node_t *node = pair ? pair->value : yaml_walk_root(&reader->walk);
    bool wanted = false;
    check_name(reader, node, "run_header", hints->run_header);
    check_name(reader, node, "agent_header", hints->agent_header);
    check_name(reader, node, "path_header", hints->path_header);
    check_name(reader, node, "parent_header", hints->parent_header);
    check_name(reader, node, "level_header", hints->level_header);
    check_name(reader, node, "end_header", hints->end_header);
    if (!(hints->w_critical + hints->w_fanout + hints->w_position + hints->w_parallel > 0))
        yaml_walk_problem(
            &reader->walk, node,
            "hints: all weights (w_critical, w_fanout, w_position, w_parallel) are 0, "
            "expected at least one above");
    for (uint32_t i = 0; i < config->resource_count; i++) {
        config->resources[i].hints.scale = (uint32_t)hints->scale;
        wanted |= config->resources[i].hints.place != HINT_NOWHERE;
    }
    hints->on =
        hints->observe == HINT_OBSERVE_ON || (hints->observe == HINT_OBSERVE_AUTO && wanted);
}
