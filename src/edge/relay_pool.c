/* SPDX-License-Identifier: MIT
 * A relay's beginning and end: its memory, what the brain hears of it, and the errors a client
 * hears instead of an answer. */
#include "base/check.h"
#include "base/json.h"
#include "edge/prefill.h"
#include "edge/relay.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EXTRA_MAX = CONFIG_ID_MAX + 256, EVENT_TEXT_MAX = 4096 };

struct relay *relay_take(struct proxy *proxy)
{
    struct relay *relay = proxy->free_relays;
    if (relay) {
        proxy->free_relays = relay->next;
        proxy->free_count--;
    } else {
        relay = calloc(1, sizeof *relay);
        if (!relay)
            return NULL;
        relay->proxy = proxy;
        relay->timer.fire = relay_on_timer;
        relay->timer.deadline_ns = TIME_NEVER;
    }
    relay->exchange = NULL;
    relay->hold = NULL;
    relay->route = NULL;
    relay->upstream = NULL;
    relay->id = relay->session = 0;
    relay->held_at_ns = relay->held_ns = relay->sent_ns = relay->first_byte_ns = 0;
    relay->beside = 0;
    relay->state = RELAY_ROUTING;
    relay->label = METRIC_WARM;
    relay->in_use = relay->in_flight = relay->retried = relay->reissued = relay->heard =
        relay->hinted = relay->succeeded = relay->extra = relay->pings = relay->early =
            relay->strip = relay->is_signed = relay->again = false;
    relay->next = proxy->relays;
    relay->link = &proxy->relays;
    if (relay->next)
        relay->next->link = &relay->next;
    proxy->relays = relay;
    return relay;
}

static void relay_give(struct relay *relay)
{
    struct proxy *proxy = relay->proxy;
    wheel_cancel(server_wheel(proxy->server), &relay->timer);
    if (relay->hold)
        viewer_give(relay->hold);
    *relay->link = relay->next;
    if (relay->next)
        relay->next->link = relay->link;
    buf_fini(&relay->answer_head);
    if (proxy->free_count >= RELAY_FREE_MAX) {
        relay_hints_free(relay);
        buf_fini(&relay->head);
        free(relay);
        return;
    }
    relay->next = proxy->free_relays;
    proxy->free_relays = relay;
    proxy->free_count++;
}

/* --- what the brain hears --- */

int64_t relay_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

void relay_event(struct relay *relay, uint32_t kind, uint32_t flags)
{
    struct event event = {
        .at_ns = relay_wall_ns(),
        .kind = kind,
        .resource = relay->route->slot->resource,
        .request = kind == EVENT_LOST ? 0 : relay->id,
        .session = kind == EVENT_REQUEST ? relay->session : 0,
        .value = kind == EVENT_REQUEST && !(flags & EVENT_SERVED) &&
                         relay->route->config->engine.on_cold == ON_COLD_SOONEST
                     ? relay_fallback_later_ns(relay)
                     : 0,
        .flags = flags,
    };
    bus_send_event(relay->proxy->bus, relay->proxy->sender, &event);
}

static void send_end(struct relay *relay, enum fw_err status)
{
    struct event event = {
        .at_ns = relay_wall_ns(),
        .kind = EVENT_END,
        .resource = relay->route->slot->resource,
        .request = relay->id,
        .duration_ns = relay->sent_ns > 0 ? (int64_t)uv_hrtime() - relay->sent_ns : 0,
        .value = (uint64_t)relay->held_ns,
        .status = status,
        .eta_ns = relay->first_byte_ns,
        .source = relay->beside,
        .flags = relay->model.stream ? EVENT_STREAM : 0,
    };
    bus_send_event(relay->proxy->bus, relay->proxy->sender, &event);
}

