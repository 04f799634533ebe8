/* SPDX-License-Identifier: MIT */
#include "edge/yaml_walk.h"
#include <stdarg.h>
#include <stdio.h>

static void problem_at(struct yaml_walk *walk, size_t line, size_t column, const char *text)
{
    struct config_problems *problems = walk->problems;
    problems->count++;
    if (problems->count == YAML_WALK_PROBLEMS_MAX + 1)
        buf_printf(&problems->text, "%s: more problems follow, only the first %d are listed\n",
                   walk->path, YAML_WALK_PROBLEMS_MAX);
    if (problems->count > YAML_WALK_PROBLEMS_MAX)
        return;
    if (line > 0)
        buf_printf(&problems->text, "%s:%zu:%zu: %s\n", walk->path, line, column, text);
    else
        buf_printf(&problems->text, "%s: %s\n", walk->path, text);
}

void yaml_walk_problem(struct yaml_walk *walk, const yaml_node_t *node, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    /* One problem, one line, whatever the file holds. */
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    if (node)
        problem_at(walk, node->start_mark.line + 1, node->start_mark.column + 1, text);
    else
        problem_at(walk, 0, 0, text);
}

/* What libyaml says, in one line with its place. */
static void parser_problem(struct yaml_walk *walk, const yaml_parser_t *parser)
{
    char text[512];
    const char *what = parser->problem ? parser->problem : "cannot be read";
    if (parser->error == YAML_MEMORY_ERROR)
        what = "not enough memory";
    bool marked = parser->error == YAML_SCANNER_ERROR || parser->error == YAML_PARSER_ERROR ||
                  parser->error == YAML_COMPOSER_ERROR;
    if (marked)
        snprintf(text, sizeof text, "not valid YAML: %s%s%s", what, parser->context ? ", " : "",
                 parser->context ? parser->context : "");
    else
        snprintf(text, sizeof text, "not valid YAML: %s at byte %zu", what, parser->problem_offset);
    problem_at(walk, marked ? parser->problem_mark.line + 1 : 0, parser->problem_mark.column + 1,
               text);
}

/* A second document would be ignored silently otherwise. */
static bool check_single(struct yaml_walk *walk, yaml_parser_t *parser)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second)) {
        parser_problem(walk, parser);
        return false;
    }
    yaml_node_t *root = yaml_document_get_root_node(&second);
    if (root)
        yaml_walk_problem(walk, root, "a second document begins here, expected one");
    yaml_document_delete(&second);
    return !root;
}

bool yaml_walk_init(struct yaml_walk *walk, const char *path, struct str text,
                    struct config_problems *problems)
{
    *walk = (struct yaml_walk){.path = path, .problems = problems};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        yaml_walk_problem(walk, NULL, "not enough memory");
        return false;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
    bool ok = false;
    if (!yaml_parser_load(&parser, &walk->document)) {
        parser_problem(walk, &parser);
    } else {
        walk->composed = true;
        ok = !yaml_walk_root(walk) || check_single(walk, &parser);
    }
    yaml_parser_delete(&parser);
    return ok;
}

void yaml_walk_fini(struct yaml_walk *walk)
{
    if (walk->composed)
        yaml_document_delete(&walk->document);
    walk->composed = false;
}

yaml_node_t *yaml_walk_root(struct yaml_walk *walk)
{
    return yaml_document_get_root_node(&walk->document);
}

static struct str scalar_text(const yaml_node_t *node)
{
    return (struct str){(const char *)node->data.scalar.value, node->data.scalar.length};
}

static const yaml_node_t *node_at(struct yaml_walk *walk, int index)
{
    return yaml_document_get_node(&walk->document, index);
}

static const struct yaml_pair *find_pair(const struct yaml_pair *pairs, uint32_t count,
                                         struct str key)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(pairs[i].key, key))
            return &pairs[i];
    return NULL;
}

struct collect {
    struct yaml_walk *walk;
    const char *name;
    struct yaml_pair *pairs;
    uint32_t count;
};

static void collect_mapping(struct collect *collect, const yaml_node_t *mapping, int depth);

