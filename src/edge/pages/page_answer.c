/* SPDX-License-Identifier: MIT
 * The upstream's answer: to the client as it comes, into the store once it is whole. What breaks
 * off is never kept. */
#include "base/check.h"
#include "edge/log.h"
#include "edge/pages/page_visit.h"

void page_answer_give_up(struct page_fetch *fetch, bool passes)
{
    fetch->collecting = false;
    buf_fini(&fetch->kept);
    if (!fetch->has_load)
        return;
    fetch->has_load = false;
    page_site_loaded(fetch->site, &fetch->load, NULL, passes, (int64_t)uv_hrtime());
    page_load_fini(&fetch->load);
}

/* The load's answer, a reference of which is the caller's too if it wants one. */
static void keep(struct page_fetch *fetch, struct page_object *object)
{
    if (!object) {
        page_answer_give_up(fetch, false);
    } else if (fetch->has_load) {
        fetch->has_load = false;
        page_site_loaded(fetch->site, &fetch->load, object, false, (int64_t)uv_hrtime());
        page_load_fini(&fetch->load);
    } else if (fetch->visit) {
        page_site_put(fetch->site, fetch->visit->target, object, (int64_t)uv_hrtime());
    } else {
        page_object_drop(object);
    }
}

static void release(struct page_fetch *fetch, bool reusable)
{
    if (fetch->upstream)
        upstream_release(fetch->upstream, reusable);
    fetch->upstream = NULL;
}

/* --- failing --- */

/* What is kept stands in for it, if that may be (RFC 5861). */
static bool serve_stale(struct page_fetch *fetch)
{
    struct page_visit *visit = fetch->visit;
    struct page_object *base = fetch->has_load ? fetch->load.base : NULL;
    if (!base || !visit || !http_rules_on_error(&visit->rules, &base->rules, pages_wall_ns()))
        return false;
    (void)page_object_keep(base);
    release(fetch, false);
    page_fetch_end(fetch); /* base stays with the site */
    page_serve(visit, base, PAGE_RESULT_STALE);
    return true;
}

void page_answer_fail(struct page_fetch *fetch, enum fw_err err, const char *reason)
{
    struct page_visit *visit = fetch->visit;
    bool streaming = fetch->streaming;
    if (!streaming && serve_stale(fetch))
        return;
    if (!visit)
        log_debug("a page was not fetched ahead",
                  LOG_TEXT("upstream", fetch->config->upstream.text), LOG_TEXT("reason", reason));
    page_fetch_end(fetch);
    if (!visit)
        return;
    if (!streaming) {
        page_visit_fail(visit, err, reason);
        return;
    }
    struct exchange *exchange = visit->exchange;
    page_visit_end(visit);
    exchange_abort(exchange);
}

/* --- the body --- */

static void send_chunk(struct exchange *exchange, const char *data, size_t len)
{
    static char crlf[] = "\r\n";
    char size[20];
    int at = sizeof size;
    size[--at] = '\n';
    size[--at] = '\r';
    for (size_t left = len; left > 0; left >>= 4)
        size[--at] = "0123456789abcdef"[left & 15];
    uv_buf_t pieces[3] = {uv_buf_init(size + at, (unsigned)(sizeof size - (size_t)at)),
                          {.base = (char *)(uintptr_t)data, .len = len},
                          uv_buf_init(crlf, 2)};
    exchange_relay(exchange, pieces, 3);
}

/* A de-chunked piece. */
static void on_body(void *context, const char *data, size_t len)
{
    struct page_fetch *fetch = context;
    if (len == 0)
        return;
    if (fetch->collecting) {
        buf_add(&fetch->kept, data, len);
        if (fetch->kept.failed)
            page_answer_give_up(fetch, true); /* larger than object_max */
    }
    if (!fetch->visit)
        return;
    if (fetch->framing == REWRITE_CHUNK) {
        send_chunk(fetch->visit->exchange, data, len);
    } else {
        uv_buf_t piece = {.base = (char *)(uintptr_t)data, .len = len};
        exchange_relay(fetch->visit->exchange, &piece, 1);
    }
}

static struct head read_again(struct page_fetch *fetch)
{
    struct head head = {.fields = fetch->pages->fields};
    const char *why;
    CHECK(head_read_response(&head, fetch->answer.data, fetch->answer_len, &why) == FW_OK);
    return head;
}

/* The fields our request left with. */
static uint32_t asked_fields(struct page_fetch *fetch, struct server_field *fields)
{
    struct str rest = buf_str(&fetch->head), line;
    uint32_t count = 0;
    (void)str_cut(&rest, '\n', &line);
    while (count < SERVER_FIELDS_MAX && rest.len > 2 && http_rules_line(&rest, &fields[count]))
        count++;
    return count;
}

