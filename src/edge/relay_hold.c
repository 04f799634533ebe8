/* SPDX-License-Identifier: MIT
 * Requests whose resource is not warm: parked until the brain says what becomes of them. A client
 * that asked for a stream and for comments (X-Forewarm-Comments: yes, or hold_comments of the
 * resource) gets its 200 and a comment now and then while it waits. */
#include "base/check.h"
#include "edge/relay.h"

#define HOLD_GRACE_NS                                                                              \
    (10 * TIME_SECOND) /* the brain ends holds; this is for the case that it does not answer */
#define PING_FIRST_NS TIME_SECOND /* a short wait needs no sign of life, and keeps its status */
#define PING_GAP_NS   (5 * TIME_SECOND)

void relay_unhold(struct relay *relay)
{
    struct proxy *proxy = relay->proxy;
    if (relay->state != RELAY_HELD)
        return;
    map64_remove(&proxy->held, relay->id, NULL);
    wheel_cancel(server_wheel(proxy->server), &relay->timer);
    relay->held_ns += (int64_t)uv_hrtime() - relay->held_at_ns;
    relay->state = RELAY_ROUTING;
    metrics_move(proxy->metrics, METRIC_HELD, -1);
    metrics_observe(proxy->metrics, METRIC_COLD_WAIT, relay->held_ns);
}

static int64_t hold_limit_ns(const struct relay *relay)
{
    int64_t own = relay->route->config->engine.hold_timeout_ns;
    int64_t hold = own >= 0 ? own : relay->hold->view->config->engine.hold_timeout_ns;
    return time_add(hold, HOLD_GRACE_NS);
}

static void set_timer(struct relay *relay, int64_t ping_ns)
{
    struct server *server = relay->proxy->server;
    int64_t at = relay->hold_until_ns;
    if (relay->pings && server_now(server) + ping_ns < at)
        at = server_now(server) + ping_ns;
    wheel_set(server_wheel(server), &relay->timer, at);
}

static bool field_says(const struct relay *relay, const char *name, const char *value)
{
    struct str found = server_field_get(exchange_request(relay->exchange), name);
    return found.data && str_equal_nocase(found, str_of(value));
}

/* What the client says goes before what the resource says. 0: no comments. */
static int64_t first_comment_ns(const struct relay *relay)
{
    if (field_says(relay, "x-forewarm-comments", "yes"))
        return PING_FIRST_NS;
    if (field_says(relay, "x-forewarm-comments", "no"))
        return 0;
    return relay->route->config->hold_comments_ns;
}

static int64_t comment_gap_ns(const struct relay *relay)
{
    int64_t own_ns = relay->route->config->hold_comments_ns;
    return own_ns > 0 ? own_ns : PING_GAP_NS;
}

void relay_hold(struct relay *relay)
{
    struct proxy *proxy = relay->proxy;
    bool no_hold = field_says(relay, "x-forewarm-hold", "no");
    if (map64_set(&proxy->held, relay->id, (uint64_t)(uintptr_t)relay) != FW_OK) {
        relay_error(relay, FW_OVERLOADED, 1, STR("too many requests are waiting"));
        return;
    }
    relay->label = METRIC_COLD;
    relay->state = RELAY_HELD;
    relay->held_at_ns = (int64_t)uv_hrtime();
    relay->hold_until_ns = time_add(server_now(proxy->server), hold_limit_ns(relay));
    relay->pings = relay->model.stream && first_comment_ns(relay) > 0;
    metrics_move(proxy->metrics, METRIC_HELD, 1);
    set_timer(relay, first_comment_ns(relay));
    relay_event(relay, EVENT_REQUEST,
                (no_hold ? EVENT_NO_HOLD : 0u) | (relay->again ? EVENT_AGAIN : 0u));
}

/* ": waiting: qwen is being made ready, about 8 s left, 40 %": what was learned of its loads. */
static void write_comment(const struct relay *relay, struct buf *text)
{
    const struct slot *slot = relay->route->slot;
    int64_t now_ns = (int64_t)uv_hrtime();
    int64_t begun_ns = atomic_load(&slot->warmup_at_ns), ready_ns = atomic_load(&slot->ready_at_ns);
    buf_printf(text, ": waiting: %s is being made ready", relay->route->config->id);
    if (begun_ns > 0 && now_ns >= begun_ns && ready_ns > now_ns)
        buf_printf(text, ", about %lld s left, %d %%",
                   (long long)((ready_ns - now_ns + TIME_SECOND - 1) / TIME_SECOND),
                   (int)(100.0 * (double)(now_ns - begun_ns) / (double)(ready_ns - begun_ns)));
    buf_add_text(text, "\n\n");
}

