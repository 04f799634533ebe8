/* SPDX-License-Identifier: MIT
 * The parts of the config that are groups: control, tls, fallback, core, hints. Their keys are
 * rows of the top level whose names begin with the part's. */
#include "edge/config_part.h"
#include "edge/sign.h"
#include <stdio.h>

static const char *const groups[] = {"control", "tls", "fallback", "core", "hints"};
enum { GROUPS = sizeof groups / sizeof groups[0], NAME_MAX_BYTES = 64 };

const struct option_row config_edge_keys[] = {
    {"id", OPTION_TEXT, 0, "", 0, SIGN_ID_MAX, true, NULL, "The edge's edge_id. Required."},
    {"secret_file", OPTION_TEXT, 0, "", 0, OPTION_TEXT_MAX - 1, true, NULL,
     "File whose first line is the secret shared with it. Required."},
};
const size_t config_edge_key_count = sizeof config_edge_keys / sizeof config_edge_keys[0];

bool config_is_group(struct str key)
{
    for (size_t i = 0; i < GROUPS; i++)
        if (str_equal(key, str_of(groups[i])))
            return true;
    return false;
}

/* "control_listen" instead of control: {listen: ...} */
bool config_is_grouped(struct str key, struct str *group)
{
    for (size_t i = 0; i < GROUPS; i++) {
        *group = str_of(groups[i]);
        if (str_starts(key, *group) && key.len > group->len + 1 && key.data[group->len] == '_')
            return true;
    }
    return false;
}

/* ---- the core's edges ---- */

static bool id_taken(const struct config *config, const char *id)
{
    for (uint32_t i = 0; i < config->edge_count; i++)
        if (strcmp(config->edges[i].id, id) == 0)
            return true;
    return false;
}

static void read_edge(struct config_reader *reader, struct config_edge *edge,
                      const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct str id = STR(""), file = STR("");
    if (!yaml_walk_mapping(&reader->walk, node, STR("core.edges")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "core.edges.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(pairs[i].key, STR("id")))
            (void)yaml_walk_scalar(&reader->walk, pairs[i].value, STR("core.edges.id"), &id);
        else if (str_equal(pairs[i].key, STR("secret_file")))
            config_read_text(reader, &config_edge_keys[1], pairs[i].value, &file);
        else
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_edge_keys, config_edge_key_count}, 1);
    }
    if (!sign_id_ok(id))
        yaml_walk_problem(&reader->walk, node,
                          "core.edges.id: found \"%.*s\", expected 1 to %d letters, digits, dots, "
                          "dashes or underscores",
                          STR_ARG(id), SIGN_ID_MAX);
    if (file.len == 0)
        yaml_walk_problem(&reader->walk, node,
                          "core.edges.secret_file: missing, expected the file with its secret");
    edge->id = config_keep_text(reader, id);
    edge->secret_file = config_keep_text(reader, file);
}

static void read_edges(struct config_reader *reader, const yaml_node_t *list)
{
    struct config *config = reader->config;
    uint32_t count;
    if (!yaml_walk_list(&reader->walk, list, STR("core.edges"), &count))
        return;
    if (count == 0 || count > CONFIG_EDGES_MAX) {
        yaml_walk_problem(&reader->walk, list, "core.edges: found %u, expected 1 to %d", count,
                          CONFIG_EDGES_MAX);
        return;
    }
    config->edges = config_keep(reader, count * sizeof *config->edges);
    for (uint32_t i = 0; config->edges && i < count; i++) {
        const yaml_node_t *node = yaml_walk_item(&reader->walk, list, i);
        struct config_edge edge = {"", ""};
        read_edge(reader, &edge, node);
        if (edge.id[0] && id_taken(config, edge.id))
            yaml_walk_problem(&reader->walk, node, "core.edges.id: \"%s\" is there twice", edge.id);
        config->edges[config->edge_count++] = edge;
    }
}

/* ---- groups ---- */

static void unknown(struct config_reader *reader, const struct yaml_pair *pair, const char *group)
{
    struct option_row known[32];
    size_t count = 0, len = strlen(group);
    for (size_t i = 0; i < config_option_count && count < 32; i++)
        if (str_starts(str_of(config_option_rows[i].name), str_of(group)) &&
            config_option_rows[i].name[len] == '_')
            known[count++] = (struct option_row){.name = config_option_rows[i].name + len + 1};
    config_unknown_key(reader, pair, &(struct config_keys){known, count}, 1);
}

