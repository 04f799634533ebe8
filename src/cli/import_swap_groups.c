/* SPDX-License-Identifier: MIT
 * What may be loaded together. llama-swap knows no memory: it has groups, whose members exclude one
 * another (swap), and which exclude other groups (exclusive). We say the same by devices: a member
 * takes all of its group's device, or an equal part of it where members do not exclude one another.
 * Groups that exclude one another share a device. */
#include "cli/import_swap.h"

struct group {
    struct str name;
    const yaml_node_t *node, *members;
    bool swap, exclusive, persistent;
};

static void read_group(struct swap *swap, const struct yaml_pair *from, struct group *group)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    *group =
        (struct group){.name = from->key, .node = from->key_node, .swap = true, .exclusive = true};
    if (!yaml_walk_mapping(&swap->walk, from->value, from->key))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, from->value, "", pairs);
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(pairs[i].key, STR("swap")))
            swap_read_flag(swap, &pairs[i], &group->swap);
        else if (str_equal(pairs[i].key, STR("exclusive")))
            swap_read_flag(swap, &pairs[i], &group->exclusive);
        else if (str_equal(pairs[i].key, STR("persistent")))
            swap_read_flag(swap, &pairs[i], &group->persistent);
        else if (str_equal(pairs[i].key, STR("members")))
            group->members = pairs[i].value;
        else
            swap_note(swap, pairs[i].key_node, "groups.%.*s.%.*s: unknown here",
                      STR_ARG(group->name), STR_ARG(pairs[i].key));
    }
}

/* Its own device, or the one that all share. */
static uint32_t place_of(struct swap *swap, const struct group *group, uint32_t members)
{
    if (group->exclusive && !group->persistent)
        return 0;
    if (swap->place_count > SWAP_PLACES_MAX) {
        swap_note(swap, group->node, "groups.%.*s: at most %d groups have a device of their own",
                  STR_ARG(group->name), SWAP_PLACES_MAX);
        return 0;
    }
    if (group->exclusive)
        swap_note(
            swap, group->node,
            "groups.%.*s: that loading it unloads the other groups; it has a device of its own",
            STR_ARG(group->name));
    else if (!group->persistent)
        swap_note(swap, group->node,
                  "groups.%.*s: that exclusive groups unload it; it has a device of its own",
                  STR_ARG(group->name));
    swap->places[swap->place_count] = (struct swap_place){group->name, group->swap ? 1 : members};
    return swap->place_count++;
}

static void place_members(struct swap *swap, const struct group *group, uint32_t *shared)
{
    uint32_t count = 0;
    if (!group->members || !yaml_walk_list(&swap->walk, group->members, STR("members"), &count))
        return;
    uint32_t place = place_of(swap, group, count > 0 ? count : 1);
    if (place == 0 && !group->swap && count > 1 && ++*shared > 1)
        swap_note(
            swap, group->node,
            "groups.%.*s: that it excludes the other groups without swap; some of both may be "
            "loaded together",
            STR_ARG(group->name));
    for (uint32_t i = 0; i < count; i++) {
        const yaml_node_t *item = yaml_walk_item(&swap->walk, group->members, i);
        struct str name;
        if (!yaml_walk_scalar(&swap->walk, item, STR("members"), &name))
            continue;
        struct swap_model *model = swap_find(swap, name);
        if (!model || !str_equal(model->id, name)) {
            yaml_walk_problem(&swap->walk, item, "members: found \"%.*s\", expected a model's id",
                              STR_ARG(name));
        } else if (model->grouped) {
            yaml_walk_problem(&swap->walk, item, "members: \"%.*s\" is in another group already",
                              STR_ARG(name));
        } else {
            model->grouped = true;
            model->place = place;
            model->share = group->swap ? 1 : place == 0 ? count : 1;
        }
    }
}

void swap_read_groups(struct swap *swap, const yaml_node_t *node)
{
    struct yaml_pair pairs[YAML_WALK_KEYS_MAX];
    uint32_t shared = 0;
    if (yaml_walk_is_null(node) || !yaml_walk_mapping(&swap->walk, node, STR("groups")))
        return;
    uint32_t count = yaml_walk_pairs(&swap->walk, node, "groups", pairs);
    for (uint32_t i = 0; i < count; i++) {
        struct group group;
        read_group(swap, &pairs[i], &group);
        place_members(swap, &group, &shared);
    }
}