/* The head of the stream, once, and a comment, which every reader of events skips. */
static void ping(struct relay *relay)
{
    struct buf text;
    buf_init(&text, 2048);
    if (!relay->early) {
        relay->early = true;
        buf_printf(&text,
                   "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\nx-forewarm-resource: %s\r\n"
                   "x-forewarm-state: cold\r\n",
                   relay->route->config->id);
        exchange_begin(relay->exchange, 200, "text/event-stream", buf_str(&text));
        buf_clear(&text);
    }
    write_comment(relay, &text);
    exchange_write(relay->exchange, buf_str(&text));
    buf_fini(&text);
}

void relay_on_timer(struct wheel_timer *timer, int64_t now_ns)
{
    struct relay *relay = (struct relay *)((char *)timer - offsetof(struct relay, timer));
    if (now_ns < relay->hold_until_ns) {
        ping(relay);
        set_timer(relay, comment_gap_ns(relay));
        return;
    }
    relay_event(relay, EVENT_GONE, 0);
    relay_error(relay, FW_MODEL_WARMING, 1,
                STR("the model did not become warm in the time a request may be held"));
}

void relay_lost(struct relay *relay, const char *reason)
{
    if (relay->label == METRIC_FALLBACK || relay->reissued) {
        if (!relay_hold_instead(relay))
            relay_fail(relay, FW_UNREACHABLE, reason);
        return;
    }
    relay_leave(relay, FW_UNREACHABLE);
    relay_event(relay, EVENT_LOST, 0);
    relay->reissued = true;
    relay->id = BUS_REQUEST_ID(relay->proxy->sender, ++relay->proxy->counter);
    relay_hold(relay);
}

/* --- what the brain says --- */

static void refuse(struct relay *relay, const struct action *action)
{
    enum fw_err err = action->status < FW_ERR_COUNT && action->status != FW_OK ? action->status
                                                                               : FW_MODEL_WARMING;
    int64_t retry_ns = action->numbers[0] > 0 ? action->numbers[0] : 0;
    int64_t retry_s = retry_ns / TIME_SECOND + (retry_ns % TIME_SECOND > 0);
    struct buf text;
    buf_init(&text, 1024);
    buf_printf(&text, "%s is not warm", relay->route->config->id);
    if (action->reason < REASON_COUNT && action->reason != REASON_NONE) {
        buf_add_text(&text, ": ");
        reason_describe(action->reason, action->numbers, NULL, NULL, &text);
    }
    relay_error(relay, err, err_row(err)->http_status == 503 ? (retry_s > 0 ? retry_s : 1) : -1,
                buf_str(&text));
    buf_fini(&text);
}

static void release(struct relay *relay)
{
    atomic_fetch_add(&relay->route->slot->in_flight, 1);
    relay->in_flight = relay->in_use = true;
    relay_forward(relay, &relay->route->config->upstream);
}

static void fall_back(struct relay *relay)
{
    const struct config_url *url = &relay->hold->view->config->fallback;
    relay->label = METRIC_FALLBACK;
    if (url->text[0])
        relay_forward(relay, url);
    else
        relay_error(relay, FW_MODEL_WARMING, 1,
                    STR("the model is not warm and there is no fallback"));
}

/* Its client left while the release was on its way: the brain counts it as running until it hears
 * this. */
static void end_at_once(struct proxy *proxy, const struct action *action)
{
    struct event event = {
        .at_ns = relay_wall_ns(),
        .kind = EVENT_END,
        .resource = action->resource,
        .request = action->request,
        .status = FW_CANCELLED,
    };
    bus_send_event(proxy->bus, proxy->sender, &event);
}

void proxy_action(struct proxy *proxy, const struct action *action)
{
    uint64_t found;
    if (!map64_get(&proxy->held, action->request, &found)) {
        if (action->kind == ACTION_RELEASE)
            end_at_once(proxy, action);
        return;
    }
    struct relay *relay = (struct relay *)(uintptr_t)found;
    relay_unhold(relay);
    switch (action->kind) {
    case ACTION_RELEASE:
        release(relay);
        break;
    case ACTION_FALLBACK:
        fall_back(relay);
        break;
    default:
        refuse(relay, action);
        break;
    }
}
