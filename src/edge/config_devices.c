/* SPDX-License-Identifier: MIT
 * Devices in the config: the list at the top, what each resource says of them, and whether
 * everything can fit at all. */
#include "edge/config_part.h"
#include <stdio.h>
#include <stdlib.h>

const struct option_row config_device_keys[] = {
    {"name", OPTION_TEXT, 0, "", 0, DEVICE_NAME_MAX - 4, false, NULL,
     "What it is called; absent: device and its number."},
    {"memory", OPTION_SIZE, 0, "", 0, 0, false, NULL,
     "Bytes that warm resources may use on it together. Required."},
    {"bandwidth", OPTION_TEXT, 0, "", 0, 0, false, NULL,
     "How fast it is loaded, such as 3GB/s: the expected load time until loads were measured."},
    {"loads", OPTION_INT, 0, "1", 1, DEVICE_LOADS_MAX, false, NULL,
     "Loads onto it at the same time."},
};
_Static_assert(sizeof config_device_keys / sizeof config_device_keys[0] == 4,
               "config_rows.c lists so many");
const size_t config_device_key_count = sizeof config_device_keys / sizeof config_device_keys[0];

/* One device of the list, as the text that core/devices.h reads. */
static void add_device(struct config_reader *reader, const yaml_node_t *node, uint32_t number,
                       struct buf *text)
{
    static const char *const marks[] = {"", "", "@", "*"};
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    struct str values[4] = {{"", 0}, {"", 0}, {"", 0}, {"", 0}};
    if (!yaml_walk_mapping(&reader->walk, node, STR("devices")))
        return;
    uint32_t count = yaml_walk_pairs(&reader->walk, node, "devices.", pairs);
    for (uint32_t i = 0; i < count; i++) {
        const struct option_row *row =
            option_find(config_device_keys, config_device_key_count, pairs[i].key);
        if (!row)
            config_unknown_key(reader, &pairs[i],
                               &(struct config_keys){config_device_keys, config_device_key_count},
                               1);
        else
            (void)yaml_walk_scalar(&reader->walk, pairs[i].value, pairs[i].key,
                                   &values[row - config_device_keys]);
    }
    if (!config_find(pairs, count, "memory"))
        yaml_walk_problem(&reader->walk, node,
                          "devices.memory: missing, expected a size such as "
                          "24GiB");
    size_t start = text->len;
    if (values[0].len > 0)
        buf_printf(text, "%.*s=", STR_ARG(values[0]));
    else
        buf_printf(text, "device%u=", number);
    for (int i = 1; i < 4; i++)
        if (values[i].len > 0)
            buf_printf(text, "%s%.*s", marks[i], STR_ARG(values[i]));
    struct devices devices;
    struct fw_detail detail = {{0}};
    struct str item = {text->data + start, text->len - start};
    if (config_find(pairs, count, "memory") && !text->failed &&
        (memchr(item.data, ' ', item.len) || memchr(item.data, ',', item.len) ||
         devices_parse(&devices, item, UINT64_MAX, &detail) != FW_OK))
        yaml_walk_problem(&reader->walk, node, "%s",
                          detail.text[0] ? detail.text : "devices: found blanks or commas in it");
    buf_add_char(text, ' ');
}

void config_read_devices(struct config_reader *reader, const yaml_node_t *node)
{
    struct engine_settings *engine = &reader->config->engine;
    uint32_t count;
    struct buf text;
    if (node->type == YAML_SCALAR_NODE) {
        config_read_row(reader,
                        option_find(engine_option_rows, engine_option_count, STR("devices")),
                        engine, STR("devices"), node);
        return;
    }
    if (!yaml_walk_list(&reader->walk, node, STR("devices"), &count))
        return;
    uint32_t before = reader->walk.problems->count;
    buf_init(&text, sizeof engine->devices - 1);
    for (uint32_t i = 0; i < count && i <= DEVICES_MAX; i++)
        add_device(reader, yaml_walk_item(&reader->walk, node, i), i, &text);
    if (text.failed || count > DEVICES_MAX)
        yaml_walk_problem(&reader->walk, node,
                          "devices: found %u, expected at most %d with short "
                          "names",
                          count, DEVICES_MAX);
    else if (text.len > 0)
        memcpy(engine->devices, text.data, text.len);
    reader->devices_wrong = reader->walk.problems->count > before;
    buf_fini(&text);
}

/* ---- checks ---- */

void config_check_devices(struct config_reader *reader, const yaml_node_t *node)
{
    struct fw_detail detail = {{0}};
    const struct engine_settings *engine = &reader->config->engine;
    bool said = reader->devices_wrong;
    if (devices_parse(&reader->devices, str_of(engine->devices), engine->memory, &detail) == FW_OK)
        return;
    reader->devices_wrong = true;
    if (!said) /* else an item of the list has been named already */
        yaml_walk_problem(&reader->walk, node, "%s", detail.text);
    if (devices_parse(&reader->devices, STR(""), UINT64_MAX, &detail) != FW_OK)
        reader->no_memory = true;
}