/* Whole: it is kept, and the client has all of it. */
static void complete(struct page_fetch *fetch)
{
    static char last[] = "0\r\n\r\n";
    struct page_visit *visit = fetch->visit;
    bool reusable = fetch->sent == fetch->total && !fetch->close_upstream && !fetch->extra &&
                    !fetch->response.until_eof;
    release(fetch, reusable);
    if (fetch->collecting) {
        struct server_field asked[SERVER_FIELDS_MAX];
        struct head head = read_again(fetch);
        fetch->collecting = false;
        keep(fetch, page_object_create(&head, &fetch->said, buf_str(&fetch->kept), asked,
                                       asked_fields(fetch, asked)));
    }
    uint8_t framing = fetch->framing;
    page_fetch_end(fetch);
    if (!visit)
        return;
    struct exchange *exchange = visit->exchange;
    uv_buf_t piece = uv_buf_init(last, sizeof last - 1);
    if (framing == REWRITE_CHUNK)
        exchange_relay(exchange, &piece, 1);
    page_visit_end(visit);
    exchange_end(exchange);
}

static void feed(struct page_fetch *fetch, const char *data, size_t len)
{
    size_t used = 0;
    enum fw_err err = http_response_feed(&fetch->response, data, len, &used);
    if (err != FW_OK) {
        release(fetch, false);
        page_answer_fail(fetch, FW_UPSTREAM, "its answer is malformed");
        return;
    }
    fetch->extra |= used < len;
    if (fetch->response.complete) {
        complete(fetch);
        return;
    }
    if (!fetch->visit && !fetch->has_load) { /* nobody has any use of the rest */
        release(fetch, false);
        page_fetch_end(fetch);
    } else if (fetch->visit && fetch->upstream &&
               exchange_queued(fetch->visit->exchange) > SERVER_QUEUE_HIGH) {
        upstream_pause(fetch->upstream);
    }
}

bool page_answer_ended(struct page_fetch *fetch)
{
    if (!http_response_finish(&fetch->response))
        return false;
    complete(fetch);
    return true;
}

/* --- the head --- */

static enum rewrite_body choose_framing(const struct page_fetch *fetch, const struct head *head)
{
    bool http_1_0 = exchange_request(fetch->visit->exchange)->http_1_0;
    if (fetch->response.no_body)
        return REWRITE_NONE;
    if (head->chunked || fetch->response.until_eof)
        return http_1_0 ? REWRITE_CLOSE : REWRITE_CHUNK;
    return REWRITE_LENGTH;
}

/* The client's part of the answer begins. False: it could not be written. */
static bool begin_client(struct page_fetch *fetch, const struct head *head)
{
    struct page_visit *visit = fetch->visit;
    struct exchange *exchange = visit->exchange;
    struct buf *out = &fetch->pages->scratch, labels;
    fetch->framing = (uint8_t)choose_framing(fetch, head);
    bool by_close = fetch->framing == REWRITE_CLOSE;
    buf_init(&labels, 1024);
    page_serve_labels((enum page_result)visit->result, &labels);
    const struct rewrite_response rewrite = {
        .head = head,
        .body = fetch->framing,
        .keep_alive = exchange_keep_alive(exchange) && !by_close,
        .http_1_0 = exchange_request(exchange)->http_1_0,
        .extra = buf_str(&labels),
    };
    buf_clear(out);
    rewrite_response(&rewrite, out);
    buf_fini(&labels);
    if (out->failed)
        return false;
    uv_buf_t piece = uv_buf_init(out->data, (unsigned)out->len);
    exchange_relay_begin(exchange, head->status, rewrite.keep_alive, by_close);
    exchange_relay(exchange, &piece, 1);
    page_site_count(fetch->site, (enum page_result)visit->result);
    metrics_observe(fetch->pages->metrics, METRIC_PROXY, (int64_t)uv_hrtime() - visit->began_ns);
    return true;
}

/* What is kept of the page holds: the answer to our question whether it does. */
static void still_holds(struct page_fetch *fetch, const struct head *head)
{
    struct page_visit *visit = fetch->visit;
    struct page_object *object =
        page_object_freshen(fetch->load.base, head, fetch->requested_ns, pages_wall_ns());
    release(fetch, !fetch->close_upstream && fetch->sent == fetch->total && !fetch->extra);
    if (!object) {
        page_answer_fail(fetch, FW_NOMEM, "there is no memory for its answer");
        return;
    }
    if (visit)
        (void)page_object_keep(object);
    keep(fetch, object);
    page_fetch_end(fetch);
    if (visit)
        page_serve(visit, object, PAGE_RESULT_REVALIDATED);
}

