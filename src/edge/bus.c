/* SPDX-License-Identifier: MIT */
#include "edge/bus.h"
#include "base/check.h"
#include "base/ring.h"
#include <stdlib.h>

/* Whom to wake. The lock is for the end of life alone: a handle must not be closed while another
 * thread sends. */
struct bus_wake {
    uv_mutex_t lock;
    uv_async_t *async;
};

/* What did not fit into a ring, oldest first. */
struct kept {
    unsigned char *items;
    size_t item_size, head, count, capacity;
};

struct bus_sender {
    struct ring events, actions;
    struct kept events_kept;  /* the sender's */
    struct kept actions_kept; /* the brain's */
    struct bus_wake wake;
    uint32_t unannounced; /* events since the brain was last woken; the sender's */
    bool urgent;          /* one of them cannot wait */
};

struct bus {
    unsigned count;
    unsigned turn; /* whose ring the brain looks at first; the brain's */
    struct bus_wake brain;
    struct bus_sender senders[BUS_SENDERS_MAX];
};

/* Events about requests that are being served tell the brain what to learn: they may wait for
 * company. */
enum { BUS_LAZY_EVENTS = 512 };

static void wake_send(struct bus_wake *wake)
{
    uv_mutex_lock(&wake->lock);
    if (wake->async)
        uv_async_send(wake->async);
    uv_mutex_unlock(&wake->lock);
}

static void wake_attach(struct bus_wake *wake, uv_async_t *async)
{
    uv_mutex_lock(&wake->lock);
    wake->async = async;
    uv_mutex_unlock(&wake->lock);
}

/* Memory for what an open request has to say is not given up: the request was accepted. */
static void kept_add(struct kept *kept, const void *item)
{
    if (kept->head + kept->count == kept->capacity) {
        size_t capacity = kept->count * 2 + 64;
        unsigned char *items = malloc(capacity * kept->item_size);
        CHECK(items);
        if (kept->count > 0)
            memcpy(items, kept->items + kept->head * kept->item_size,
                   kept->count * kept->item_size);
        free(kept->items);
        kept->items = items;
        kept->capacity = capacity;
        kept->head = 0;
    }
    memcpy(kept->items + (kept->head + kept->count++) * kept->item_size, item, kept->item_size);
}

static void kept_move(struct kept *kept, struct ring *ring)
{
    while (kept->count > 0 && ring_push(ring, kept->items + kept->head * kept->item_size)) {
        kept->head++;
        kept->count--;
    }
    if (kept->count == 0 && kept->items) {
        free(kept->items);
        kept->items = NULL;
        kept->head = kept->capacity = 0;
    }
}

static void push(struct kept *kept, struct ring *ring, const void *item)
{
    if (kept->count > 0)
        kept_move(kept, ring);
    if (kept->count > 0 || !ring_push(ring, item))
        kept_add(kept, item); /* behind the older ones */
}

enum fw_err bus_create(struct bus **out, unsigned senders)
{
    CHECK(senders > 0 && senders <= BUS_SENDERS_MAX);
    struct bus *bus = calloc(1, sizeof *bus);
    *out = bus;
    if (!bus)
        return FW_NOMEM;
    CHECK(uv_mutex_init(&bus->brain.lock) == 0);
    for (unsigned i = 0; i < senders; i++) {
        struct bus_sender *sender = &bus->senders[i];
        sender->events_kept.item_size = sizeof(struct event);
        sender->actions_kept.item_size = sizeof(struct action);
        CHECK(uv_mutex_init(&sender->wake.lock) == 0);
        bus->count = i + 1;
        if (ring_init(&sender->events, sizeof(struct event), BUS_RING_ITEMS) != FW_OK ||
            ring_init(&sender->actions, sizeof(struct action), BUS_RING_ITEMS) != FW_OK) {
            bus_destroy(out);
            return FW_NOMEM;
        }
    }
    return FW_OK;
}

void bus_destroy(struct bus **out)
{
    struct bus *bus = *out;
    if (!bus)
        return;
    for (unsigned i = 0; i < bus->count; i++) {
        struct bus_sender *sender = &bus->senders[i];
        ring_fini(&sender->events);
        ring_fini(&sender->actions);
        free(sender->events_kept.items);
        free(sender->actions_kept.items);
        uv_mutex_destroy(&sender->wake.lock);
    }
    uv_mutex_destroy(&bus->brain.lock);
    free(bus);
    *out = NULL;
}

void bus_attach_brain(struct bus *bus, uv_async_t *wake)
{
    wake_attach(&bus->brain, wake);
}

bool bus_take_event(struct bus *bus, struct event *event)
{
    for (unsigned i = 0; i < bus->count; i++) {
        struct bus_sender *sender = &bus->senders[bus->turn];
        if (sender->actions_kept.count > 0) {
            kept_move(&sender->actions_kept, &sender->actions);
            wake_send(&sender->wake);
        }
        if (ring_pop(&sender->events, event))
            return true;
        bus->turn = (bus->turn + 1) % bus->count;
    }
    return false;
}

void bus_send_action(struct bus *bus, const struct action *action)
{
    unsigned number = BUS_SENDER_OF(action->request);
    CHECK(number < bus->count);
    struct bus_sender *sender = &bus->senders[number];
    push(&sender->actions_kept, &sender->actions, action);
    wake_send(&sender->wake);
}

void bus_attach_sender(struct bus *bus, unsigned sender, uv_async_t *wake)
{
    CHECK(sender < bus->count);
    wake_attach(&bus->senders[sender].wake, wake);
}

static bool event_waits(const struct event *event)
{
    return event->kind == EVENT_END ||
           (event->kind == EVENT_REQUEST && event->flags & EVENT_SERVED);
}

void bus_send_event(struct bus *bus, unsigned number, const struct event *event)
{
    CHECK(number < bus->count);
    struct bus_sender *sender = &bus->senders[number];
    push(&sender->events_kept, &sender->events, event);
    sender->unannounced++;
    sender->urgent |= !event_waits(event);
}

bool bus_flush_urgent(struct bus *bus, unsigned number)
{
    struct bus_sender *sender = &bus->senders[number];
    if (sender->urgent || sender->unannounced >= BUS_LAZY_EVENTS || sender->events_kept.count > 0)
        bus_flush(bus, number);
    return sender->unannounced > 0;
}

void bus_flush(struct bus *bus, unsigned number)
{
    CHECK(number < bus->count);
    struct bus_sender *sender = &bus->senders[number];
    if (sender->events_kept.count > 0) {
        kept_move(&sender->events_kept, &sender->events);
        wake_send(&bus->brain);
    } else if (sender->unannounced > 0) {
        wake_send(&bus->brain);
    }
    sender->unannounced = (uint32_t)(sender->events_kept.count > 0);
    sender->urgent = false;
}

bool bus_take_action(struct bus *bus, unsigned sender, struct action *action)
{
    CHECK(sender < bus->count);
    return ring_pop(&bus->senders[sender].actions, action);
}