void config_read_group(struct config_reader *reader, const char *group, const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    char prefix[NAME_MAX_BYTES];
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, str_of(group)))
        return;
    snprintf(prefix, sizeof prefix, "%s.", group);
    uint32_t count = yaml_walk_pairs(&reader->walk, node, prefix, pairs);
    for (uint32_t i = 0; i < count; i++) {
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof name, "%s_%.*s", group,
                 (int)(pairs[i].key.len < 40 ? pairs[i].key.len : 40), pairs[i].key.data);
        const struct option_row *row =
            option_find(config_option_rows, config_option_count, str_of(name));
        if (row)
            config_read_row(reader, row, reader->config, pairs[i].key, pairs[i].value);
        else if (strcmp(name, "control_tls") == 0)
            config_read_group(reader, name, pairs[i].value);
        else if (strcmp(name, "core_edges") == 0)
            read_edges(reader, pairs[i].value);
        else if (strcmp(name, "fallback_shared_secret") == 0)
            yaml_walk_problem(&reader->walk, pairs[i].key_node,
                              "fallback.shared_secret: a secret does not belong in this file; put "
                              "it into one of its own and name that: shared_secret_file");
        else
            unknown(reader, &pairs[i], group);
    }
}

/* ---- what belongs together ---- */

static const yaml_node_t *place(struct config_reader *reader, const struct yaml_pair *pairs,
                                uint32_t count, const char *key)
{
    const struct yaml_pair *pair = config_find(pairs, count, key);
    return pair ? pair->value : yaml_walk_root(&reader->walk);
}

static void check_pair(struct config_reader *reader, const yaml_node_t *node, const char *group,
                       const char *certificate, const char *key)
{
    if ((certificate[0] != 0) != (key[0] != 0))
        yaml_walk_problem(&reader->walk, node,
                          "%s.%s: missing, a certificate and its key go together", group,
                          certificate[0] ? "key" : "certificate");
}

static void check_fallback(struct config_reader *reader, const yaml_node_t *node)
{
    struct config *config = reader->config;
    bool has_secret = config->fallback_shared_secret_file[0] || config->fallback_secret[0];
    if (config->fallback_url[0] &&
        !config_parse_url(str_of(config->fallback_url), &config->fallback))
        yaml_walk_problem(
            &reader->walk, node,
            "fallback.url: found \"%s\", expected an address such as http://127.0.0.1:5801",
            config->fallback_url);
    config->fallback.ca_file =
        config->fallback_ca_file[0] ? config->fallback_ca_file : config->ca_file;
    if (!config->fallback_url[0] && node != yaml_walk_root(&reader->walk) &&
        node->type == YAML_MAPPING_NODE)
        yaml_walk_problem(&reader->walk, node,
                          "fallback.url: missing, expected the address of the fallback upstream");
    if (config->fallback_edge_id[0] && !sign_id_ok(str_of(config->fallback_edge_id)))
        yaml_walk_problem(&reader->walk, node,
                          "fallback.edge_id: found \"%s\", expected 1 to %d letters, digits, dots, "
                          "dashes or underscores",
                          config->fallback_edge_id, SIGN_ID_MAX);
    if (config->fallback_edge_id[0] && !has_secret)
        yaml_walk_problem(&reader->walk, node,
                          "fallback.shared_secret_file: missing, edge_id needs the secret that is "
                          "shared with the core");
    if (config->fallback_shared_secret_file[0] && !config->fallback_edge_id[0])
        yaml_walk_problem(&reader->walk, node,
                          "fallback.edge_id: missing, the core finds the secret by it");
}

void config_check_access(struct config_reader *reader, const struct yaml_pair *pairs,
                         uint32_t count)
{
    struct config *config = reader->config;
    check_pair(reader, place(reader, pairs, count, "tls"), "tls", config->tls_certificate,
               config->tls_key);
    check_pair(reader, place(reader, pairs, count, "control"), "control.tls",
               config->control_tls_certificate, config->control_tls_key);
    check_fallback(reader, place(reader, pairs, count, "fallback"));
    const struct yaml_pair *core = config_find(pairs, count, "core");
    if (core && !yaml_walk_is_null(core->value) && config->edge_count == 0 &&
        core->value->type == YAML_MAPPING_NODE)
        yaml_walk_problem(&reader->walk, core->value,
                          "core.edges: missing, expected a list of {id, secret_file}");
    for (uint32_t i = 0; i < config->resource_count; i++) {
        struct config_resource *resource = &config->resources[i];
        resource->upstream.ca_file = resource->ca_file[0] ? resource->ca_file : config->ca_file;
        resource->warmer.server.ca_file = resource->upstream.ca_file;
    }
}
