/* SPDX-License-Identifier: MIT
 * Requests of ours to a site's upstream: making them, sending them, ending them. */
#include "base/check.h"
#include "edge/pages/page_visit.h"
#include <stdlib.h>

/* --- the request --- */

/* A client's request leaves as it came, but for its own conditions where the answer is to be kept:
 * the whole of it is wanted then. */
static uint32_t wanted_fields(struct page_fetch *fetch, const struct server_request *request)
{
    struct server_field *fields = fetch->pages->fields;
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->field_count; i++) {
        struct str name = request->fields[i].name;
        if (fetch->has_load && (str_equal_nocase(name, STR("if-none-match")) ||
                                str_equal_nocase(name, STR("if-modified-since"))))
            continue;
        fields[count++] = request->fields[i];
    }
    return count;
}

static uint32_t own_fields(struct page_fetch *fetch)
{
    struct server_field *fields = fetch->pages->fields;
    struct str rest = buf_str(&fetch->load.lines);
    uint32_t count = 0;
    while (count < SERVER_FIELDS_MAX - 1 && http_rules_line(&rest, &fields[count]))
        count++;
    if (fetch->load.ahead) {
        fields[count].name = STR("Sec-Purpose");
        fields[count++].value = STR("prefetch");
    }
    return count;
}

static bool make_request(struct page_fetch *fetch)
{
    const struct page_visit *visit = fetch->visit;
    struct server_request request = {.method = STR("GET")};
    struct buf conditions;
    if (visit) {
        request = *exchange_request(visit->exchange);
        request.field_count = wanted_fields(fetch, &request);
        fetch->body = request.body;
    } else {
        request.field_count = own_fields(fetch);
    }
    request.fields = fetch->pages->fields;
    buf_init(&conditions, PAGE_HEAD_MAX);
    if (fetch->has_load && fetch->load.base)
        http_rules_conditions(fetch->load.base->lines, &conditions);
    const struct rewrite_request rewrite = {
        .request = &request,
        .prefix = str_of(fetch->config->upstream.prefix),
        .target = visit ? visit->target : page_load_target(&fetch->load),
        .host = endpoint_authority(fetch->endpoint),
        .content_length = fetch->body.len,
        .strip_authorization = visit && visit->strip,
        .extra = buf_str(&conditions),
    };
    buf_clear(&fetch->head);
    rewrite_request(&rewrite, &fetch->head);
    bool ok = !fetch->head.failed && !conditions.failed;
    buf_fini(&conditions);
    fetch->sent = 0;
    fetch->total = fetch->head.len + fetch->body.len;
    return ok;
}

/* Sends from where the last write ended. */
static void pump(struct page_fetch *fetch)
{
    const struct str parts[2] = {buf_str(&fetch->head), fetch->body};
    uv_buf_t pieces[2];
    unsigned count = 0;
    size_t skip = fetch->sent;
    for (int i = 0; i < 2; i++) {
        size_t cut = skip < parts[i].len ? skip : parts[i].len;
        skip -= cut;
        if (cut < parts[i].len)
            pieces[count++] = (uv_buf_t){.base = (char *)(uintptr_t)parts[i].data + cut,
                                         .len = parts[i].len - cut};
    }
    if (count > 0)
        fetch->sent += upstream_send(fetch->upstream, pieces, count);
    upstream_await(fetch->upstream);
}

static void open_upstream(struct page_fetch *fetch, bool fresh)
{
    fetch->heard = fetch->extra = false;
    fetch->sent = 0;
    buf_clear(&fetch->answer);
    fetch->answer.max = PAGE_HEAD_MAX;
    fetch->requested_ns = pages_wall_ns();
    upstream_take(fetch->pages->pool, fetch->endpoint, fetch, fresh, &fetch->upstream);
}

/* --- beginning and ending --- */

static struct page_fetch *take_fetch(struct pages *pages, struct viewer_hold *hold,
                                     const struct config_prefetch *config, struct page_site *site,
                                     struct page_load *load)
{
    struct page_fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;
    fetch->pages = pages;
    fetch->hold = hold;
    hold->count++; /* one more for the fetch, which may outlive the visit */
    fetch->config = config;
    fetch->site = site;
    fetch->has_load = load != NULL;
    if (load)
        fetch->load = *load;
    buf_init(&fetch->head, PAGE_HEAD_MAX);
    buf_init(&fetch->answer, PAGE_HEAD_MAX);
    buf_init(&fetch->kept, config->object_max);
    fetch->next = pages->fetches;
    fetch->link = &pages->fetches;
    if (fetch->next)
        fetch->next->link = &fetch->next;
    pages->fetches = fetch;
    return fetch;
}

static void begin(struct page_fetch *fetch)
{
    fetch->endpoint = upstream_endpoint(fetch->pages->pool, &fetch->config->upstream);
    if (!fetch->endpoint || !make_request(fetch)) {
        page_answer_fail(fetch, FW_NOMEM, "there is no memory for the request");
        return;
    }
    open_upstream(fetch, false);
}

