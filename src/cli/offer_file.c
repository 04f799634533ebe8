/* SPDX-License-Identifier: MIT */
#include "cli/offer_file.h"

#include "cli/args.h"
#include "cli/series_read.h"
#include "edge/yaml_walk.h"
#include "sim/trace.h"
#include <stdio.h>
#include <stdlib.h>

enum { TIER, REGION, PRICE, MOST, INTERRUPTIONS, CHANGES, OFFER_KEYS };
static const char *const offer_keys[OFFER_KEYS] = {
    "tier", "region", "price_per_hour", "most", "interruptions_per_hour", "price_changes"};
enum { FROM, NEW_PRICE, CHANGE_KEYS };
static const char *const change_keys[CHANGE_KEYS] = {"from", "price_per_hour"};

struct reading {
    struct yaml_walk walk;
    struct config_problems problems;
};

static void wrong(struct reading *reading, const yaml_node_t *node, const char *key,
                  struct str found, const char *expected)
{
    yaml_walk_problem(&reading->walk, node, "%s: found \"%.*s\", expected %s", key,
                      (int)(found.len < 60 ? found.len : 60), found.data, expected);
}

/* The values of an item's keys; NULL where one is not given. False: it is no mapping. */
static bool take_keys(struct reading *reading, const yaml_node_t *item, const char *const *keys,
                      size_t key_count, const yaml_node_t **values)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    for (size_t i = 0; i < key_count; i++)
        values[i] = NULL;
    if (!yaml_walk_mapping(&reading->walk, item, STR("item")))
        return false;
    uint32_t count = yaml_walk_pairs(&reading->walk, item, "", pairs);
    for (uint32_t i = 0; i < count; i++) {
        size_t key = 0;
        char word[64];
        while (key < key_count && !str_equal(pairs[i].key, str_of(keys[key])))
            key++;
        if (key < key_count) {
            values[key] = yaml_walk_is_null(pairs[i].value) ? NULL : pairs[i].value;
            continue;
        }
        (void)snprintf(word, sizeof word, "%.*s",
                       (int)(pairs[i].key.len < 63 ? pairs[i].key.len : 63), pairs[i].key.data);
        const char *near = args_suggest(word, keys, key_count);
        yaml_walk_problem(&reading->walk, pairs[i].key_node, "found the key \"%s\", expected %s",
                          word, near ? near : "one of those the guide names");
    }
    return true;
}

/* A number in [0, most]; `otherwise` where none is given. */
static double take_number(struct reading *reading, const yaml_node_t *node, const char *key,
                          double most, double otherwise)
{
    struct str text;
    double value;
    if (!node || !yaml_walk_scalar(&reading->walk, node, str_of(key), &text))
        return otherwise;
    if (!str_to_double(text, &value) || !(value >= 0) || value > most) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "a number from 0 to %.0f", most);
        wrong(reading, node, key, text, expected);
        return otherwise;
    }
    return value;
}

static void need(struct reading *reading, const yaml_node_t *item, const yaml_node_t *node,
                 const char *key)
{
    if (node == NULL)
        yaml_walk_problem(&reading->walk, item, "%s: missing", key);
}

static void take_tier(struct reading *reading, const yaml_node_t *node, struct offer *offer)
{
    struct str text;
    if (!node || !yaml_walk_scalar(&reading->walk, node, STR("tier"), &text))
        return;
    for (int i = 0; i < OFFERS_TIERS; i++)
        if (str_equal(text, str_of(offers_tier_names[i]))) {
            offer->tier = (enum offers_tier)i;
            return;
        }
    wrong(reading, node, "tier", text, "owned, reserved, on_demand or spot");
}

static void take_region(struct reading *reading, const yaml_node_t *node, struct offer *offer)
{
    struct str text = STR("anywhere");
    if (node && !yaml_walk_scalar(&reading->walk, node, STR("region"), &text))
        return;
    if (text.len == 0 || text.len >= sizeof offer->region || !str_is_utf8(text)) {
        wrong(reading, node, "region", text, "a name of 1 to 47 bytes");
        return;
    }
    memcpy(offer->region, text.data, text.len);
    offer->region[text.len] = '\0';
}

static void take_most(struct reading *reading, const yaml_node_t *item, const yaml_node_t *node,
                      struct offer *offer)
{
    struct str text;
    int64_t most = 0;
    if (node == NULL && (offer->tier == OFFERS_OWNED || offer->tier == OFFERS_RESERVED))
        yaml_walk_problem(&reading->walk, item,
                          "most: missing; how many units there are (%s must tell)",
                          offers_tier_names[offer->tier]);
    if (node == NULL || !yaml_walk_scalar(&reading->walk, node, STR("most"), &text))
        return;
    if (!str_to_int64(text, &most) || most < 1 || most > 1000000)
        wrong(reading, node, "most", text, "a whole number from 1 to 1000000");
    else
        offer->most = (int)most;
}

