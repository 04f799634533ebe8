/* SPDX-License-Identifier: MIT
 * Inside the config reader: what its files share. */
#ifndef FOREWARM_EDGE_CONFIG_PART_H
#define FOREWARM_EDGE_CONFIG_PART_H

#include "base/table.h"
#include "core/devices.h"
#include "edge/config.h"
#include "edge/yaml_walk.h"

extern const char *const config_log_levels[],
    *const config_warmer_kinds[], *const config_level_servers[], *const config_hint_observes[];
#define CONFIG_TABLE(name)                                                                         \
    extern const struct option_row name##s[];                                                      \
    extern const size_t name##_count;
CONFIG_TABLE(config_resource_row)
CONFIG_TABLE(config_warmer_row)
CONFIG_TABLE(config_call_row)
CONFIG_TABLE(config_level_row)
CONFIG_TABLE(config_top_key)
CONFIG_TABLE(config_edge_key)
CONFIG_TABLE(config_resource_key)
CONFIG_TABLE(config_warmer_key)
CONFIG_TABLE(config_call_key)
CONFIG_TABLE(config_level_key)
CONFIG_TABLE(config_device_key)
CONFIG_TABLE(config_event_key)
CONFIG_TABLE(config_prefetch_key)
CONFIG_TABLE(config_alerts_key)
CONFIG_TABLE(config_demand_key)
CONFIG_TABLE(config_source_key)
CONFIG_TABLE(config_receiver_key)
CONFIG_TABLE(config_rule_key)
CONFIG_TABLE(config_hint_key)
#undef CONFIG_TABLE

enum { CONFIG_TEXTS_MAX = 64 << 20, CONFIG_FILE_MAX = 16 << 20 };

/* Memory behind the pointers of a config: blocks, freed with it. */
struct config_text {
    struct config_text *next;
    char bytes[];
};

/* One reading: the walk, what is being made, and the names seen so far. */
struct config_reader {
    struct yaml_walk walk;
    struct config *config;
    struct table names;   /* every id and alias */
    uint32_t *name_lines; /* by name number */
    uint32_t names_capacity;
    size_t text_bytes;
    struct devices devices; /* once everything is read */
    bool devices_wrong;     /* and has been said to be: what refers to them is not looked at */
    bool no_memory;
};

/* Zeroed memory that lives as long as the config; NULL (and no_memory) when there is none. */
void *config_keep(struct config_reader *reader, size_t size);
const char *config_keep_text(struct config_reader *reader, struct str text);

/* The row's value from a scalar node. */
void config_read_row(struct config_reader *reader, const struct option_row *row, void *settings,
                     struct str name, const yaml_node_t *node);
/* The same for a text that is a pointer, or an array of row->max + 1 bytes. */
void config_read_text(struct config_reader *reader, const struct option_row *row,
                      const yaml_node_t *node, struct str *text);
/* "unknown key", with a suggestion from up to four tables (the unused ones NULL, 0). */
struct config_keys {
    const struct option_row *rows;
    size_t count;
};
void config_unknown_key(struct config_reader *reader, const struct yaml_pair *pair,
                        const struct config_keys *keys, size_t key_count);
/* The pair of this key, or NULL. */
const struct yaml_pair *config_find(const struct yaml_pair *pairs, uint32_t count, const char *key);

void config_read_resources(struct config_reader *reader, const yaml_node_t *list);
void config_warmer_defaults(struct config_warmer *warmer);
/* A mapping NAME: VALUE as lines "NAME" separator "VALUE". */
const char *const *config_read_lines(struct config_reader *reader, const char *what,
                                     const char *separator, const yaml_node_t *node,
                                     uint32_t *line_count);
void config_read_warmer(struct config_reader *reader, struct config_resource *resource,
                        const yaml_node_t *node);
/* What its kind knows where nothing was said; once the whole resource is read. */
void config_complete_warmer(struct config_resource *resource);
void config_read_levels(struct config_reader *reader, struct config_resource *resource,
                        const yaml_node_t *list);
void config_check_sleepers(struct config_reader *reader, const struct config_resource *resource,
                           const yaml_node_t *node);
void config_read_call(struct config_reader *reader, struct config_call *call, const char *name,
                      const yaml_node_t *node);
void config_call_defaults(struct config_call *call);
void config_read_url(struct config_reader *reader, struct str name, const yaml_node_t *node,
                     struct config_url *url);
/* config_access.c */
bool config_is_group(struct str key);
bool config_is_grouped(struct str key, struct str *group);
void config_read_group(struct config_reader *reader, const char *group, const yaml_node_t *node);
void config_check_access(struct config_reader *reader, const struct yaml_pair *pairs,
                         uint32_t count);
/* config_devices.c */
void config_read_devices(struct config_reader *reader, const yaml_node_t *node);
void config_check_devices(struct config_reader *reader, const yaml_node_t *node);
void config_check_placing(struct config_reader *reader, struct config_resource *resource,
                          const struct yaml_pair *pairs, uint32_t count, const yaml_node_t *node);
void config_check_pinned(struct config_reader *reader, const yaml_node_t *list);
/* config_hints.c */
void config_hint_defaults(struct hint_rules *rules);
void config_read_hints(struct config_reader *reader, struct config_resource *resource,
                       const yaml_node_t *node);
void config_check_hints(struct config_reader *reader, const struct yaml_pair *pairs,
                        uint32_t count);
/* config_event.c */
void config_read_events(struct config_reader *reader, const yaml_node_t *list);
void config_check_events(struct config_reader *reader, const yaml_node_t *list);
/* config_prefetch.c */
void config_read_prefetch(struct config_reader *reader, const yaml_node_t *node);
void config_check_prefetch(struct config_reader *reader, const yaml_node_t *node);
/* config_demand.c */
void config_read_demand(struct config_reader *reader, const yaml_node_t *node);
void config_check_demand(struct config_reader *reader, const yaml_node_t *node);
/* config_alerts.c */
void config_alerts_defaults(struct config_alerts *alerts);
void config_read_alerts(struct config_reader *reader, const yaml_node_t *node);
/* Contradictions between parts, once everything is read. */
void config_check(struct config_reader *reader, const yaml_node_t *root);

#endif
