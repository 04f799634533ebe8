/* SPDX-License-Identifier: MIT */
#include "edge/pages/pages.h"
#include "base/check.h"
#include "edge/pages/page_visit.h"
#include "edge/wheel.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t pages_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

uint32_t pages_find(const struct config *config, struct str path)
{
    uint32_t found = TABLE_NONE;
    size_t longest = 0;
    for (uint32_t i = 0; i < config->prefetch_count; i++) {
        struct str rest = str_of(config->prefetch[i].paths), prefix;
        while (str_cut(&rest, ' ', &prefix)) {
            if (prefix.len <= longest || !str_starts(path, prefix))
                continue;
            longest = prefix.len;
            found = i;
        }
    }
    return found;
}

/* --- visits --- */

/* When the site's machine wants to be looked at again. */
static void set_timer(struct pages *pages, struct page_site *site)
{
    int64_t deadline_ns = page_site_deadline(site), now_ns = (int64_t)uv_hrtime();
    if (deadline_ns == TIME_NEVER)
        return;
    int64_t wait_ns = deadline_ns - now_ns;
    if (wait_ns < PAGE_TIMER_MIN_NS)
        wait_ns = PAGE_TIMER_MIN_NS;
    int64_t at_ns = time_add(server_now(pages->server), wait_ns);
    if (at_ns < pages->timer.deadline_ns)
        wheel_set(server_wheel(pages->server), &pages->timer, at_ns);
}

static struct page_visit *take_visit(struct pages *pages, struct exchange *exchange,
                                     uint32_t number)
{
    struct page_visit *visit = calloc(1, sizeof *visit);
    struct viewer_hold *hold = visit ? viewer_take(pages->viewer) : NULL;
    if (!hold) {
        free(visit);
        return NULL;
    }
    visit->pages = pages;
    visit->exchange = exchange;
    visit->hold = hold;
    visit->config = &hold->view->config->prefetch[number];
    visit->site = hold->view->pages[number];
    visit->waiter.inbox = &pages->inbox;
    visit->next = pages->visits;
    visit->link = &pages->visits;
    if (visit->next)
        visit->next->link = &visit->next;
    pages->visits = visit;
    exchange_set_context(exchange, visit);
    return visit;
}

void page_visit_end(struct page_visit *visit)
{
    if (visit->exchange)
        exchange_set_context(visit->exchange, NULL);
    page_object_drop(visit->object);
    page_object_drop(visit->waiter.object);
    viewer_give(visit->hold);
    *visit->link = visit->next;
    if (visit->next)
        visit->next->link = visit->link;
    free(visit);
}

void page_visit_fail(struct page_visit *visit, enum fw_err err, const char *reason)
{
    struct exchange *exchange = visit->exchange;
    struct fw_detail detail;
    struct buf lines;
    buf_init(&lines, 1024);
    err_set(&detail, err, "the upstream of %s failed: %s", visit->config->paths, reason);
    page_serve_labels((enum page_result)visit->result, &lines);
    page_visit_end(visit);
    exchange_error_with(exchange, err, err_row(err)->http_status == 503 ? 1 : -1,
                        str_of(detail.text), buf_str(&lines));
    buf_fini(&lines);
}

void page_visit_seen(struct page_visit *visit, int status, struct str lines)
{
    if (!visit->rules.get || visit->rules.prefetch)
        return;
    const struct page_seen seen = {
        .session = visit->session,
        .target = visit->target,
        .status = status,
        .wall_ns = pages_wall_ns(),
        .lines = lines,
        .request = &visit->rules,
    };
    page_site_seen(visit->site, &seen, (int64_t)uv_hrtime());
    pages_run_ahead(visit->pages, visit->hold, visit->config, visit->site);
}

static void refuse(struct page_visit *visit, enum fw_err err, int64_t retry_after_s,
                   const char *message)
{
    struct exchange *exchange = visit->exchange;
    page_visit_end(visit);
    exchange_error(exchange, err, retry_after_s, str_of(message));
}

static void decide(struct page_visit *visit)
{
    struct page_ask ask = {
        .request = &visit->rules,
        .target = visit->target,
        .session = visit->session,
        .now_ns = (int64_t)uv_hrtime(),
        .wall_ns = pages_wall_ns(),
        .waiter = &visit->waiter,
    };
    enum page_answer answer = page_site_ask(visit->site, &ask);
    visit->result = (uint8_t)ask.result;
    switch (answer) {
    case PAGE_SERVE:
        page_serve(visit, ask.object, ask.result);
        break;
    case PAGE_LOAD:
        page_fetch_begin(visit, &ask.load);
        break;
    case PAGE_JOIN:
        visit->state = PAGE_VISIT_WAITING;
        set_timer(visit->pages, visit->site); /* nobody waits for ever */
        break;
    case PAGE_ABSENT: /* RFC 9111, 5.2.1.7: 504 */
        refuse(visit, FW_TIMEOUT, -1, "only-if-cached: it is not kept here");
        break;
    case PAGE_BUSY:
        refuse(visit, FW_OVERLOADED, 1, "the upstream has enough to do without guesses");
        break;
    default:
        page_fetch_begin(visit, NULL);
    }
}

void pages_request(struct pages *pages, struct exchange *exchange, uint32_t number, bool strip)
{
    struct page_visit *visit = take_visit(pages, exchange, number);
    const struct server_request *request = exchange_request(exchange);
    if (!visit) {
        exchange_error(exchange, FW_NOMEM, 1, (struct str){0});
        return;
    }
    visit->began_ns = (int64_t)uv_hrtime();
    visit->strip = strip;
    visit->target = request->path;
    if (request->query.data)
        visit->target.len = (size_t)(request->query.data + request->query.len - visit->target.data);
    http_rules_read_request(&visit->rules, request, str_of(visit->config->ignore_cookies));
    if (strip)
        visit->rules.authorization = false;
    if (visit->rules.rerouted && !visit->config->trust_forwarded)
        visit->rules.cacheable = false;
    visit->session = page_session(visit->config, request);
    decide(visit);
}