void page_fetch_begin(struct page_visit *visit, struct page_load *load)
{
    struct page_fetch *fetch =
        take_fetch(visit->pages, visit->hold, visit->config, visit->site, load);
    if (!fetch) {
        if (load) {
            page_site_loaded(visit->site, load, NULL, false, (int64_t)uv_hrtime());
            page_load_fini(load);
        }
        page_visit_fail(visit, FW_NOMEM, "there is no memory for the request");
        return;
    }
    fetch->visit = visit;
    fetch->rules = visit->rules;
    fetch->rules.fields = NULL;
    fetch->rules.field_count = 0;
    fetch->answers_head = visit->rules.head;
    visit->fetch = fetch;
    visit->state = PAGE_VISIT_FETCHING;
    fetch->counted = !visit->rules.prefetch;
    if (fetch->counted)
        page_site_demand(visit->site, 1);
    begin(fetch);
}

void page_fetch_ahead(struct pages *pages, struct viewer_hold *hold,
                      const struct config_prefetch *config, struct page_site *site,
                      struct page_load *load)
{
    struct page_fetch *fetch = take_fetch(pages, hold, config, site, load);
    if (!fetch) {
        page_site_loaded(site, load, NULL, false, (int64_t)uv_hrtime());
        page_load_fini(load);
        return;
    }
    fetch->rules = (struct http_rules_request){.get = true, .cacheable = true, .prefetch = true};
    http_directives_init(&fetch->rules.directives);
    begin(fetch);
}

void page_fetch_end(struct page_fetch *fetch)
{
    struct pages *pages = fetch->pages;
    struct viewer_hold *hold = fetch->hold;
    const struct config_prefetch *config = fetch->config;
    struct page_site *site = fetch->site;
    bool counted = fetch->counted;
    if (fetch->upstream)
        upstream_release(fetch->upstream, false);
    page_answer_give_up(fetch, false);
    if (fetch->visit)
        fetch->visit->fetch = NULL;
    *fetch->link = fetch->next;
    if (fetch->next)
        fetch->next->link = fetch->link;
    buf_fini(&fetch->head);
    buf_fini(&fetch->answer);
    buf_fini(&fetch->kept);
    free(fetch);
    if (counted)
        page_site_demand(site, -1);
    pages_run_ahead(pages, hold, config, site);
    viewer_give(hold);
}

void page_fetch_orphan(struct page_fetch *fetch)
{
    bool wanted =
        fetch->has_load && fetch->sent == fetch->total && (!fetch->streaming || fetch->collecting);
    fetch->body = (struct str){0}; /* it was the exchange's */
    if (!wanted) {
        page_fetch_end(fetch);
        return;
    }
    fetch->total = fetch->sent = fetch->head.len;
    if (fetch->upstream && fetch->streaming)
        upstream_resume(fetch->upstream);
}

void page_fetch_resume(struct page_fetch *fetch)
{
    if (fetch->upstream && fetch->streaming)
        upstream_resume(fetch->upstream);
}

/* --- what the upstream's connection does --- */

static void on_open(void *owner, struct upstream *upstream)
{
    struct page_fetch *fetch = owner;
    fetch->upstream = upstream;
    pump(fetch);
}

static void on_writable(void *owner)
{
    struct page_fetch *fetch = owner;
    if (fetch->sent < fetch->total)
        pump(fetch);
}

static void on_failed(void *owner, enum fw_err err, const char *reason)
{
    struct page_fetch *fetch = owner;
    fetch->upstream = NULL;
    page_answer_fail(fetch, err, reason);
}

static void on_data(void *owner, const char *data, size_t len)
{
    struct page_fetch *fetch = owner;
    fetch->heard = true;
    page_answer_data(fetch, data, len);
}

static void on_closed(void *owner, enum fw_err err)
{
    struct page_fetch *fetch = owner;
    bool reused = upstream_reused(fetch->upstream);
    fetch->upstream = NULL;
    if (fetch->streaming && err == FW_OK && page_answer_ended(fetch))
        return;
    if (!fetch->heard && reused && !fetch->retried && err != FW_UPSTREAM_SLOW) {
        fetch->retried = true; /* it had died before our request reached it */
        open_upstream(fetch, true);
        return;
    }
    page_answer_fail(fetch, err == FW_UPSTREAM_SLOW ? err : FW_UPSTREAM,
                     err == FW_UPSTREAM_SLOW ? "it did not answer in time"
                     : fetch->heard ? "it closed the connection in the middle of its answer"
                                    : "it closed the connection without an answer");
}

const struct upstream_events page_fetch_events = {
    .open = on_open,
    .failed = on_failed,
    .data = on_data,
    .closed = on_closed,
    .writable = on_writable,
};