/* May it be kept? `passes`: not even for a client without credentials, nor by its size. */
static bool is_kept(struct page_fetch *fetch, const struct head *head, bool *passes)
{
    const struct http_rules_request *asked = &fetch->rules;
    const struct http_rules_request anybody = {.get = true, .cacheable = true};
    bool personal = asked->cookie || asked->authorization;
    bool by_itself = fetch->visit && (asked->prefetch || personal);
    fetch->said.assumed_ns = fetch->config->assume_fresh_ns;
    http_rules_read_response(&fetch->said, head, fetch->requested_ns, pages_wall_ns());
    *passes = head->status < 500 &&
              (http_rules_not_stored(&anybody, &fetch->said) != NULL ||
               (head->has_length && head->content_length > fetch->config->object_max));
    return (fetch->has_load || by_itself) && !*passes &&
           !http_rules_not_stored(asked, &fetch->said);
}

static void learn(struct page_fetch *fetch, const struct head *head)
{
    struct buf lines;
    struct page_visit *visit = fetch->visit;
    buf_init(&lines, PAGE_HEAD_MAX);
    http_rules_lines(head, &lines);
    if (!lines.failed)
        page_visit_seen(visit, head->status, buf_str(&lines));
    buf_fini(&lines);
}

/* The final head has come; `data` is what came behind it. */
static void begin(struct page_fetch *fetch, const struct head *head, const char *data, size_t len)
{
    struct page_visit *visit = fetch->visit;
    fetch->close_upstream = head->close || (head->http_1_0 && !head->keep_alive);
    fetch->extra = false;
    if (head->status == 304 && fetch->has_load && fetch->load.base) {
        fetch->extra = len > 0;
        still_holds(fetch, head);
        return;
    }
    if (head->status >= 500 && serve_stale(fetch))
        return;
    bool passes;
    fetch->collecting = is_kept(fetch, head, &passes);
    if (!fetch->collecting)
        page_answer_give_up(fetch, passes);
    if (visit && http_rules_invalidates(exchange_request(visit->exchange)->method, head->status))
        page_site_invalidate(fetch->site, visit->target, pages_wall_ns());
    if (!visit && !fetch->has_load) {
        release(fetch, false);
        page_fetch_end(fetch);
        return;
    }
    if (visit && !begin_client(fetch, head)) {
        release(fetch, false);
        page_answer_fail(fetch, FW_UPSTREAM, "its answer's head is too large");
        return;
    }
    fetch->streaming = true;
    if (visit)
        learn(fetch, head);
    feed(fetch, data, len);
}

/* Returns how many bytes were an interim answer (1xx) to be skipped; 0: everything is dealt with.
 */
static size_t read_head(struct page_fetch *fetch, size_t head_len)
{
    struct head head = {.fields = fetch->pages->fields};
    const char *why = "its answer is malformed";
    enum fw_err err = head_read_response(&head, fetch->answer.data, head_len, &why);
    if (err == FW_OK && head.status == 101)
        err = FW_UPSTREAM;
    if (err == FW_OK && head.status < 200)
        return head_len;
    fetch->response.context = fetch;
    fetch->response.body = on_body;
    fetch->answer_len = head_len;
    http_response_init(&fetch->response, fetch->answers_head);
    if (err == FW_OK)
        err = http_response_head(&fetch->response, &head, fetch->answer.data, head_len);
    if (err != FW_OK) {
        release(fetch, false);
        page_answer_fail(fetch, FW_UPSTREAM, why);
        return 0;
    }
    /* What came behind the head is read from a copy: the answer may be over, and its memory gone,
     * before all of it is looked at. */
    struct str behind = {fetch->answer.data + head_len, fetch->answer.len - head_len};
    struct buf rest;
    buf_init(&rest, PAGE_HEAD_MAX);
    buf_add_str(&rest, behind);
    if (rest.failed) {
        release(fetch, false);
        page_answer_fail(fetch, FW_NOMEM, "there is no memory for its answer");
    } else {
        begin(fetch, &head, rest.data ? rest.data : "", rest.len);
    }
    buf_fini(&rest);
    return 0;
}

void page_answer_data(struct page_fetch *fetch, const char *data, size_t len)
{
    size_t at = 0;
    if (fetch->streaming) {
        feed(fetch, data, len);
        return;
    }
    buf_add(&fetch->answer, data, len);
    if (fetch->answer.failed) {
        release(fetch, false);
        page_answer_fail(fetch, FW_UPSTREAM, "its answer's head is larger than 32 KiB");
        return;
    }
    for (;;) {
        enum head_find found = head_find_end(fetch->answer.data, fetch->answer.len, &at);
        if (found == HEAD_BAD || (found == HEAD_MORE && fetch->answer.len > SERVER_HEAD_MAX)) {
            release(fetch, false);
            page_answer_fail(fetch, FW_UPSTREAM,
                             "its answer's head is malformed or larger than 32 KiB");
            return;
        }
        if (found == HEAD_MORE)
            return;
        size_t interim = read_head(fetch, at);
        if (interim == 0)
            return;
        buf_remove_front(&fetch->answer, interim);
        at = 0;
        if (fetch->answer.len == 0)
            return;
    }
}