static void add_named(struct config_reader *reader, struct config_resource *resource,
                      const yaml_node_t *node)
{
    struct str name;
    if (!yaml_walk_scalar(&reader->walk, node, STR("devices"), &name))
        return;
    int number = devices_find(&reader->devices, name);
    if (number < 0 || !reader->devices.named)
        yaml_walk_problem(&reader->walk, node, "devices: \"%.*s\" is no device that is configured",
                          STR_ARG(name));
    else
        resource->engine.devices |= 1u << number;
}

/* Where it may go: a name or a list of them. */
static void resolve(struct config_reader *reader, struct config_resource *resource,
                    const yaml_node_t *node)
{
    uint32_t count;
    if (yaml_walk_is_null(node))
        return;
    if (node->type == YAML_SCALAR_NODE) {
        add_named(reader, resource, node);
        return;
    }
    if (!yaml_walk_list(&reader->walk, node, STR("devices"), &count))
        return;
    for (uint32_t i = 0; i < count; i++)
        add_named(reader, resource, yaml_walk_item(&reader->walk, node, i));
}

void config_check_placing(struct config_reader *reader, struct config_resource *resource,
                          const struct yaml_pair *pairs, uint32_t count, const yaml_node_t *node)
{
    const struct yaml_pair *memory = config_find(pairs, count, "memory"),
                           *span = config_find(pairs, count, "span"),
                           *where = config_find(pairs, count, "devices");
    struct resource_settings *engine = &resource->engine;
    const struct devices *devices = &reader->devices;
    if (reader->devices_wrong)
        return;
    if (where)
        resolve(reader, resource, where->value);
    uint32_t allowed = engine->devices != 0 ? engine->devices : devices_all(devices);
    if (engine->memory == UINT64_MAX) {
        yaml_walk_problem(&reader->walk, memory ? memory->value : node,
                          "memory: found unlimited, expected a size such as 5GiB");
        return;
    }
    if (engine->span > __builtin_popcount(allowed)) {
        yaml_walk_problem(&reader->walk, span ? span->value : node,
                          "span: found %lld, but it may go to %d device%s only",
                          (long long)engine->span, __builtin_popcount(allowed),
                          __builtin_popcount(allowed) == 1 ? "" : "s");
        return;
    }
    char need[STR_NUMBER_MAX], have[STR_NUMBER_MAX];
    if (devices_can_hold(devices, engine->memory, (uint32_t)engine->span, allowed))
        return;
    uint64_t share = devices_share(engine->memory, (uint32_t)engine->span);
    if (!devices->named)
        yaml_walk_problem(&reader->walk, memory ? memory->value : node,
                          "memory: found %s, more than the %s that all resources may use together",
                          str_from_size(engine->memory, need),
                          str_from_size(devices->items[0].memory, have));
    else
        yaml_walk_problem(&reader->walk, memory ? memory->value : node,
                          "memory: found %s, which needs %s on each of %lld device%s: more than "
                          "those it may go to have",
                          str_from_size(engine->memory, need), str_from_size(share, have),
                          (long long)engine->span, engine->span == 1 ? "" : "s");
}

/* Whether the pinned ones fit together, each on devices it may go to. */
static bool pinned_fit(const struct config *config, const struct devices *devices)
{
    uint32_t count = 0;
    struct devices_part *parts = malloc((config->resource_count + 1) * sizeof *parts);
    if (!parts)
        return true; /* not known to be wrong */
    for (uint32_t i = 0; i < config->resource_count; i++) {
        const struct resource_settings *one = &config->resources[i].engine;
        if (one->pin && one->memory != UINT64_MAX)
            parts[count++] = (struct devices_part){one->memory, (uint32_t)one->span, one->devices};
    }
    bool fit = devices_hold_all(devices, parts, count);
    free(parts);
    return fit;
}

void config_check_pinned(struct config_reader *reader, const yaml_node_t *list)
{
    const struct config *config = reader->config;
    char need[STR_NUMBER_MAX], have[STR_NUMBER_MAX];
    uint64_t pinned = 0, memory = devices_memory(&reader->devices);
    if (reader->devices_wrong)
        return;
    for (uint32_t i = 0; i < config->resource_count; i++) {
        const struct resource_settings *engine = &config->resources[i].engine;
        if (engine->pin && engine->memory <= UINT64_MAX - pinned)
            pinned += engine->memory;
    }
    if (pinned > memory)
        yaml_walk_problem(&reader->walk, list, "pin: the pinned resources need %s together, %s %s",
                          str_from_size(pinned, need),
                          reader->devices.named ? "the devices have" : "memory is",
                          str_from_size(memory, have));
    else if (reader->devices.named && reader->walk.problems->count == 0 &&
             !pinned_fit(config, &reader->devices))
        yaml_walk_problem(&reader->walk, list,
                          "pin: the pinned resources need %s together and find no place side by "
                          "side on the devices; name devices for them, or pin fewer",
                          str_from_size(pinned, need));
}
