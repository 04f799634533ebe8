/* SPDX-License-Identifier: MIT
 * Walking a YAML document strictly: libyaml composes it, this finds keys, resolves anchors and
 * merge keys ("<<"), notices duplicate keys and wrong kinds of nodes, and says every problem with
 * line and column. */
#ifndef FOREWARM_EDGE_YAML_WALK_H
#define FOREWARM_EDGE_YAML_WALK_H

#include "base/str.h"
#include "edge/config.h"
#include <yaml.h>

enum { YAML_WALK_PROBLEMS_MAX = 100, YAML_WALK_MERGE_DEPTH_MAX = 8, YAML_WALK_KEYS_MAX = 256 };

struct yaml_walk {
    yaml_document_t document;
    bool composed;
    const char *path;
    struct config_problems *problems;
};

/* Composes the only document of `text`. False: it is not YAML, and the problem is noted. */
bool yaml_walk_init(struct yaml_walk *walk, const char *path, struct str text,
                    struct config_problems *problems);
void yaml_walk_fini(struct yaml_walk *walk);
yaml_node_t *yaml_walk_root(struct yaml_walk *walk); /* NULL for an empty document */

/* Notes a problem at the node's place (NULL: the file's). */
void yaml_walk_problem(struct yaml_walk *walk, const yaml_node_t *node, const char *fmt, ...)
    FW_PRINTF(3, 4);

/* The pairs of a mapping with merges applied and duplicates reported; returns how many (at most
 * YAML_WALK_KEYS_MAX). */
struct yaml_pair {
    struct str key;
    const yaml_node_t *key_node, *value;
};
uint32_t yaml_walk_pairs(struct yaml_walk *walk, const yaml_node_t *mapping, const char *name,
                         struct yaml_pair pairs[YAML_WALK_KEYS_MAX]);

bool yaml_walk_is_null(const yaml_node_t *node);
/* The text of a scalar; false and a problem for anything else. */
bool yaml_walk_scalar(struct yaml_walk *walk, const yaml_node_t *node, struct str name,
                      struct str *text);
bool yaml_walk_mapping(struct yaml_walk *walk, const yaml_node_t *node, struct str name);
/* Items of a list; false and a problem if it is none. */
bool yaml_walk_list(struct yaml_walk *walk, const yaml_node_t *node, struct str name,
                    uint32_t *count);
const yaml_node_t *yaml_walk_item(struct yaml_walk *walk, const yaml_node_t *list, uint32_t index);

#endif
