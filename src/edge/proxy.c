/* SPDX-License-Identifier: MIT */
#include "base/check.h"
#include "base/json.h"
#include "edge/relay.h"
#include <stdlib.h>
#include <time.h>

enum { SCRATCH_MAX = 64 << 10, PAGE_MAX = 64 << 20, HOLD_GRACE_S = 10 };

/* --- memory --- */

static void on_hold_deadline(struct wheel_timer *timer, int64_t now_ns);

static struct relay *relay_take(struct proxy *proxy)
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
        relay->timer.fire = on_hold_deadline;
        relay->timer.deadline_ns = TIME_NEVER;
    }
    relay->exchange = NULL;
    relay->hold = NULL;
    relay->route = NULL;
    relay->upstream = NULL;
    relay->id = relay->session = 0;
    relay->held_at_ns = relay->held_ns = relay->sent_ns = 0;
    relay->state = RELAY_ROUTING;
    relay->label = METRIC_WARM;
    relay->in_use = relay->in_flight = relay->retried = relay->reissued = relay->heard =
        relay->extra = false;
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
        buf_fini(&relay->head);
        free(relay);
        return;
    }
    relay->next = proxy->free_relays;
    proxy->free_relays = relay;
    proxy->free_count++;
}

/* --- events --- */

static int64_t wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

static void send_event(struct relay *relay, uint32_t kind, uint32_t flags)
{
    struct event event = {
        .at_ns = wall_ns(),
        .kind = kind,
        .resource = relay->route->slot->resource,
        .request = kind == EVENT_LOST ? 0 : relay->id,
        .session = kind == EVENT_REQUEST ? relay->session : 0,
        .flags = flags,
    };
    bus_send_event(relay->proxy->bus, relay->proxy->sender, &event);
}

static void send_end(struct relay *relay, enum fw_err status)
{
    struct event event = {
        .at_ns = wall_ns(),
        .kind = EVENT_END,
        .resource = relay->route->slot->resource,
        .request = relay->id,
        .duration_ns = relay->sent_ns > 0 ? (int64_t)uv_hrtime() - relay->sent_ns : 0,
        .value = (uint64_t)relay->held_ns,
        .status = status,
    };
    bus_send_event(relay->proxy->bus, relay->proxy->sender, &event);
}

/* The request is no longer the resource's: the slot and the brain are told. */
static void leave_resource(struct relay *relay, enum fw_err status)
{
    if (relay->in_flight)
        atomic_fetch_sub(&relay->route->slot->in_flight, 1);
    relay->in_flight = false;
    if (relay->in_use)
        send_end(relay, status);
    relay->in_use = false;
}

static void stop_holding(struct relay *relay)
{
    if (relay->state != RELAY_HELD)
        return;
    map64_remove(&relay->proxy->held, relay->id, NULL);
    wheel_cancel(server_wheel(relay->proxy->server), &relay->timer);
    relay->held_ns += (int64_t)uv_hrtime() - relay->held_at_ns;
    relay->state = RELAY_ROUTING;
    metrics_move(relay->proxy->metrics, METRIC_HELD, -1);
    metrics_observe(relay->proxy->metrics, METRIC_COLD_WAIT, relay->held_ns);
}

void relay_finish(struct relay *relay, enum fw_err status)
{
    stop_holding(relay);
    if (relay->upstream)
        upstream_release(relay->upstream, false);
    relay->upstream = NULL;
    if (relay->route)
        leave_resource(relay, status);
    exchange_set_context(relay->exchange, NULL);
    relay_give(relay);
}

static void answer_error(struct relay *relay, enum fw_err err, int64_t retry_after_s,
                         struct str message)
{
    struct exchange *exchange = relay->exchange;
    relay_finish(relay, err);
    exchange_error(exchange, err, retry_after_s, message);
}

