/* SPDX-License-Identifier: MIT */
#include "edge/config.h"
#include "base/check.h"
#include "edge/access.h"
#include "edge/config_part.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { PROBLEMS_TEXT_MAX = 1 << 20 };

/* ---- memory ---- */

void *config_keep(struct config_reader *reader, size_t size)
{
    struct config_text *block = NULL;
    if (size <= CONFIG_TEXTS_MAX && reader->text_bytes <= CONFIG_TEXTS_MAX - size)
        block = calloc(1, sizeof *block + size + 1);
    if (!block) {
        reader->no_memory = true;
        return NULL;
    }
    reader->text_bytes += size;
    block->next = reader->config->texts;
    reader->config->texts = block;
    return block->bytes;
}

const char *config_keep_text(struct config_reader *reader, struct str text)
{
    if (text.len == 0)
        return "";
    char *kept = config_keep(reader, text.len + 1);
    if (!kept)
        return "";
    memcpy(kept, text.data, text.len);
    return kept;
}

struct config *config_retain(struct config *config)
{
    atomic_fetch_add(&config->references, 1);
    return config;
}

void config_free(struct config **config)
{
    if (!*config)
        return;
    if (atomic_fetch_sub(&(*config)->references, 1) == 1) {
        for (struct config_text *block = (*config)->texts, *next; block; block = next) {
            next = block->next;
            free(block);
        }
        access_free(&(*config)->access);
        secret_wipe((*config)->fallback_secret, sizeof(*config)->fallback_secret);
        free((*config)->resources);
        free(*config);
    }
    *config = NULL;
}

void config_problems_fini(struct config_problems *problems)
{
    buf_fini(&problems->text);
    problems->count = 0;
}

/* ---- values ---- */

void config_read_row(struct config_reader *reader, const struct option_row *row, void *settings,
                     struct str name, const yaml_node_t *node)
{
    struct str text;
    struct fw_detail detail = {{0}};
    if (row->type == OPTION_TEXT && yaml_walk_is_null(node))
        return;
    if (!yaml_walk_scalar(&reader->walk, node, name, &text))
        return;
    if (option_set(row, settings, text, &detail) != FW_OK)
        yaml_walk_problem(&reader->walk, node, "%s", detail.text);
}

void config_read_text(struct config_reader *reader, const struct option_row *row,
                      const yaml_node_t *node, struct str *text)
{
    *text = STR("");
    if (yaml_walk_is_null(node) || !yaml_walk_scalar(&reader->walk, node, str_of(row->name), text))
        return;
    if (text->len > (size_t)row->max) {
        yaml_walk_problem(&reader->walk, node, "%s: found %zu bytes, expected at most %zu",
                          row->name, text->len, (size_t)row->max);
        *text = STR("");
    } else if (!str_is_utf8(*text)) {
        yaml_walk_problem(&reader->walk, node, "%s: found bytes that are not UTF-8", row->name);
        *text = STR("");
    }
}

const struct yaml_pair *config_find(const struct yaml_pair *pairs, uint32_t count, const char *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(pairs[i].key, str_of(key)))
            return &pairs[i];
    return NULL;
}

void config_unknown_key(struct config_reader *reader, const struct yaml_pair *pair,
                        const struct config_keys *keys, size_t key_count)
{
    enum { ALL_MAX = 128 };
    struct option_row all[ALL_MAX];
    size_t count = 0;
    for (size_t i = 0; i < key_count; i++)
        for (size_t j = 0; j < keys[i].count && count < ALL_MAX; j++)
            all[count++] = keys[i].rows[j];
    const char *near = option_suggest(all, count, pair->key);
    if (near)
        yaml_walk_problem(&reader->walk, pair->key_node, "%.*s: unknown key, did you mean %s?",
                          STR_ARG(pair->key), near);
    else
        yaml_walk_problem(&reader->walk, pair->key_node, "%.*s: unknown key", STR_ARG(pair->key));
}

/* ---- addresses ---- */

