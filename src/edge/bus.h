/* SPDX-License-Identifier: MIT
 * How the threads talk: events to the brain through one ring per sender, actions about held
 * requests back to the I/O thread that holds them. Nothing is lost: a sender whose ring is full
 * keeps the event and tries again on its next turn (what it keeps is bounded by the requests it has
 * open).
 *
 * Request ids: sender number in the top 8 bits, so an answer finds its way home. */
#ifndef FOREWARM_EDGE_BUS_H
#define FOREWARM_EDGE_BUS_H

#include "core/action.h"
#include "core/event.h"
#include <uv.h>

enum { BUS_SENDERS_MAX = 16, BUS_RING_ITEMS = 1 << 14 };
#define BUS_REQUEST_ID(sender, counter)                                                            \
    ((uint64_t)(sender) << 56 | ((counter) & ((UINT64_C(1) << 56) - 1)))
#define BUS_SENDER_OF(request) ((unsigned)((request) >> 56))

struct bus;
FW_MUST_CHECK enum fw_err bus_create(struct bus **bus, unsigned senders);
void bus_destroy(struct bus **bus);

/* The brain's side: `wake` is sent when events are waiting; drain takes them all, oldest
 * sender-first per turn. */
void bus_attach_brain(struct bus *bus, uv_async_t *wake);
bool bus_take_event(struct bus *bus, struct event *event); /* false: none left */
void bus_send_action(
    struct bus *bus,
    const struct action *action); /* RELEASE, FALLBACK, REFUSE: to BUS_SENDER_OF(request) */

/* A sender's side (its own thread only). `wake` is sent when actions are waiting. */
void bus_attach_sender(struct bus *bus, unsigned sender, uv_async_t *wake);
void bus_send_event(struct bus *bus, unsigned sender, const struct event *event);
void bus_flush(struct bus *bus,
               unsigned sender); /* once a loop turn: wake the brain, retry what was kept */
/* The same, but events about requests that are being served anyway wait for company: true if some
 * do, and the caller sees to it that bus_flush follows within some milliseconds. One wake-up a
 * request would cost more than the request. */
bool bus_flush_urgent(struct bus *bus, unsigned sender);
bool bus_take_action(struct bus *bus, unsigned sender, struct action *action);

#endif
