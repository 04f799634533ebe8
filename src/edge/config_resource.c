/* SPDX-License-Identifier: MIT
 * The config's resources: names, upstream, calls and probe. */
#include "edge/config_part.h"
#include "edge/warmers/warmer.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- names ---- */

/* Names go into logs, headers and paths: printable, no blanks. */
static bool name_ok(struct str name)
{
    if (name.len == 0 || name.len >= CONFIG_ID_MAX || !str_is_utf8(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] <= ' ' || name.data[i] == 0x7f || name.data[i] == '"')
            return false;
    return true;
}

/* Remembers an id or alias; a second use is a problem that names the first. */
static void add_name(struct config_reader *reader, const char *what, struct str name,
                     const yaml_node_t *node)
{
    uint32_t number;
    bool added;
    if (table_add(&reader->names, name, &number, &added) != FW_OK) {
        reader->no_memory = true;
        return;
    }
    if (!added) {
        yaml_walk_problem(&reader->walk, node, "%s: \"%.*s\" is taken already, in line %u", what,
                          STR_ARG(name), reader->name_lines[number]);
        return;
    }
    if (number >= reader->names_capacity) {
        uint32_t capacity = reader->names_capacity ? reader->names_capacity * 2 : 64;
        uint32_t *lines = realloc(reader->name_lines, capacity * sizeof *lines);
        if (!lines) {
            reader->no_memory = true;
            table_fini(&reader->names);
            table_init(&reader->names, UINT32_MAX - 1);
            return;
        }
        reader->name_lines = lines;
        reader->names_capacity = capacity;
    }
    reader->name_lines[number] = (uint32_t)node->start_mark.line + 1;
}

static bool read_name(struct config_reader *reader, const char *what, const yaml_node_t *node,
                      struct str *name)
{
    if (!yaml_walk_scalar(&reader->walk, node, str_of(what), name))
        return false;
    if (yaml_walk_is_null(node) || !name_ok(*name)) {
        yaml_walk_problem(&reader->walk, node,
                          "%s: found \"%.*s\", expected a name of 1 to %d bytes without blanks",
                          what, STR_ARG(*name), CONFIG_ID_MAX - 1);
        return false;
    }
    add_name(reader, what, *name, node);
    return true;
}

static void read_aliases(struct config_reader *reader, struct config_resource *resource,
                         const yaml_node_t *node)
{
    uint32_t count;
    if (yaml_walk_is_null(node) || !yaml_walk_list(&reader->walk, node, STR("aliases"), &count))
        return;
    if (count > CONFIG_ALIASES_MAX) {
        yaml_walk_problem(&reader->walk, node, "aliases: found %u, expected at most %d", count,
                          CONFIG_ALIASES_MAX);
        return;
    }
    const char **aliases = config_keep(reader, count * sizeof *aliases);
    for (uint32_t i = 0; aliases && i < count; i++) {
        struct str name;
        if (read_name(reader, "aliases", yaml_walk_item(&reader->walk, node, i), &name))
            aliases[resource->alias_count++] = config_keep_text(reader, name);
    }
    resource->aliases = aliases;
}

/* ---- calls ---- */

void config_call_defaults(struct config_call *call)
{
    *call =
        (struct config_call){.method = "", .url = "", .body = "", .expect_body = "", .ca_file = ""};
    for (size_t i = 0; i < config_call_row_count; i++)
        if (config_call_rows[i].type != OPTION_TEXT)
            option_defaults(&config_call_rows[i], 1, call);
}

