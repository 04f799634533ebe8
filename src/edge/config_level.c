/* SPDX-License-Identifier: MIT
 * The config's levels between cold and warm: what each keeps, and what brings a resource there and
 * back. */
#include "edge/config_part.h"

/* A text is a shell command, a mapping an HTTP call. */
static void read_action(struct config_reader *reader, struct config_action *action,
                        const char *name, const yaml_node_t *node)
{
    struct str text;
    if (node->type == YAML_MAPPING_NODE) {
        config_read_call(reader, &action->call, name, node);
        return;
    }
    if (yaml_walk_is_null(node) || !yaml_walk_scalar(&reader->walk, node, str_of(name), &text))
        return;
    if (str_trim(text).len == 0 || text.len > CONFIG_COMMAND_MAX)
        yaml_walk_problem(
            &reader->walk, node,
            "%s: found %zu bytes, expected a shell command of 1 to %d, or a call with "
            "url or path",
            name, str_trim(text).len == 0 ? (size_t)0 : text.len, CONFIG_COMMAND_MAX);
    else
        action->command = config_keep_text(reader, text);
}

static void read_pair(struct config_reader *reader, struct config_resource *resource, uint32_t i,
                      const struct yaml_pair *pair)
{
    struct config_level *level = &resource->levels[i];
    const struct option_row *own =
        option_find(config_level_rows, config_level_row_count, pair->key);
    const struct option_row *engine = option_find(level_option_rows, level_option_count, pair->key);
    static const struct {
        const char *key, *name;
        size_t offset;
    } actions[] = {{"up", "levels[].up", offsetof(struct config_level, up)},
                   {"down", "levels[].down", offsetof(struct config_level, down)},
                   {"sleep", "levels[].sleep", offsetof(struct config_level, sleep)},
                   {"wake", "levels[].wake", offsetof(struct config_level, wake)}};
    for (size_t j = 0; j < sizeof actions / sizeof actions[0]; j++)
        if (str_equal(pair->key, str_of(actions[j].key))) {
            read_action(reader, (struct config_action *)((char *)level + actions[j].offset),
                        actions[j].name, pair->value);
            return;
        }
    if (own && own->type == OPTION_TEXT) {
        struct str text;
        config_read_text(reader, own, pair->value, &text);
        level->name = config_keep_text(reader, text);
    } else if (own) {
        config_read_row(reader, own, level, pair->key, pair->value);
    } else if (engine) {
        config_read_row(reader, engine, &resource->engine.levels[i], pair->key, pair->value);
    } else {
        config_unknown_key(reader, pair,
                           (const struct config_keys[]){{config_level_rows, config_level_row_count},
                                                        {config_level_keys, config_level_key_count},
                                                        {level_option_rows, level_option_count}},
                           3);
    }
}

bool config_action_given(const struct config_action *action)
{
    return action->command[0] || action->call.url[0];
}

static void check_level(struct config_reader *reader, struct config_resource *resource, uint32_t i,
                        const yaml_node_t *node)
{
    const struct config_level *level = &resource->levels[i];
    struct level_settings *engine = &resource->engine.levels[i];
    engine->from_cold = config_action_given(&level->up);
    engine->from_warm = config_action_given(&level->sleep) || level->server != LEVEL_SERVER_NONE;
    if (level->name[0] == 0)
        yaml_walk_problem(&reader->walk, node, "levels[].name: missing, every level needs a name");
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(resource->levels[j].name, level->name) == 0)
            yaml_walk_problem(&reader->walk, node, "levels[].name: \"%s\" is taken already",
                              level->name);
    if (!engine->from_cold && !engine->from_warm)
        yaml_walk_problem(
            &reader->walk, node,
            "levels[]: found neither up, sleep nor server, so nothing would bring it there");
    if (level->server != LEVEL_SERVER_NONE &&
        (config_action_given(&level->sleep) || config_action_given(&level->wake)))
        yaml_walk_problem(&reader->walk, node,
                          "levels[].server: sleeps and wakes by itself, so sleep and wake mean "
                          "nothing beside it");
    if (config_action_given(&level->wake) && !engine->from_warm)
        yaml_walk_problem(&reader->walk, node, "levels[].wake: means nothing without sleep");
    if (engine->host_memory == UINT64_MAX || engine->memory == UINT64_MAX)
        yaml_walk_problem(&reader->walk, node,
                          "levels[]: found unlimited, expected a size such as 5GiB");
}

/* A kind whose cold is a sleep already has room for one level at most: vLLM's level 1 above its 2.
 */
void config_check_sleepers(struct config_reader *reader, const struct config_resource *resource,
                           const yaml_node_t *node)
{
    const struct config_warmer *warmer = &resource->warmer;
    for (uint32_t i = 0; i < resource->engine.level_count; i++) {
        int server = resource->levels[i].server;
        bool vllm = warmer->kind == WARMER_VLLM && server == LEVEL_VLLM_1;
        if (server == LEVEL_SERVER_NONE || warmer->kind == WARMER_NONE ||
            warmer->kind == WARMER_EXEC || warmer->kind == WARMER_HTTP)
            continue;
        if (!vllm)
            yaml_walk_problem(&reader->walk, node,
                              "levels[].server: found %s with kind %s, expected kind exec or http, "
                              "or vllm-1 with kind vllm",
                              config_level_servers[server], config_warmer_kinds[warmer->kind]);
        else if (warmer->sleep_level == 1)
            yaml_walk_problem(&reader->walk, node,
                              "levels[].server: vllm-1 is what sleep_level: 1 calls unloaded");
    }
}

static void level_defaults(struct config_resource *resource, uint32_t i)
{
    struct config_level *level = &resource->levels[i];
    struct config_action *const actions[] = {&level->up, &level->down, &level->sleep, &level->wake};
    level->name = "";
    for (size_t j = 0; j < sizeof actions / sizeof actions[0]; j++) {
        actions[j]->command = "";
        config_call_defaults(&actions[j]->call);
    }
    for (size_t j = 0; j < config_level_row_count; j++)
        if (config_level_rows[j].type != OPTION_TEXT)
            option_defaults(&config_level_rows[j], 1, level);
    option_defaults(level_option_rows, level_option_count, &resource->engine.levels[i]);
}

void config_read_levels(struct config_reader *reader, struct config_resource *resource,
                        const yaml_node_t *list)
{
    uint32_t count;
    if (yaml_walk_is_null(list) || !yaml_walk_list(&reader->walk, list, STR("levels"), &count))
        return;
    if (count > LEVELS_MAX) {
        yaml_walk_problem(&reader->walk, list, "levels: found %u, expected at most %d", count,
                          LEVELS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
        const yaml_node_t *node = yaml_walk_item(&reader->walk, list, i);
        level_defaults(resource, i);
        resource->engine.level_count = i + 1;
        if (!yaml_walk_mapping(&reader->walk, node, STR("levels")))
            continue;
        uint32_t pair_count = yaml_walk_pairs(&reader->walk, node, "", pairs);
        for (uint32_t j = 0; j < pair_count; j++)
            read_pair(reader, resource, i, &pairs[j]);
        check_level(reader, resource, i, node);
    }
}
