/* SPDX-License-Identifier: MIT
 * Demand in the config: Prometheus servers that know what is asked for. */
#include "edge/config_part.h"
#include "edge/prometheus.h"

#define AT(field) offsetof(struct config_source, field)
#define SECOND    1e9
/* clang-format off */
const struct option_row config_demand_keys[] = {
    {"prometheus", OPTION_TEXT, 0, "", 0, 0, true, NULL,
     "Servers that demand is read from, instead of being counted here: one mapping, or a list of at most 16."},
};
const struct option_row config_source_keys[] = {
    {"url", OPTION_TEXT, 0, "", 0, CONFIG_URL_MAX - 1, true, NULL,
     "Address of the Prometheus, without /api. Required."},
    {"query", OPTION_TEXT, 0, "", 0, PROMETHEUS_QUERY_MAX - 64, true, NULL,
     "PromQL that gives one series, in requests a second, such as sum(rate(http_requests_total[5m])). Required."},
    {"resource", OPTION_TEXT, AT(resource), "", 0, CONFIG_ID_MAX - 1, true, NULL,
     "Id of the resource whose demand it is; absent: of all together."},
    {"every", OPTION_DURATION, AT(every_ns), "1m", SECOND, 3600 * SECOND, true, NULL,
     "How often it is asked for what is new."},
    {"history", OPTION_DURATION, AT(history_ns), "60d", 0, 182 * 86400 * SECOND, true, NULL,
     "How much of the past is asked for at the start."},
    {"timeout", OPTION_DURATION, AT(timeout_ns), "10s", SECOND / 10, 600 * SECOND, true, NULL,
     "For each of its answers."},
    {"token_file", OPTION_TEXT, AT(token_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "File whose first line is sent as bearer token; absent: none."},
    {"ca_file", OPTION_TEXT, AT(ca_file), "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "https: file with the CA certificates that its own is checked against; absent: the system's."},
};
/* clang-format on */
_Static_assert(sizeof config_source_keys / sizeof config_source_keys[0] == 8,
               "config_rows.c lists so many");
const size_t config_demand_key_count = sizeof config_demand_keys / sizeof config_demand_keys[0];
const size_t config_source_key_count = sizeof config_source_keys / sizeof config_source_keys[0];

static void read_pair(struct config_reader *reader, struct config_source *source,
                      const struct yaml_pair *pair)
{
    const struct option_row *row =
        option_find(config_source_keys, config_source_key_count, pair->key);
    struct str text;
    if (!row)
        config_unknown_key(reader, pair,
                           &(struct config_keys){config_source_keys, config_source_key_count}, 1);
    else if (str_equal(pair->key, STR("url")))
        config_read_url(reader, STR("demand.prometheus.url"), pair->value, &source->url);
    else if (str_equal(pair->key, STR("query"))) {
        config_read_text(reader, row, pair->value, &text);
        source->query = config_keep_text(reader, str_trim(text));
    } else
        config_read_row(reader, row, source, pair->key, pair->value);
}

static void read_one(struct config_reader *reader, struct config_source *source,
                     const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    source->query = "";
    for (size_t i = 2; i < config_source_key_count; i++) /* url and query have no default */
        option_defaults(&config_source_keys[i], 1, source);
    if (!yaml_walk_mapping(&reader->walk, node, STR("demand.prometheus")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "demand.prometheus.", pairs);
    for (uint32_t i = 0; i < count; i++)
        read_pair(reader, source, &pairs[i]);
    if (!config_find(pairs, count, "url"))
        yaml_walk_problem(&reader->walk, node,
                          "demand.prometheus.url: missing, expected the address of a Prometheus");
    if (!source->query[0])
        yaml_walk_problem(&reader->walk, node,
                          "demand.prometheus.query: missing, expected PromQL that gives requests a "
                          "second");
    for (uint32_t i = 0; i < reader->config->source_count; i++)
        if (strcmp(reader->config->sources[i].resource, source->resource) == 0)
            yaml_walk_problem(&reader->walk, node,
                              "demand.prometheus: \"%s\" has two sources, expected one",
                              source->resource[0] ? source->resource : "all");
}

static void read_sources(struct config_reader *reader, const yaml_node_t *node)
{
    struct config *config = reader->config;
    uint32_t count = 1;
    bool list = node->type != YAML_MAPPING_NODE;
    if (yaml_walk_is_null(node) ||
        (list && !yaml_walk_list(&reader->walk, node, STR("demand.prometheus"), &count)))
        return;
    if (count > DEMAND_SOURCES_MAX) {
        yaml_walk_problem(&reader->walk, node, "demand.prometheus: found %u, expected at most %d",
                          count, DEMAND_SOURCES_MAX);
        return;
    }
    config->sources = config_keep(reader, (count + 1) * sizeof *config->sources);
    for (uint32_t i = 0; config->sources && i < count; i++) {
        read_one(reader, &config->sources[i], list ? yaml_walk_item(&reader->walk, node, i) : node);
        config->source_count = i + 1;
    }
}

void config_read_demand(struct config_reader *reader, const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, STR("demand")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "demand.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(pairs[i].key, STR("prometheus")))
            read_sources(reader, pairs[i].value);
        else
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_demand_keys, config_demand_key_count},
                               1);
    }
}

/* Resources may stand below: whether there are such is known in the end. */
void config_check_demand(struct config_reader *reader, const yaml_node_t *node)
{
    const struct config *config = reader->config;
    for (uint32_t i = 0; i < config->source_count; i++) {
        const char *resource = config->sources[i].resource;
        bool known = resource[0] == '\0';
        for (uint32_t j = 0; j < config->resource_count && !known; j++)
            known = strcmp(config->resources[j].id, resource) == 0;
        if (!known)
            yaml_walk_problem(&reader->walk, node,
                              "demand.prometheus.resource: \"%s\" is no configured resource",
                              resource);
    }
}