const char *const *config_read_lines(struct config_reader *reader, const char *what,
                                     const char *separator, const yaml_node_t *node,
                                     uint32_t *line_count)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    *line_count = 0;
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&reader->walk, node, str_of(what)))
        return NULL;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "", pairs);
    if (count > CONFIG_HEADERS_MAX) {
        yaml_walk_problem(&reader->walk, node, "%s: found %u, expected at most %d", what, count,
                          CONFIG_HEADERS_MAX);
        return NULL;
    }
    const char **lines = config_keep(reader, (count + 1) * sizeof *lines);
    for (uint32_t i = 0; lines && i < count; i++) {
        struct str value;
        char line[2048];
        if (!yaml_walk_scalar(&reader->walk, pairs[i].value, pairs[i].key, &value))
            continue;
        int len = snprintf(line, sizeof line, "%.*s%s%.*s", STR_ARG(pairs[i].key), separator,
                           STR_ARG(value));
        /* The value may be a secret: the message says only where. */
        if (pairs[i].key.len == 0 || len >= (int)sizeof line || strpbrk(line, "\r\n") ||
            memchr(pairs[i].key.data, separator[0], pairs[i].key.len))
            yaml_walk_problem(&reader->walk, pairs[i].key_node,
                              "%s: expected a name and a value in one line of at most %zu bytes",
                              what, sizeof line - 1);
        else
            lines[(*line_count)++] = config_keep_text(reader, str_of(line));
    }
    return lines;
}

static void read_call_text(struct config_reader *reader, const struct option_row *row,
                           struct config_call *call, const yaml_node_t *node)
{
    struct str text;
    config_read_text(reader, row, node, &text);
    const char *kept = config_keep_text(reader, text);
    memcpy((char *)call + row->offset, &kept, sizeof kept);
}

static void check_call(struct config_reader *reader, struct config_call *call, const char *name,
                       bool has_url, bool has_path, const yaml_node_t *node)
{
    struct config_url url;
    if (has_url && has_path)
        yaml_walk_problem(&reader->walk, node, "%s: has both url and path, expected one of them",
                          name);
    else if (call->url[0] == 0)
        yaml_walk_problem(&reader->walk, node, "%s: url or path is missing", name);
    else if (has_path && call->url[0] != '/')
        yaml_walk_problem(&reader->walk, node,
                          "%s.path: found \"%s\", expected a path that begins with /", name,
                          call->url);
    else if (has_url) {
        /* The address without its query must be one. */
        struct str text = str_of(call->url);
        text.len = strcspn(call->url, "?");
        if (!config_parse_url(text, &url))
            yaml_walk_problem(
                &reader->walk, node,
                "%s.url: found \"%s\", expected an address such as http://127.0.0.1:5801/load",
                name, call->url);
    }
    for (const char *c = call->method; *c; c++)
        if (*c < 'A' || *c > 'Z') {
            yaml_walk_problem(&reader->walk, node,
                              "%s.method: found \"%s\", expected a method such as POST", name,
                              call->method);
            break;
        }
    if (call->method[0] == 0)
        call->method = call->body[0] ? "POST" : "GET";
    for (const char *c = call->url; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f) {
            yaml_walk_problem(&reader->walk, node,
                              "%s: the address holds blanks or bytes that need %%-encoding", name);
            break;
        }
}

void config_read_call(struct config_reader *reader, struct config_call *call, const char *name,
                      const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    config_call_defaults(call);
    if (!yaml_walk_mapping(&reader->walk, node, str_of(name)))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "", pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row =
            option_find(config_call_rows, config_call_row_count, pairs[i].key);
        if (str_equal(pairs[i].key, STR("headers")))
            call->headers =
                config_read_lines(reader, "headers", ": ", pairs[i].value, &call->header_count);
        else if (!row)
            config_unknown_key(
                reader, &pairs[i],
                (const struct config_keys[]){{config_call_rows, config_call_row_count},
                                             {config_call_keys, config_call_key_count}},
                2);
        else if (row->type == OPTION_TEXT)
            read_call_text(reader, row, call, pairs[i].value);
        else
            config_read_row(reader, row, call, pairs[i].key, pairs[i].value);
    }
    check_call(reader, call, name, config_find(pairs, count, "url") != NULL,
               config_find(pairs, count, "path") != NULL, node);
}

/* ---- one resource ---- */

static void resource_defaults(struct config_resource *resource)
{
    option_defaults(resource_option_rows, resource_option_count, &resource->engine);
    for (size_t i = 0; i < config_resource_row_count; i++)
        if (config_resource_rows[i].type != OPTION_TEXT)
            option_defaults(&config_resource_rows[i], 1, resource);
    config_warmer_defaults(&resource->warmer);
    config_call_defaults(&resource->probe);
    config_hint_defaults(&resource->hints);
}

static bool is_text(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE &&
           str_equal((struct str){(const char *)node->data.scalar.value, node->data.scalar.length},
                     str_of(text));
}