void pages_gone(struct exchange *exchange)
{
    struct page_visit *visit = exchange_context(exchange);
    visit->exchange = NULL;
    if (visit->fetch) {
        struct page_fetch *fetch = visit->fetch;
        visit->fetch = NULL;
        fetch->visit = NULL;
        page_visit_end(visit);
        page_fetch_orphan(fetch);
        return;
    }
    if (visit->state == PAGE_VISIT_WAITING &&
        !page_site_leave(visit->site, &visit->waiter, (int64_t)uv_hrtime()))
        return; /* it is freed when the news of it come */
    page_visit_end(visit);
}

void pages_writable(struct exchange *exchange)
{
    struct page_visit *visit = exchange_context(exchange);
    if (visit->fetch)
        page_fetch_resume(visit->fetch);
    else if (visit->state == PAGE_VISIT_SERVING)
        page_serve_more(visit);
}

/* --- news from other threads' fetches --- */

static void hear(struct page_visit *visit)
{
    struct page_object *object = visit->waiter.object;
    visit->waiter.object = NULL;
    if (!visit->exchange || visit->pages->closing) {
        struct exchange *exchange = visit->exchange;
        page_object_drop(object);
        page_visit_end(visit);
        if (exchange)
            exchange_abort(exchange);
        return;
    }
    if (object &&
        http_rules_use(&visit->rules, &object->rules, pages_wall_ns()) == HTTP_RULES_SERVE &&
        page_object_selected(object, visit->rules.fields, visit->rules.field_count)) {
        page_serve(visit, object, (enum page_result)visit->result);
        return;
    }
    page_object_drop(object);
    visit->result = PAGE_RESULT_PASS;
    page_fetch_begin(visit, NULL);
}

static void drain(struct pages *pages)
{
    struct page_waiter *waiter;
    while ((waiter = page_inbox_take(&pages->inbox)) != NULL)
        hear((struct page_visit *)((char *)waiter - offsetof(struct page_visit, waiter)));
}

static void on_wake(uv_async_t *wake)
{
    drain(wake->data);
}

/* --- loads ahead --- */

void pages_run_ahead(struct pages *pages, struct viewer_hold *hold,
                     const struct config_prefetch *config, struct page_site *site)
{
    struct page_load load;
    if (pages->closing)
        return;
    while (page_site_next(site, &load, (int64_t)uv_hrtime()))
        page_fetch_ahead(pages, hold, config, site, &load);
    set_timer(pages, site);
}

static void on_timer(struct wheel_timer *timer, int64_t now_ns)
{
    struct pages *pages = (struct pages *)((char *)timer - offsetof(struct pages, timer));
    struct viewer_hold *hold = viewer_take(pages->viewer);
    (void)now_ns;
    if (!hold)
        return;
    const struct config *config = hold->view->config;
    for (uint32_t i = 0; i < config->prefetch_count; i++)
        pages_run_ahead(pages, hold, &config->prefetch[i], hold->view->pages[i]);
    viewer_give(hold);
}

/* --- the beginning and the end --- */

enum fw_err pages_create(struct pages **out, uv_loop_t *loop, struct server *server,
                         struct viewer *viewer, struct metrics_shard *metrics,
                         const struct upstream_limits *limits)
{
    struct pages *pages = calloc(1, sizeof *pages);
    *out = NULL;
    if (!pages)
        return FW_NOMEM;
    if (upstream_pool_create(&pages->pool, loop, server, limits, &page_fetch_events) != FW_OK) {
        free(pages);
        return FW_NOMEM;
    }
    pages->loop = loop;
    pages->server = server;
    pages->viewer = viewer;
    pages->metrics = metrics;
    pages->timer = (struct wheel_timer){.fire = on_timer, .deadline_ns = TIME_NEVER};
    CHECK(uv_async_init(loop, &pages->wake, on_wake) == 0);
    pages->wake.data = pages;
    page_inbox_init(&pages->inbox, &pages->wake);
    buf_init(&pages->scratch, PAGE_HEAD_MAX);
    *out = pages;
    return FW_OK;
}

void pages_set_limits(struct pages *pages, const struct upstream_limits *limits)
{
    upstream_pool_set_limits(pages->pool, limits);
}

void pages_close(struct pages *pages)
{
    pages->closing = true;
    wheel_cancel(server_wheel(pages->server), &pages->timer);
    while (pages->fetches)
        page_fetch_end(pages->fetches); /* NOLINT(clang-analyzer-unix.Malloc): it leaves the list */
    for (struct page_visit *visit = pages->visits, *next; visit; visit = next) {
        struct exchange *exchange = visit->exchange;
        next = visit->next;
        if (visit->state == PAGE_VISIT_WAITING && visit->waiter.inbox &&
            !page_site_leave(visit->site, &visit->waiter, (int64_t)uv_hrtime()))
            continue; /* in the box, which is emptied below */
        page_visit_end(visit);
        if (exchange)
            exchange_abort(exchange);
    }
    page_inbox_close(&pages->inbox);
    drain(pages);
    upstream_pool_destroy(&pages->pool);
    uv_close((uv_handle_t *)&pages->wake, NULL);
}

void pages_destroy(struct pages **out)
{
    struct pages *pages = *out;
    *out = NULL;
    if (!pages)
        return;
    buf_fini(&pages->scratch);
    pthread_mutex_destroy(&pages->inbox.lock);
    free(pages);
}
