/* SPDX-License-Identifier: MIT */
#include "sim/agenda.h"
#include "base/time.h"
#include <stdlib.h>

void agenda_init(struct agenda *agenda)
{
    *agenda = (struct agenda){0};
}

void agenda_fini(struct agenda *agenda)
{
    free(agenda->items);
    *agenda = (struct agenda){0};
}

static bool before(const struct agenda_item *a, const struct agenda_item *b)
{
    return a->event.at_ns != b->event.at_ns ? a->event.at_ns < b->event.at_ns
                                            : a->sequence < b->sequence;
}

enum fw_err agenda_put(struct agenda *agenda, const struct event *event)
{
    if (agenda->count == agenda->capacity) {
        size_t capacity = agenda->capacity ? 2 * agenda->capacity : 256;
        struct agenda_item *grown = realloc(agenda->items, capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        agenda->items = grown;
        agenda->capacity = capacity;
    }
    struct agenda_item item = {*event, agenda->next_sequence++};
    size_t at = agenda->count++;
    for (; at > 0 && before(&item, &agenda->items[(at - 1) / 2]); at = (at - 1) / 2)
        agenda->items[at] = agenda->items[(at - 1) / 2];
    agenda->items[at] = item;
    return FW_OK;
}

int64_t agenda_next(const struct agenda *agenda)
{
    return agenda->count > 0 ? agenda->items[0].event.at_ns : TIME_NEVER;
}

bool agenda_take(struct agenda *agenda, struct event *event)
{
    if (agenda->count == 0)
        return false;
    *event = agenda->items[0].event;
    struct agenda_item last = agenda->items[--agenda->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < agenda->count) {
        if (child + 1 < agenda->count && before(&agenda->items[child + 1], &agenda->items[child]))
            child++;
        if (!before(&agenda->items[child], &last))
            break;
        agenda->items[at] = agenda->items[child];
        at = child;
    }
    if (agenda->count > 0)
        agenda->items[at] = last;
    return true;
}