void relay_fail(struct relay *relay, enum fw_err err, const char *reason)
{
    struct fw_detail detail;
    const char *id = relay->label == METRIC_FALLBACK ? "the fallback" : relay->route->config->id;
    err_set(&detail, err, "the upstream of %s failed: %s", id, reason);
    answer_error(relay, err, err_row(err)->http_status == 503 ? 1 : -1, str_of(detail.text));
}

/* --- warm or cold --- */

static void begin_cold(struct relay *relay);

/* Single flight and draining rest on this order: count first, then look (view.h). */
static void begin(struct relay *relay)
{
    CHECK(relay->route);
    struct slot *slot = relay->route->slot;
    relay->id = BUS_REQUEST_ID(relay->proxy->sender, ++relay->proxy->counter);
    atomic_fetch_add(&slot->in_flight, 1);
    if (!atomic_load(&slot->warm)) {
        atomic_fetch_sub(&slot->in_flight, 1);
        begin_cold(relay);
        return;
    }
    relay->in_flight = relay->in_use = true;
    relay->label = METRIC_WARM;
    send_event(relay, EVENT_REQUEST, EVENT_SERVED);
    relay_forward(relay, &relay->route->config->upstream);
}

/* The brain ends holds; this is for the case that it does not answer at all. */
static int64_t hold_limit_ns(const struct relay *relay)
{
    int64_t own = relay->route->config->engine.hold_timeout_ns;
    int64_t hold = own >= 0 ? own : relay->hold->view->config->engine.hold_timeout_ns;
    return time_add(hold, HOLD_GRACE_S * TIME_SECOND);
}

static void begin_cold(struct relay *relay)
{
    struct proxy *proxy = relay->proxy;
    struct str hold = server_field_get(exchange_request(relay->exchange), "x-forewarm-hold");
    bool no_hold = hold.data && str_equal_nocase(hold, STR("no"));
    if (map64_set(&proxy->held, relay->id, (uint64_t)(uintptr_t)relay) != FW_OK) {
        answer_error(relay, FW_OVERLOADED, 1, STR("too many requests are waiting"));
        return;
    }
    relay->label = METRIC_COLD;
    relay->state = RELAY_HELD;
    relay->held_at_ns = (int64_t)uv_hrtime();
    metrics_move(proxy->metrics, METRIC_HELD, 1);
    wheel_set(server_wheel(proxy->server), &relay->timer,
              time_add(server_now(proxy->server), hold_limit_ns(relay)));
    send_event(relay, EVENT_REQUEST, no_hold ? EVENT_NO_HOLD : 0);
}

static void on_hold_deadline(struct wheel_timer *timer, int64_t now_ns)
{
    struct relay *relay = (struct relay *)((char *)timer - offsetof(struct relay, timer));
    (void)now_ns;
    send_event(relay, EVENT_GONE, 0);
    answer_error(relay, FW_MODEL_WARMING, 1,
                 STR("the model did not become warm in the time a request may be held"));
}

void relay_lost(struct relay *relay, const char *reason)
{
    if (relay->label == METRIC_FALLBACK || relay->reissued) {
        relay_fail(relay, FW_UNREACHABLE, reason);
        return;
    }
    leave_resource(relay, FW_UNREACHABLE);
    send_event(relay, EVENT_LOST, 0);
    relay->reissued = true;
    relay->id = BUS_REQUEST_ID(relay->proxy->sender, ++relay->proxy->counter);
    begin_cold(relay);
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
        reason_describe(action->reason, action->numbers, &text);
    }
    answer_error(relay, err, err_row(err)->http_status == 503 ? (retry_s > 0 ? retry_s : 1) : -1,
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
        answer_error(relay, FW_MODEL_WARMING, 1,
                     STR("the model is not warm and there is no fallback"));
}

/* Its client left while the release was on its way: the brain counts it as running until it hears
 * this. */
