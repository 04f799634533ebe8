/* SPDX-License-Identifier: MIT
 * What one key alone cannot tell: parts of the config that contradict each other. */
#include "edge/config_part.h"
#include "edge/options.h"
#include "edge/store/redis_link.h"
#include "plan/policies.h"
#include <stdio.h>

static const yaml_node_t *value_or(const struct yaml_pair *pair, const yaml_node_t *otherwise)
{
    return pair ? pair->value : otherwise;
}

/* "host:port", "[v6]:port"; port 0 lets the system choose. */
static bool listen_ok(const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    return colon && colon != text && str_to_uint64(str_of(colon + 1), &port) && port <= 65535;
}

static void check_listen(struct config_reader *reader, const yaml_node_t *node, const char *name,
                         const char *text)
{
    if (!listen_ok(text))
        yaml_walk_problem(&reader->walk, node,
                          "%s: found \"%s\", expected an address and port such as 127.0.0.1:7700",
                          name, text);
}

static void check_state(struct config_reader *reader, const yaml_node_t *node)
{
    const char *state = reader->config->state;
    struct str text = str_of(state);
    if (str_equal(text, STR("memory:")) || (str_starts(text, STR("sqlite:")) && text.len > 7))
        return;
    struct redis_address address;
    struct fw_detail detail = {{0}};
    if (!str_starts(text, STR("redis://")))
        yaml_walk_problem(
            &reader->walk, node,
            "state: found \"%s\", expected memory:, sqlite:PATH or redis://HOST:PORT/DB", state);
    else if (redis_address_parse(&address, state, &detail) != FW_OK)
        yaml_walk_problem(&reader->walk, node, "%s", detail.text);
}

static void check_policy(struct config_reader *reader, const yaml_node_t *node)
{
    const struct engine_settings *engine = &reader->config->engine;
    struct policy *policy = NULL;
    struct fw_detail detail = {{0}};
    struct policy_settings settings = {
        .wait_price = engine->wait_price,
        .idle_price = engine->idle_price,
        .baseline_ns = engine->baseline_ns,
        .min_requests = engine->prewarm_min_requests,
        .horizon_ns = engine->prewarm_horizon_ns,
        .lead_time_ns = engine->prewarm_lead_time_ns,
        .tick_ns = engine->prewarm_tick_ns,
        .expiry_ns = engine->prewarm_expiry_ns,
        .history = engine->history,
        .max_resources = 1,
    };
    enum fw_err err = policy_create(&policy, &settings, str_of(engine->policy), &detail);
    if (err == FW_INPUT || err == FW_UNSUPPORTED || err == FW_NOT_FOUND)
        yaml_walk_problem(&reader->walk, node, "%s", detail.text);
    else if (err != FW_OK)
        reader->no_memory = true;
    policy_destroy(&policy);
}

/* "scheme://host[:port]" without a path, or "*". */
static void check_origins(struct config_reader *reader, const yaml_node_t *node)
{
    struct str rest = str_of(reader->config->allowed_origins), origin;
    while (str_cut(&rest, ' ', &origin)) {
        struct config_url url;
        if (origin.len == 0 || str_equal(origin, STR("*")))
            continue;
        if (!config_parse_url(origin, &url) || url.prefix[0] || origin.data[origin.len - 1] == '/')
            yaml_walk_problem(
                &reader->walk, node,
                "allowed_origins: found \"%.*s\", expected origins such as https://chat.example",
                STR_ARG(origin));
    }
}

static void check_levels(struct config_reader *reader, const struct config_resource *resource,
                         const yaml_node_t *node)
{
    char need[STR_NUMBER_MAX], have[STR_NUMBER_MAX];
    for (uint32_t i = 0; i < resource->engine.level_count; i++) {
        const struct level_settings *level = &resource->engine.levels[i];
        uint64_t host = reader->config->engine.host_memory;
        if (level->host_memory > host && level->host_memory != UINT64_MAX)
            yaml_walk_problem(
                &reader->walk, node,
                "levels[].host_memory: found %s, more than the %s that all may use together",
                str_from_size(level->host_memory, need), str_from_size(host, have));
        if (resource->engine.memory > 0 && level->memory >= resource->engine.memory &&
            level->memory != UINT64_MAX)
            yaml_walk_problem(&reader->walk, node,
                              "levels[].memory: found %s, expected less than the %s it uses while "
                              "warm",
                              str_from_size(level->memory, need),
                              str_from_size(resource->engine.memory, have));
    }
}

static void check_option_keys(struct config_reader *reader, const struct config_resource *resource,
                              const yaml_node_t *node)
{
    struct str rest = str_of(resource->option_keys), key;
    uint32_t count = 0;
    while (rest.len > 0 && str_cut(&rest, ' ', &key))
        count += key.len > 0;
    if (count > OPTIONS_KEYS_MAX)
        yaml_walk_problem(&reader->walk, node, "option_keys: found %u, expected at most %d", count,
                          OPTIONS_KEYS_MAX);
}