static bool parse_port(struct str text, uint16_t *port)
{
    uint64_t value;
    if (!str_to_uint64(text, &value) || value == 0 || value > 65535)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* "host", "host:port", "[v6]:port" */
static bool parse_authority(struct str text, struct config_url *url)
{
    struct str host = text, port = {NULL, 0};
    if (str_starts(text, STR("["))) {
        const char *close = memchr(text.data, ']', text.len);
        if (!close)
            return false;
        host = (struct str){text.data + 1, (size_t)(close - text.data) - 1};
        struct str after = {close + 1, text.len - host.len - 2};
        if (after.len > 0 && after.data[0] != ':')
            return false;
        if (after.len > 0)
            port = (struct str){after.data + 1, after.len - 1};
    } else {
        const char *colon = memchr(text.data, ':', text.len);
        if (colon) {
            host = (struct str){text.data, (size_t)(colon - text.data)};
            port = (struct str){colon + 1, text.len - host.len - 1};
        }
    }
    if (host.len == 0 || host.len >= sizeof url->host || memchr(host.data, '@', host.len))
        return false;
    memcpy(url->host, host.data, host.len);
    url->host[host.len] = 0;
    url->port = url->tls ? 443 : 80;
    return !port.data || parse_port(port, &url->port);
}

bool config_parse_url(struct str text, struct config_url *url)
{
    memset(url, 0, sizeof *url);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] <= ' ' || (unsigned char)text.data[i] >= 0x7f)
            return false;
    if (text.len == 0 || text.len >= sizeof url->text || memchr(text.data, '?', text.len) ||
        memchr(text.data, '#', text.len))
        return false;
    struct str rest;
    if (str_starts(text, STR("http://")))
        rest = (struct str){text.data + 7, text.len - 7};
    else if (str_starts(text, STR("https://")))
        rest = (struct str){text.data + 8, text.len - 8}, url->tls = true;
    else
        return false;
    const char *slash = memchr(rest.data, '/', rest.len);
    struct str authority = {rest.data, slash ? (size_t)(slash - rest.data) : rest.len};
    struct str prefix = {rest.data + authority.len, rest.len - authority.len};
    while (prefix.len > 0 && prefix.data[prefix.len - 1] == '/')
        prefix.len--;
    if (!parse_authority(authority, url) || prefix.len >= sizeof url->prefix)
        return false;
    memcpy(url->prefix, prefix.data, prefix.len);
    memcpy(url->text, text.data, text.len);
    return true;
}

void config_read_url(struct config_reader *reader, struct str name, const yaml_node_t *node,
                     struct config_url *url)
{
    struct str text;
    if (yaml_walk_scalar(&reader->walk, node, name, &text) && !config_parse_url(text, url))
        yaml_walk_problem(&reader->walk, node,
                          "%.*s: found \"%.*s\", expected an address such as http://127.0.0.1:5801",
                          STR_ARG(name), STR_ARG(text));
}

/* ---- the top level ---- */

/* Literal text with {field} parts: balanced, named, not too many. */
static bool resource_from_ok(struct str text)
{
    int parts = 0;
    const char *open = NULL;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if ((c == '{' && open) || (c == '}' && (!open || &text.data[i] == open + 1)))
            return false;
        if (c == '{')
            open = &text.data[i];
        if (c == '}')
            open = NULL, parts++;
    }
    return !open && parts > 0 && parts <= RESOURCE_FROM_PARTS_MAX;
}

static void read_resource_from(struct config_reader *reader, const yaml_node_t *node)
{
    struct str text;
    struct config_resource_from *from = &reader->config->resource_from;
    if (yaml_walk_is_null(node) ||
        !yaml_walk_scalar(&reader->walk, node, STR("resource_from"), &text))
        return;
    if (text.len >= sizeof from->text || !resource_from_ok(text)) {
        yaml_walk_problem(&reader->walk, node,
                          "resource_from: found \"%.*s\", expected a name with one to %d parts "
                          "such as slm_{quality}",
                          STR_ARG(text), RESOURCE_FROM_PARTS_MAX);
        return;
    }
    memcpy(from->text, text.data, text.len);
}