static void read_resource_pair(struct config_reader *reader, struct config_resource *resource,
                               const struct yaml_pair *pair)
{
    struct str text;
    const struct option_row *own =
        option_find(config_resource_rows, config_resource_row_count, pair->key);
    const struct option_row *engine =
        option_find(resource_option_rows, resource_option_count, pair->key);
    if (str_equal(pair->key, STR("id"))) {
        if (read_name(reader, "id", pair->value, &text))
            memcpy(resource->id, text.data, text.len);
    } else if (str_equal(pair->key, STR("aliases"))) {
        read_aliases(reader, resource, pair->value);
    } else if (str_equal(pair->key, STR("upstream"))) {
        config_read_url(reader, STR("upstream"), pair->value, &resource->upstream);
    } else if (str_equal(pair->key, STR("devices"))) {
        return; /* names: looked up when all devices are known, see config_devices.c */
    } else if (str_equal(pair->key, STR("warmer"))) {
        config_read_warmer(reader, resource, pair->value);
    } else if (str_equal(pair->key, STR("levels"))) {
        config_read_levels(reader, resource, pair->value);
    } else if (str_equal(pair->key, STR("hints"))) {
        config_read_hints(reader, resource, pair->value);
    } else if (str_equal(pair->key, STR("probe"))) {
        config_read_call(reader, &resource->probe, "probe", pair->value);
    } else if (str_equal(pair->key, STR("memory")) && is_text(pair->value, "auto")) {
        resource->engine.memory = 0;
        resource->measured = true;
    } else if (own && own->type == OPTION_TEXT) {
        config_read_text(reader, own, pair->value, &text);
        memcpy((char *)resource + own->offset, text.data, text.len);
    } else if (own) {
        config_read_row(reader, own, resource, pair->key, pair->value);
    } else if (engine) {
        config_read_row(reader, engine, &resource->engine, pair->key, pair->value);
    } else {
        config_unknown_key(
            reader, pair,
            (const struct config_keys[]){{config_resource_rows, config_resource_row_count},
                                         {config_resource_keys, config_resource_key_count},
                                         {resource_option_rows, resource_option_count}},
            3);
    }
}

static void read_resource(struct config_reader *reader, struct config_resource *resource,
                          const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    resource_defaults(resource);
    resource->line = (uint32_t)node->start_mark.line + 1;
    if (!yaml_walk_mapping(&reader->walk, node, STR("resources")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "", pairs);
    for (uint32_t i = 0; i < count; i++)
        read_resource_pair(reader, resource, &pairs[i]);
    config_complete_warmer(resource);
    const struct warmer_ops *kind = warmer_find((enum warmer_kind)resource->warmer.kind);
    if (resource->measured && (!kind->measures || (resource->warmer.kind == WARMER_HTTP &&
                                                   !resource->warmer.measure_json[0])))
        yaml_walk_problem(&reader->walk, config_find(pairs, count, "memory")->value,
                          "memory: auto, but nothing measures it: expected kind exec or ollama, or "
                          "kind http with measure and measure_json");
    config_check_sleepers(reader, resource, node);
    if (!config_find(pairs, count, "id"))
        yaml_walk_problem(&reader->walk, node, "id: missing, every resource needs a name");
    if (!config_find(pairs, count, "upstream"))
        yaml_walk_problem(&reader->walk, node,
                          "upstream: missing, expected the address of its server");
    if (!config_find(pairs, count, "probe") && resource->warmer.kind != WARMER_NONE && !kind->probe)
        yaml_walk_problem(
            &reader->walk, node,
            "probe: missing, without a real inference nothing proves that the resource is warm");
}

void config_read_resources(struct config_reader *reader, const yaml_node_t *list)
{
    uint32_t count;
    struct config *config = reader->config;
    if (!yaml_walk_list(&reader->walk, list, STR("resources"), &count))
        return;
    config->resources = calloc(count > 0 ? count : 1, sizeof *config->resources);
    if (!config->resources) {
        reader->no_memory = true;
        return;
    }
    config->resource_count = count;
    for (uint32_t i = 0; i < count; i++)
        read_resource(reader, &config->resources[i], yaml_walk_item(&reader->walk, list, i));
}