static void end_at_once(struct proxy *proxy, const struct action *action)
{
    struct event event = {
        .at_ns = wall_ns(),
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
    stop_holding(relay);
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

/* --- pages of our own --- */

static void add_model(struct json *json, const struct config_resource *resource)
{
    json_object(json);
    json_key_text(json, "id", resource->id);
    json_key_text(json, "object", "model");
    json_key_int(json, "created", 0);
    json_key_text(json, "owned_by", "forewarm");
    json_object_end(json);
}

static void answer_models(struct exchange *exchange, const struct view *view)
{
    struct buf body;
    struct json json;
    buf_init(&body, PAGE_MAX);
    json_init(&json, &body, false);
    json_object(&json);
    json_key_text(&json, "object", "list");
    json_key(&json, "data");
    json_array(&json);
    for (uint32_t i = 0; i < view->route_count; i++)
        add_model(&json, view->routes[i].config);
    json_array_end(&json);
    json_object_end(&json);
    exchange_answer(exchange, 200, "application/json", (struct str){0}, buf_str(&body));
    buf_fini(&body);
}

static void answer_model(struct exchange *exchange, const struct view *view, struct str raw)
{
    char name[MODEL_NAME_MAX];
    size_t len;
    struct buf body;
    struct json json;
    const struct route *route = NULL;
    if (form_decode(raw, false, name, sizeof name, &len) == FORM_FOUND)
        route = view_find(view, (struct str){name, len});
    if (!route) {
        exchange_error(exchange, FW_MODEL_UNKNOWN, -1, (struct str){0});
        return;
    }
    buf_init(&body, PAGE_MAX);
    json_init(&json, &body, false);
    add_model(&json, route->config);
    exchange_answer(exchange, 200, "application/json", (struct str){0}, buf_str(&body));
    buf_fini(&body);
}

/* Health and lists are not use: they are answered here, load nothing and are not counted. */
static bool answer_own(struct exchange *exchange, const struct view *view,
                       const struct server_request *request)
{
    struct str models = STR("/v1/models");
    if (!str_equal(request->method, STR("GET")) && !str_equal(request->method, STR("HEAD")))
        return false;
    if (str_equal(request->path, STR("/health")) || str_equal(request->path, STR("/healthz"))) {
        exchange_answer(exchange, 200, "application/json", (struct str){0},
                        STR("{\"status\":\"ok\"}\n"));
        return true;
    }
    if (str_equal(request->path, models)) {
        answer_models(exchange, view);
        return true;
    }
    if (str_starts(request->path, STR("/v1/models/"))) {
        answer_model(
            exchange, view,
            (struct str){request->path.data + models.len + 1, request->path.len - models.len - 1});
        return true;
    }
    return false;
}

/* --- the handler --- */

static uint64_t session_of(const struct server_request *request)
{
    static const char *const names[] = {"x-forewarm-session", "x-session-id",
                                        "x-litellm-session-id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct str value = server_field_get(request, names[i]);
        if (value.len > 0) {
            uint64_t hash = str_hash(value.data, value.len, 0);
            return hash != 0 ? hash : 1;
        }
    }
    return 0;
}

static void on_request(void *context, struct exchange *exchange,
                       const struct server_request *request)
{
    struct proxy *proxy = context;
    struct fw_detail detail;
    struct relay *relay;
    if (answer_own(exchange, viewer_look(proxy->viewer), request))
        return;
    relay = relay_take(proxy);
    if (!relay) {
        exchange_error(exchange, FW_NOMEM, 1, (struct str){0});
        return;
    }
    relay->exchange = exchange;
    relay->complete_ns = (int64_t)uv_hrtime();
    relay->answers_head = str_equal(request->method, STR("HEAD"));
    exchange_set_context(exchange, relay);
    relay->hold = viewer_take(proxy->viewer);
    CHECK(relay->hold); /* viewer_look has made it */
    enum fw_err err = model_find(&relay->model, relay->hold->view, request, &detail);
    if (err == FW_OK) {
        relay->route = view_find(relay->hold->view, relay->model.name);
        if (!relay->route)
            err = err_set(&detail, FW_MODEL_UNKNOWN,
                          "there is no model \"%.*s\"; GET /v1/models lists them",
                          STR_ARG(relay->model.name));
        else if (relay->route->slot->resource == TABLE_NONE)
            err = err_set(&detail, FW_MODEL_WARMING, "the model is being set up");
    }
    if (err != FW_OK) {
        relay->route = NULL;
        answer_error(relay, err, err_row(err)->http_status == 503 ? 1 : -1, str_of(detail.text));
        return;
    }
    relay->session = session_of(request);
    begin(relay);
}

static void on_gone(void *context, struct exchange *exchange)
{
    struct proxy *proxy = context;
    struct relay *relay = exchange_context(exchange);
    if (!relay)
        return;
    metrics_add(proxy->metrics, METRIC_CLIENT_GONE, 0, 0, 1);
    if (relay->state == RELAY_HELD)
        send_event(relay, EVENT_GONE, 0);
    relay_finish(relay, FW_CANCELLED);
}

static void on_writable(void *context, struct exchange *exchange)
{
    struct relay *relay = exchange_context(exchange);
    (void)context;
    if (relay && relay->upstream && relay->state == RELAY_STREAMING)
        upstream_resume(relay->upstream);
}

static void on_answered(void *context, int status)
{
    struct proxy *proxy = context;
    unsigned class = (unsigned)(status / 100 - 1);
    metrics_add(proxy->metrics, METRIC_RESPONSES, 0, class < 5 ? class : 4, 1);
}

struct server_handler proxy_handler(struct proxy *proxy)
{
    return (struct server_handler){
        .context = proxy,
        .request = on_request,
        .gone = on_gone,
        .writable = on_writable,
        .answered = on_answered,
    };
}

/* --- the beginning and the end --- */

enum fw_err proxy_create(struct proxy **out, struct viewer *viewer, struct bus *bus,
                         unsigned sender, struct metrics_shard *metrics)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    *out = proxy;
    if (!proxy)
        return FW_NOMEM;
    proxy->viewer = viewer;
    proxy->bus = bus;
    proxy->sender = sender;
    proxy->metrics = metrics;
    map64_init(&proxy->held, RELAY_HELD_MAX);
    buf_init(&proxy->scratch, SCRATCH_MAX);
    return FW_OK;
}

static struct upstream_limits upstream_limits(const struct config *config)
{
    return (struct upstream_limits){
        .connect_timeout_ns = config->connect_timeout_ns,
        .first_byte_timeout_ns = config->first_byte_timeout_ns,
        .chunk_timeout_ns = config->chunk_timeout_ns,
        .idle_timeout_ns = config->idle_timeout_ns,
        .keep = config->upstream_connections,
    };
}

enum fw_err proxy_attach(struct proxy *proxy, uv_loop_t *loop, struct server *server)
{
    struct upstream_limits limits = upstream_limits(viewer_look(proxy->viewer)->config);
    proxy->loop = loop;
    proxy->server = server;
    return upstream_pool_create(&proxy->pool, loop, server, &limits, &relay_upstream_events);
}

void proxy_reconfigure(struct proxy *proxy, const struct config *config)
{
    struct upstream_limits limits = upstream_limits(config);
    upstream_pool_set_limits(proxy->pool, &limits);
}

void proxy_close(struct proxy *proxy)
{
    while (proxy->relays) {
        struct relay *relay = proxy->relays;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): finishing takes it off the list */
        struct exchange *exchange = relay->exchange;
        if (relay->state == RELAY_HELD)
            send_event(relay, EVENT_GONE, 0);
        relay_finish(relay, FW_CLOSED);
        exchange_abort(exchange);
    }
    upstream_pool_destroy(&proxy->pool);
}

void proxy_destroy(struct proxy **out)
{
    struct proxy *proxy = *out;
    *out = NULL;
    if (!proxy)
        return;
    while (proxy->free_relays) {
        struct relay *relay = proxy->free_relays;
        proxy->free_relays = relay->next;
        buf_fini(&relay->head);
        free(relay);
    }
    map64_fini(&proxy->held);
    buf_fini(&proxy->scratch);
    free(proxy);
}
