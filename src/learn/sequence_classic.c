/* SPDX-License-Identifier: MIT */
#include "learn/sequence_classic.h"
#include "base/time.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint32_t classic_sequential(struct str name, struct classic_name out[CLASSIC_LOOKAHEAD])
{
    size_t at = name.len;
    uint64_t number;
    while (at > 0 && name.data[at - 1] != '_')
        at--;
    struct str digits = {name.data + at, name.len - at};
    if (at == 0 || name.len > CLASSIC_NAME_MAX || digits.len == 0 || digits.data[0] < '0' ||
        digits.data[0] > '9' || !str_to_uint64(digits, &number))
        return 0;
    uint32_t count = 0;
    for (int i = 1; i <= CLASSIC_LOOKAHEAD && number <= UINT64_MAX - (uint64_t)i; i++) {
        struct classic_name *next = &out[count++];
        snprintf(next->text, sizeof next->text, "%.*s%" PRIu64, (int)at, name.data,
                 number + (uint64_t)i);
        next->priority = i;
        next->expected_ns = 2 * i * TIME_SECOND;
    }
    return count;
}

enum fw_err classic_init(struct classic *classic, uint32_t item_max, uint32_t max_entries)
{
    *classic = (struct classic){.item_max = item_max, .last = SEQUENCE_NONE};
    sequence_arena_init(&classic->arena, max_entries);
    classic->lists = calloc(item_max, sizeof *classic->lists);
    return classic->lists ? FW_OK : FW_NOMEM;
}

void classic_fini(struct classic *classic)
{
    free(classic->lists);
    sequence_arena_fini(&classic->arena);
    *classic = (struct classic){0};
}

void classic_pattern_learn(struct classic *classic, uint32_t item)
{
    uint32_t last = classic->last;
    classic->last = item;
    if (last < classic->item_max)
        sequence_list_add(&classic->arena, &classic->lists[last], item, 1, CLASSIC_SUCCESSORS);
}

void classic_user_learn(struct classic *classic, uint32_t item, uint32_t next)
{
    if (item >= classic->item_max)
        return;
    struct sequence_list *list = &classic->lists[item];
    const struct sequence_entry *entry =
        list->count ? sequence_list_entries(&classic->arena, list) : NULL;
    for (uint16_t i = 0; i < list->count; i++)
        if (entry[i].item == next)
            return;
    if (list->count < CLASSIC_TOP) /* the first three are all that is ever issued */
        sequence_list_add(&classic->arena, list, next, 1, CLASSIC_TOP);
}

uint32_t classic_pattern(const struct classic *classic, uint32_t item,
                         struct classic_request out[CLASSIC_WINDOW])
{
    const struct sequence_list *list = item < classic->item_max ? &classic->lists[item] : NULL;
    uint32_t count = 0;
    if (!list || list->count == 0)
        return 0;
    const struct sequence_entry *entry = sequence_list_entries(&classic->arena, list);
    for (uint16_t i = 0; i < list->count && count < CLASSIC_WINDOW; i++) {
        double p = (double)entry[i].count / (double)list->total;
        if (p <= 0.1)
            break;
        int priority = (int)((1 - p) * 10);
        out[count++] =
            (struct classic_request){entry[i].item, priority, priority * (TIME_SECOND / 2), p};
    }
    return count;
}

uint32_t classic_user(const struct classic *classic, uint32_t item,
                      struct classic_request out[CLASSIC_TOP])
{
    const struct sequence_list *list = item < classic->item_max ? &classic->lists[item] : NULL;
    uint32_t count = 0;
    for (; list && count < list->count && count < CLASSIC_TOP; count++)
        out[count] =
            (struct classic_request){sequence_list_entries(&classic->arena, list)[count].item,
                                     (int)count + 1, (count + 1) * TIME_SECOND, 0};
    return count;
}

uint64_t classic_bytes(const struct classic *classic)
{
    uint64_t lists = 0;
    for (uint32_t i = 0; i < classic->item_max; i++)
        lists += classic->lists[i].count > 0;
    return lists * sizeof *classic->lists + classic->arena.used * sizeof(struct sequence_entry);
}