static void check_resource(struct config_reader *reader, struct config_resource *resource,
                           const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    const struct config *config = reader->config;
    if (!node || node->type != YAML_MAPPING_NODE)
        return;
    /* Duplicate keys were reported when it was read. */
    struct config_problems unused = {.count = YAML_WALK_PROBLEMS_MAX + 2};
    struct config_problems *problems = reader->walk.problems;
    reader->walk.problems = &unused;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "", pairs);
    reader->walk.problems = problems;
    const struct yaml_pair *on_cold = config_find(pairs, count, "on_cold");
    resource->engine.has_fallback = config->fallback.text[0] != 0;
    config_check_placing(reader, resource, pairs, count, node);
    check_option_keys(reader, resource, value_or(config_find(pairs, count, "option_keys"), node));
    check_levels(reader, resource, value_or(config_find(pairs, count, "levels"), node));
    if ((resource->engine.on_cold == ON_COLD_FALLBACK ||
         resource->engine.on_cold == ON_COLD_SOONEST) &&
        !resource->engine.has_fallback)
        yaml_walk_problem(&reader->walk, value_or(on_cold, node),
                          "on_cold: %s, but no fallback is configured",
                          resource->engine.on_cold == ON_COLD_FALLBACK ? "fallback" : "soonest");
}

static size_t server_text(const struct config_url *url, char *text, size_t size)
{
    int len = snprintf(text, size, "%s:%u", url->host, url->port);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* Resources behind one address are of one server, and what befalls it befalls them all. */
static void number_servers(struct config_reader *reader)
{
    struct config *config = reader->config;
    struct table servers;
    char text[sizeof(struct config_url)];
    table_init(&servers, UINT32_MAX - 1);
    uint32_t *first = calloc(config->resource_count + 1, sizeof *first);
    for (uint32_t i = 0; first && i < config->resource_count; i++) {
        struct config_resource *resource = &config->resources[i];
        size_t len = server_text(&resource->upstream, text, sizeof text);
        uint32_t number;
        bool added;
        if (table_add(&servers, (struct str){text, len}, &number, &added) != FW_OK) {
            reader->no_memory = true;
            break;
        }
        if (added) {
            first[number] = i;
            continue;
        }
        uint64_t hash = str_hash(text, len, 0);
        uint32_t id = (uint32_t)(hash ^ hash >> 32) | 1;
        resource->engine.server = config->resources[first[number]].engine.server = id;
    }
    reader->no_memory |= !first;
    free(first);
    table_fini(&servers);
}

static void check_resources(struct config_reader *reader, const yaml_node_t *list)
{
    struct config *config = reader->config;
    if (!list || list->type != YAML_SEQUENCE_NODE || !config->resources)
        return;
    for (uint32_t i = 0; i < config->resource_count; i++)
        check_resource(reader, &config->resources[i], yaml_walk_item(&reader->walk, list, i));
    config_check_pinned(reader, list);
    number_servers(reader);
    if (config->resource_count > (uint64_t)config->engine.max_resources)
        yaml_walk_problem(&reader->walk, list, "resources: found %u, max_resources is %lld",
                          config->resource_count, (long long)config->engine.max_resources);
}

void config_check(struct config_reader *reader, const yaml_node_t *root)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct config *config = reader->config;
    struct config_problems unused = {.count = YAML_WALK_PROBLEMS_MAX + 2};
    struct config_problems *problems = reader->walk.problems;
    reader->walk.problems = &unused;
    uint32_t count = yaml_walk_pairs(&reader->walk, root, "", pairs);
    reader->walk.problems = problems;
    const yaml_node_t *resources = value_or(config_find(pairs, count, "resources"), NULL);
    const yaml_node_t *control = value_or(config_find(pairs, count, "control"), root);
    if ((!resources || (resources->type == YAML_SEQUENCE_NODE && config->resource_count == 0)) &&
        !config_find(pairs, count, "prefetch"))
        yaml_walk_problem(&reader->walk, resources,
                          "resources: missing, expected a list of at least one");
    check_listen(reader, value_or(config_find(pairs, count, "listen"), root), "listen",
                 config->listen);
    check_listen(reader, control, "control.listen", config->control_listen);
    if (strcmp(config->listen, config->control_listen) == 0 &&
        !str_ends(str_of(config->listen), STR(":0")))
        yaml_walk_problem(&reader->walk, control,
                          "control.listen: \"%s\" is the address of the data plane too",
                          config->control_listen);
    check_state(reader, value_or(config_find(pairs, count, "state"), root));
    check_policy(reader, value_or(config_find(pairs, count, "policy"), root));
    check_origins(reader, value_or(config_find(pairs, count, "allowed_origins"), root));
    if (config->engine.retry_min_ns > config->engine.retry_max_ns)
        yaml_walk_problem(&reader->walk, value_or(config_find(pairs, count, "retry_min"), root),
                          "retry_min: longer than retry_max");
    if (config->default_resource[0] &&
        table_find(&reader->names, str_of(config->default_resource)) == TABLE_NONE)
        yaml_walk_problem(
            &reader->walk, value_or(config_find(pairs, count, "default_resource"), root),
            "default_resource: \"%s\" is no configured resource", config->default_resource);
    config_check_devices(reader, value_or(config_find(pairs, count, "devices"), root));
    config_check_access(reader, pairs, count);
    config_check_hints(reader, pairs, count);
    check_resources(reader, resources);
    config_check_prefetch(reader, value_or(config_find(pairs, count, "prefetch"), root));
    config_check_events(reader, value_or(config_find(pairs, count, "events"), root));
    config_check_demand(reader, value_or(config_find(pairs, count, "demand"), root));
}
