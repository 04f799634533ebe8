/* SPDX-License-Identifier: MIT */
#include "base/check.h"
#include "edge/access.h"
#include "edge/log.h"
#include "edge/prefixes.h"
#include "edge/relay.h"
#include <stdlib.h>

enum { SCRATCH_MAX = 64 << 10 };

/* --- warm or cold --- */

/* Single flight and draining rest on this order: count first, then look (view.h). */
static void begin(struct relay *relay)
{
    CHECK(relay->route);
    struct slot *slot = relay->route->slot;
    struct prefixes *prefixes = atomic_load_explicit(&slot->prefixes, memory_order_acquire);
    if (prefixes)
        prefixes_request(prefixes, relay->session);
    relay->id = BUS_REQUEST_ID(relay->proxy->sender, ++relay->proxy->counter);
    atomic_fetch_add(&slot->in_flight, 1);
    if (!atomic_load(&slot->warm)) {
        atomic_fetch_sub(&slot->in_flight, 1);
        relay_hold(relay);
        return;
    }
    relay->in_flight = relay->in_use = true;
    relay->label = METRIC_WARM;
    relay_event(relay, EVENT_REQUEST, EVENT_SERVED);
    relay_forward(relay, &relay->route->config->upstream);
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

static void on_refused(void *context, enum server_refusal why)
{
    struct proxy *proxy = context;
    metrics_add(proxy->metrics, METRIC_REFUSED, 0, why, 1);
}

/* Clients with different options make the server load anew, turn by turn. */
static void note_options(struct relay *relay)
{
    CHECK(relay->route);
    const struct config_resource *config = relay->route->config;
    struct slot *slot = relay->route->slot;
    char text[OPTIONS_TEXT_MAX], before[OPTIONS_TEXT_MAX];
    struct str keys = options_keys(config);
    bool warn = false;
    if (keys.len == 0 || relay->model.body.len == 0)
        return;
    size_t len = options_read(keys, relay->model.body, relay->model.options, text);
    if (!options_note(&slot->options, (struct str){text, len}, relay_wall_ns(), &warn, before))
        return;
    metrics_add(relay->proxy->metrics, METRIC_OPTION_CONFLICTS, slot->resource, 0, 1);
    if (!warn)
        return;
    log_warn("clients send different options: its server loads anew at every change",
             LOG_TEXT("resource", config->id), LOG_STR("now", ((struct str){text, len})),
             LOG_TEXT("before", before),
             LOG_TEXT("next", "let them agree, or make a resource of its own for each"));
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

/* Is it for a page that is kept? Then it is dealt with elsewhere. */
static bool answer_page(struct proxy *proxy, struct exchange *exchange, const struct view *view,
                        const struct server_request *request, bool strip)
{
    const struct config *config = view->config;
    uint32_t number = config->prefetch_count > 0 ? pages_find(config, request->path) : TABLE_NONE;
    if (number == TABLE_NONE)
        return false;
    struct upstream_limits limits = upstream_limits(config);
    if (!proxy->pages && pages_create(&proxy->pages, proxy->loop, proxy->server, proxy->viewer,
                                      proxy->metrics, &limits) != FW_OK)
        exchange_error(exchange, FW_NOMEM, 1, (struct str){0});
    else
        pages_request(proxy->pages, exchange, number, strip);
    return true;
}

static void on_request(void *context, struct exchange *exchange,
                       const struct server_request *request)
{
    struct proxy *proxy = context;
    struct fw_detail detail;
    struct relay *relay;
    const struct view *view = viewer_look(proxy->viewer);
    bool strip;
    enum server_refusal why;
    if (proxy_answer_health(exchange, request))
        return;
    if (!access_admits(view->config, exchange, request, &strip, &why)) {
        on_refused(proxy, why);
        return;
    }
    if (proxy_answer_own(exchange, view, request) ||
        answer_page(proxy, exchange, view, request, strip))
        return;
    relay = relay_take(proxy);
    if (!relay) {
        exchange_error(exchange, FW_NOMEM, 1, (struct str){0});
        return;
    }
    relay->exchange = exchange;
    relay->strip = strip;
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
        relay_error(relay, err, err_row(err)->http_status == 503 ? 1 : -1, str_of(detail.text));
        return;
    }
    relay->session = session_of(request);
    note_options(relay);
    relay_hints_begin(relay);
    begin(relay);
}

/* A relay begins with its proxy and a visit with its pages: that tells them apart. */
static bool is_visit(const struct proxy *proxy, const struct relay *relay)
{
    return proxy->pages && relay->proxy != proxy;
}

static void on_gone(void *context, struct exchange *exchange)
{
    struct proxy *proxy = context;
    struct relay *relay = exchange_context(exchange);
    if (!relay)
        return;
    metrics_add(proxy->metrics, METRIC_CLIENT_GONE, 0, 0, 1);
    if (is_visit(proxy, relay)) {
        pages_gone(exchange);
        return;
    }
    if (relay->state == RELAY_HELD)
        relay_event(relay, EVENT_GONE, 0);
    relay_finish(relay, FW_CANCELLED);
}

static void on_writable(void *context, struct exchange *exchange)
{
    struct relay *relay = exchange_context(exchange);
    if (relay && is_visit(context, relay))
        pages_writable(exchange);
    else if (relay && relay->upstream && relay->state == RELAY_STREAMING)
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
        .refused = on_refused,
    };
}

/* --- the beginning and the end --- */

enum fw_err proxy_create(struct proxy **out, struct viewer *viewer, struct bus *bus,
                         unsigned sender, struct metrics_shard *metrics, struct runs *runs)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    *out = proxy;
    if (!proxy)
        return FW_NOMEM;
    proxy->viewer = viewer;
    proxy->bus = bus;
    proxy->sender = sender;
    proxy->metrics = metrics;
    proxy->runs = runs;
    map64_init(&proxy->held, RELAY_HELD_MAX);
    buf_init(&proxy->scratch, SCRATCH_MAX);
    return FW_OK;
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
    if (proxy->pages)
        pages_set_limits(proxy->pages, &limits);
}

void proxy_close(struct proxy *proxy)
{
    while (proxy->relays) {
        struct relay *relay = proxy->relays;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): finishing takes it off the list */
        struct exchange *exchange = relay->exchange;
        if (relay->state == RELAY_HELD)
            relay_event(relay, EVENT_GONE, 0);
        relay_finish(relay, FW_CLOSED);
        exchange_abort(exchange);
    }
    if (proxy->pages)
        pages_close(proxy->pages);
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
        relay_hints_free(relay);
        buf_fini(&relay->head);
        free(relay);
    }
    pages_destroy(&proxy->pages);
    map64_fini(&proxy->held);
    buf_fini(&proxy->scratch);
    free(proxy);
}