/* Names of the specification's edge configuration (P8). */
static const struct option_row *edge_row(struct str key)
{
    static const struct {
        const char *key, *row;
    } names[] = {{"core_endpoint", "fallback_url"},
                 {"edge_id", "fallback_edge_id"},
                 {"shared_secret_file", "fallback_shared_secret_file"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(key, str_of(names[i].key)))
            return option_find(config_option_rows, config_option_count, str_of(names[i].row));
    return NULL;
}

static void read_pair(struct config_reader *reader, const struct yaml_pair *pair)
{
    struct config *config = reader->config;
    const struct option_row *row = NULL;
    struct str group;
    if (config_is_group(pair->key)) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", STR_ARG(pair->key));
        config_read_group(reader, name, pair->value);
    } else if (str_equal(pair->key, STR("resource_from")))
        read_resource_from(reader, pair->value);
    else if (str_equal(pair->key, STR("devices")))
        config_read_devices(reader, pair->value);
    else if (str_equal(pair->key, STR("events")))
        config_read_events(reader, pair->value);
    else if (str_equal(pair->key, STR("prefetch")))
        config_read_prefetch(reader, pair->value);
    else if (str_equal(pair->key, STR("demand")))
        config_read_demand(reader, pair->value);
    else if (str_equal(pair->key, STR("alerts")))
        config_read_alerts(reader, pair->value);
    else if (str_equal(pair->key, STR("resources")))
        config_read_resources(reader, pair->value);
    else if (!edge_row(pair->key) && config_is_grouped(pair->key, &group))
        yaml_walk_problem(&reader->walk, pair->key_node,
                          "%.*s: unknown key, write it as %.*s: {%.*s: ...}", STR_ARG(pair->key),
                          STR_ARG(group), (int)(pair->key.len - group.len - 1),
                          pair->key.data + group.len + 1);
    else if ((row = option_find(config_option_rows, config_option_count, pair->key)) != NULL ||
             (row = edge_row(pair->key)) != NULL)
        config_read_row(reader, row, config, pair->key, pair->value);
    else if ((row = option_find(engine_option_rows, engine_option_count, pair->key)) != NULL)
        config_read_row(reader, row, &config->engine, pair->key, pair->value);
    else
        config_unknown_key(reader, pair,
                           (const struct config_keys[]){{config_option_rows, config_option_count},
                                                        {config_top_keys, config_top_key_count},
                                                        {engine_option_rows, engine_option_count}},
                           3);
}

/* The only secret that may come by itself: containers are given it so. It is not shown. */
static void read_secret(struct config_reader *reader, option_getenv_fn *getenv_fn)
{
    struct config *config = reader->config;
    const char *secret = getenv_fn("FOREWARM_FALLBACK_SHARED_SECRET");
    if (!secret || !secret[0])
        secret = getenv_fn("EDGE_SHARED_SECRET");
    if (secret)
        snprintf(config->fallback_secret, sizeof config->fallback_secret, "%s", secret);
}

static void read_environment(struct config_reader *reader, option_getenv_fn *getenv_fn)
{
    struct fw_detail detail = {{0}};
    struct config_problems *problems = reader->walk.problems;
    if (!getenv_fn)
        return;
    read_secret(reader, getenv_fn);
    if (option_environment(config_option_rows, config_option_count, config_option_aliases,
                           config_option_alias_count, reader->config, getenv_fn,
                           &detail) != FW_OK) {
        problems->count++;
        buf_printf(&problems->text, "environment: %s\n", detail.text);
    }
    if (option_environment(engine_option_rows, engine_option_count, engine_option_aliases,
                           engine_option_alias_count, &reader->config->engine, getenv_fn,
                           &detail) != FW_OK) {
        problems->count++;
        buf_printf(&problems->text, "environment: %s\n", detail.text);
    }
}