/* "<<: *base" or "<<: [*a, *b]": keys that are not there yet. */
static void collect_merge(struct collect *collect, const yaml_node_t *value, int depth)
{
    if (depth > YAML_WALK_MERGE_DEPTH_MAX) {
        yaml_walk_problem(collect->walk, value, "merge keys are nested deeper than %d",
                          YAML_WALK_MERGE_DEPTH_MAX);
    } else if (value->type == YAML_MAPPING_NODE) {
        collect_mapping(collect, value, depth);
    } else if (value->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *item = value->data.sequence.items.start;
        for (; item < value->data.sequence.items.top; item++) {
            const yaml_node_t *node = node_at(collect->walk, *item);
            if (node && node->type == YAML_MAPPING_NODE)
                collect_mapping(collect, node, depth);
        }
    } else {
        yaml_walk_problem(collect->walk, value,
                          "<<: found a single value, expected a mapping to merge");
    }
}

static void collect_pair(struct collect *collect, const yaml_node_t *key, const yaml_node_t *value,
                         int depth, uint32_t own_from)
{
    struct str text = scalar_text(key);
    const struct yaml_pair *known = find_pair(collect->pairs, collect->count, text);
    if (known) {
        /* Twice in one mapping is a mistake; a key that comes by a merge as well is overridden. */
        if (depth == 0 && known - collect->pairs >= (ptrdiff_t)own_from)
            yaml_walk_problem(collect->walk, key, "%s%.*s: given twice, first in line %zu",
                              collect->name, STR_ARG(text), known->key_node->start_mark.line + 1);
        return;
    }
    if (collect->count == YAML_WALK_KEYS_MAX) {
        yaml_walk_problem(collect->walk, key, "more than %d keys", YAML_WALK_KEYS_MAX);
        return;
    }
    collect->pairs[collect->count++] = (struct yaml_pair){text, key, value};
}

static void collect_mapping(struct collect *collect, const yaml_node_t *mapping, int depth)
{
    uint32_t own_from = collect->count;
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(collect->walk, pair->key),
                          *value = node_at(collect->walk, pair->value);
        if (!key || !value)
            continue;
        if (key->type != YAML_SCALAR_NODE)
            yaml_walk_problem(collect->walk, key, "%sthe key is not a name", collect->name);
        else if (!str_equal(scalar_text(key), STR("<<")))
            collect_pair(collect, key, value, depth, own_from);
    }
    /* Merged keys come after the mapping's own, so that its own win. */
    for (pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(collect->walk, pair->key),
                          *value = node_at(collect->walk, pair->value);
        if (key && value && key->type == YAML_SCALAR_NODE && str_equal(scalar_text(key), STR("<<")))
            collect_merge(collect, value, depth + 1);
    }
}

uint32_t yaml_walk_pairs(struct yaml_walk *walk, const yaml_node_t *mapping, const char *name,
                         struct yaml_pair pairs[YAML_WALK_KEYS_MAX])
{
    struct collect collect = {.walk = walk, .name = name, .pairs = pairs};
    collect_mapping(&collect, mapping, 0);
    return collect.count;
}

bool yaml_walk_is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct str text = scalar_text(node);
    return text.len == 0 || str_equal(text, STR("null")) || str_equal(text, STR("~")) ||
           str_equal(text, STR("Null")) || str_equal(text, STR("NULL"));
}

static const char *kind_name(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE     ? "a single value"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a mapping";
}

bool yaml_walk_scalar(struct yaml_walk *walk, const yaml_node_t *node, struct str name,
                      struct str *text)
{
    if (node->type != YAML_SCALAR_NODE) {
        yaml_walk_problem(walk, node, "%.*s: found %s, expected a single value", STR_ARG(name),
                          kind_name(node));
        return false;
    }
    *text = scalar_text(node);
    if (memchr(text->data, 0, text->len)) {
        yaml_walk_problem(walk, node, "%.*s: found a NUL byte, expected text", STR_ARG(name));
        return false;
    }
    return true;
}

bool yaml_walk_mapping(struct yaml_walk *walk, const yaml_node_t *node, struct str name)
{
    if (node->type == YAML_MAPPING_NODE)
        return true;
    yaml_walk_problem(walk, node, "%.*s: found %s, expected a mapping of keys", STR_ARG(name),
                      yaml_walk_is_null(node) ? "nothing" : kind_name(node));
    return false;
}

bool yaml_walk_list(struct yaml_walk *walk, const yaml_node_t *node, struct str name,
                    uint32_t *count)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        yaml_walk_problem(walk, node, "%.*s: found %s, expected a list", STR_ARG(name),
                          yaml_walk_is_null(node) ? "nothing" : kind_name(node));
        return false;
    }
    *count = (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    return true;
}

const yaml_node_t *yaml_walk_item(struct yaml_walk *walk, const yaml_node_t *list, uint32_t index)
{
    return node_at(walk, list->data.sequence.items.start[index]);
}