void relay_first_byte(struct relay *relay, int64_t now_ns)
{
    const struct slot *slot = relay->route->slot;
    if (!relay->in_use)
        return;
    relay->first_byte_ns = now_ns - relay->sent_ns;
    int64_t odd_ns =
        atomic_load_explicit(&slot->odd_ns[!relay->model.stream], memory_order_relaxed);
    if (odd_ns == 0 || relay->first_byte_ns <= odd_ns)
        return;
    struct event event = {.at_ns = relay_wall_ns(),
                          .kind = EVENT_DOUBTED,
                          .resource = slot->resource,
                          .duration_ns = relay->first_byte_ns,
                          .source = relay->beside,
                          .flags = relay->model.stream ? EVENT_STREAM : 0};
    bus_send_event(relay->proxy->bus, relay->proxy->sender, &event);
}

/* The request is no longer the resource's: the slot and the brain are told. */
void relay_leave(struct relay *relay, enum fw_err status)
{
    if (relay->in_flight)
        atomic_fetch_sub(&relay->route->slot->in_flight, 1);
    relay->in_flight = false;
    if (relay->in_use)
        send_end(relay, status);
    relay->in_use = false;
}

/* A prompt that was answered is kept, where that is wanted. */
static void keep_prompt(const struct relay *relay)
{
    struct prefixes *prefixes =
        atomic_load_explicit(&relay->route->slot->prefixes, memory_order_acquire);
    const struct server_request *request = exchange_request(relay->exchange);
    if (!prefixes || !relay->in_use || relay->first_byte_ns == 0)
        return;
    bool keeps = relay->model.body.len > 0 && prefill_knows_path(request->path);
    prefixes_served(prefixes, relay->session, request->path,
                    keeps ? relay->model.body : (struct str){0}, relay_wall_ns());
}

void relay_finish(struct relay *relay, enum fw_err status)
{
    relay_unhold(relay);
    if (relay->upstream)
        upstream_release(relay->upstream, false);
    relay->upstream = NULL;
    relay_hints_end(relay, status);
    if (relay->route && status == FW_OK)
        keep_prompt(relay);
    if (relay->route)
        relay_leave(relay, status);
    exchange_set_context(relay->exchange, NULL);
    relay_give(relay);
}

/* --- what the client hears --- */

static const char *const label_names[] = {"warm", "cold", "fallback"};

struct str relay_label(const struct relay *relay)
{
    return str_of(label_names[relay->label]);
}

/* The stream has begun already: the error is its last event. */
static void end_stream(struct exchange *exchange, enum fw_err err, struct str message)
{
    struct buf event;
    struct json json;
    buf_init(&event, EVENT_TEXT_MAX);
    buf_add_text(&event, "data: ");
    json_init(&json, &event, false);
    json_object(&json);
    json_key(&json, "error");
    json_object(&json);
    json_key_str(&json, "message", message);
    json_key_text(&json, "type", "server_error");
    json_key_text(&json, "code", err_row(err)->name);
    json_object_end(&json);
    json_object_end(&json);
    buf_add_text(&event, "\n\n");
    exchange_write(exchange, buf_str(&event));
    buf_fini(&event);
    exchange_end(exchange);
}

void relay_error(struct relay *relay, enum fw_err err, int64_t retry_after_s, struct str message)
{
    struct exchange *exchange = relay->exchange;
    char extra[EXTRA_MAX] = "";
    bool early = relay->early;
    relay_unhold(relay);
    if (relay->route)
        snprintf(extra, sizeof extra,
                 "x-forewarm-resource: %s\r\nx-forewarm-state: %s\r\nx-forewarm-wait-ms: %lld\r\n",
                 relay->route->config->id, label_names[relay->label],
                 (long long)(relay->held_ns / TIME_MILLISECOND));
    relay_finish(relay, err);
    if (early)
        end_stream(exchange, err, message);
    else
        exchange_error_with(exchange, err, retry_after_s, message, str_of(extra));
}

void relay_fail(struct relay *relay, enum fw_err err, const char *reason)
{
    struct fw_detail detail;
    const char *id = relay->label == METRIC_FALLBACK ? "the fallback" : relay->route->config->id;
    err_set(&detail, err, "the upstream of %s failed: %s", id, reason);
    relay_error(relay, err, err_row(err)->http_status == 503 ? 1 : -1, str_of(detail.text));
}