static void read_root(struct config_reader *reader, option_getenv_fn *getenv_fn)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    const yaml_node_t *root = yaml_walk_root(&reader->walk);
    if (!root) {
        yaml_walk_problem(&reader->walk, NULL,
                          "the file is empty, expected keys such as resources");
        return;
    }
    if (!yaml_walk_mapping(&reader->walk, root, STR("the file")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, root, "", pairs);
    for (uint32_t i = 0; i < count; i++)
        read_pair(reader, &pairs[i]);
    read_environment(reader, getenv_fn);
    config_check(reader, root);
}

enum fw_err config_parse(struct config **config, const char *path, struct str text,
                         option_getenv_fn *getenv_fn, struct config_problems *problems)
{
    *config = NULL;
    buf_init(&problems->text, PROBLEMS_TEXT_MAX);
    problems->count = 0;
    struct config_reader reader = {.config = calloc(1, sizeof(struct config))};
    if (!reader.config)
        return FW_NOMEM;
    atomic_store(&reader.config->references, 1);
    snprintf(reader.config->path, sizeof reader.config->path, "%s", path);
    option_defaults(config_option_rows, config_option_count, reader.config);
    option_defaults(engine_option_rows, engine_option_count, &reader.config->engine);
    config_alerts_defaults(&reader.config->alerts);
    table_init(&reader.names, UINT32_MAX - 1);
    if (yaml_walk_init(&reader.walk, path, text, problems))
        read_root(&reader, getenv_fn);
    yaml_walk_fini(&reader.walk);
    table_fini(&reader.names);
    free(reader.name_lines);
    if (problems->count == 0 && !reader.no_memory) {
        *config = reader.config;
        return FW_OK;
    }
    config_free(&reader.config);
    if (problems->count > 0)
        return FW_INPUT;
    buf_printf(&problems->text, "%s: not enough memory to read it\n", path);
    return FW_NOMEM;
}

/* The whole file; "-" is standard input. */
static enum fw_err read_file(const char *path, struct buf *text, struct config_problems *problems)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    int error = errno;
    size_t n = 0;
    while (file && !text->failed) {
        char *at = buf_reserve(text, 16 << 10);
        n = at ? fread(at, 1, 16 << 10, file) : 0;
        text->len += n;
        if (n == 0)
            break;
    }
    if (file && ferror(file))
        error = errno;
    bool ok = file && !ferror(file);
    if (file && file != stdin)
        fclose(file);
    if (ok && !text->failed)
        return FW_OK;
    buf_init(&problems->text, PROBLEMS_TEXT_MAX);
    problems->count = 1;
    if (ok)
        buf_printf(&problems->text, "%s: larger than %d bytes\n", path, CONFIG_FILE_MAX);
    else
        buf_printf(&problems->text, "%s: cannot be read: %s\n", path, strerror(error));
    return ok ? FW_LIMIT : error == ENOENT ? FW_NOT_FOUND : FW_IO;
}

/* The files it names are part of it: one that cannot be used is a problem like any other. */
static enum fw_err load_secrets(struct config **config, const char *path,
                                struct config_problems *problems)
{
    struct fw_detail detail = {{0}};
    enum fw_err err = access_load(*config, &detail);
    if (err == FW_OK)
        return FW_OK;
    problems->count++;
    buf_printf(&problems->text, "%s: %s\n", path,
               detail.text[0] ? detail.text : err_row(err)->sentence);
    config_free(config);
    return err;
}

enum fw_err config_read(struct config **config, const char *path, option_getenv_fn *getenv_fn,
                        struct config_problems *problems)
{
    struct buf text;
    *config = NULL;
    buf_init(&text, CONFIG_FILE_MAX);
    enum fw_err err = read_file(path, &text, problems);
    if (err == FW_OK)
        err = config_parse(config, path, buf_str(&text), getenv_fn, problems);
    buf_fini(&text);
    if (err == FW_OK)
        err = load_secrets(config, path, problems);
    return err;
}