static void take_change(struct reading *reading, const yaml_node_t *item, struct offer *offer)
{
    const yaml_node_t *values[CHANGE_KEYS];
    struct str text;
    struct offers_change change = {0};
    if (!take_keys(reading, item, change_keys, CHANGE_KEYS, values))
        return;
    for (int i = 0; i < CHANGE_KEYS; i++)
        need(reading, item, values[i], change_keys[i]);
    if (values[FROM] && yaml_walk_scalar(&reading->walk, values[FROM], STR("from"), &text)) {
        if (!series_read_instant(text, &change.at_ns))
            wrong(reading, values[FROM], "from", text,
                  "YYYY-MM-DD, YYYY-MM-DD HH:MM or ISO 8601, with its offset or in UTC");
        else if (offer->change_count > 0 &&
                 change.at_ns <= offer->changes[offer->change_count - 1].at_ns)
            wrong(reading, values[FROM], "from", text, "a later time than the change before it");
    }
    change.per_hour = take_number(reading, values[NEW_PRICE], "price_per_hour", 1e9, 0);
    offer->changes[offer->change_count++] = change;
}

static void take_changes(struct reading *reading, const yaml_node_t *node, struct offer *offer)
{
    uint32_t count = 0;
    if (!node || !yaml_walk_list(&reading->walk, node, STR("price_changes"), &count))
        return;
    if (count > OFFERS_CHANGES_MAX) {
        yaml_walk_problem(&reading->walk, node, "price_changes: found %u, expected at most %d",
                          count, OFFERS_CHANGES_MAX);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        take_change(reading, yaml_walk_item(&reading->walk, node, i), offer);
}

static void take_offer(struct reading *reading, const yaml_node_t *item, struct offer *offer)
{
    const yaml_node_t *values[OFFER_KEYS];
    *offer = (struct offer){.tier = OFFERS_ON_DEMAND};
    if (!take_keys(reading, item, offer_keys, OFFER_KEYS, values))
        return;
    need(reading, item, values[TIER], "tier");
    need(reading, item, values[PRICE], "price_per_hour");
    take_tier(reading, values[TIER], offer);
    take_region(reading, values[REGION], offer);
    offer->per_hour = take_number(reading, values[PRICE], "price_per_hour", 1e9, 0);
    take_most(reading, item, values[MOST], offer);
    if (values[INTERRUPTIONS] && offer->tier != OFFERS_SPOT)
        yaml_walk_problem(&reading->walk, values[INTERRUPTIONS],
                          "interruptions_per_hour: only spot is interrupted");
    if (offer->tier == OFFERS_SPOT)
        need(reading, item, values[INTERRUPTIONS], "interruptions_per_hour");
    offer->interruptions_per_hour =
        take_number(reading, values[INTERRUPTIONS], "interruptions_per_hour", 1e3, 0);
    take_changes(reading, values[CHANGES], offer);
}

/* The list, or the one below `offers`. */
static const yaml_node_t *open_list(struct reading *reading, uint32_t *count)
{
    const yaml_node_t *root = yaml_walk_root(&reading->walk);
    *count = 0;
    if (!root || yaml_walk_is_null(root))
        return NULL;
    if (root->type == YAML_MAPPING_NODE) {
        struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
        uint32_t pair_count = yaml_walk_pairs(&reading->walk, root, "", pairs);
        if (pair_count == 1 && str_equal(pairs[0].key, STR("offers")))
            root = pairs[0].value;
    }
    return yaml_walk_list(&reading->walk, root, STR("offers"), count) ? root : NULL;
}

enum fw_err offer_file_parse(struct offers *offers, const char *name, struct str text,
                             struct fw_detail *detail)
{
    struct reading reading = {.problems = {.count = 0}};
    enum fw_err err = FW_OK;
    uint32_t count = 0;
    buf_init(&reading.problems.text, 1 << 16);
    offers->count = 0;
    if (yaml_walk_init(&reading.walk, name, text, &reading.problems)) {
        const yaml_node_t *list = open_list(&reading, &count);
        if (count > OFFERS_MAX)
            yaml_walk_problem(&reading.walk, list, "found %u offers, expected at most %d", count,
                              OFFERS_MAX);
        else if (count == 0 && reading.problems.count == 0)
            yaml_walk_problem(&reading.walk, list, "found no offer, expected a list of them");
        for (uint32_t i = 0; count <= OFFERS_MAX && i < count; i++)
            take_offer(&reading, yaml_walk_item(&reading.walk, list, i),
                       &offers->rows[offers->count++]);
    }
    if (reading.problems.count > 0) {
        struct str problems = str_trim(buf_str(&reading.problems.text));
        err = err_set(detail, FW_INPUT, "%.*s", STR_ARG(problems));
    }
    yaml_walk_fini(&reading.walk);
    config_problems_fini(&reading.problems);
    return err;
}

enum fw_err offer_file_read(struct offers *offers, const char *path, struct fw_detail *detail)
{
    struct buf text;
    buf_init(&text, OFFER_FILE_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = offer_file_parse(offers, path, buf_str(&text), detail);
    buf_fini(&text);
    return err;
}
