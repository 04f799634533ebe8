/* SPDX-License-Identifier: MIT
 * Answers from the store: the kept head with its age, and the body in pieces as the client takes
 * them. */
#include "edge/pages/page_visit.h"

static void add_framing(struct page_visit *visit, const struct page_object *object, int status,
                        bool keep_alive, struct buf *out)
{
    if (status != 204 && status != 304)
        buf_printf(out, "Content-Length: %zu\r\n", object->body->len);
    if (!keep_alive)
        buf_add_text(out, "Connection: close\r\n");
    else if (exchange_request(visit->exchange)->http_1_0)
        buf_add_text(out, "Connection: keep-alive\r\n");
    buf_add_text(out, "\r\n");
}

void page_serve_labels(enum page_result result, struct buf *lines)
{
    const char *name = page_result_names[result];
    buf_printf(lines, "Server-Timing: forewarm;desc=\"%s\"\r\nx-forewarm-cache: %s\r\n", name,
               name);
}

static void write_head(struct page_visit *visit, int status, bool keep_alive, struct buf *out)
{
    const struct page_object *object = visit->object;
    int64_t age_s = http_rules_age_ns(&object->rules, pages_wall_ns()) / TIME_SECOND;
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, server_status_reason(status));
    buf_add_str(out, object->lines);
    buf_printf(out, "Age: %lld\r\n", (long long)(age_s > 0 ? age_s : 0));
    page_serve_labels((enum page_result)visit->result, out);
    add_framing(visit, object, status, keep_alive, out);
}

static void finish(struct page_visit *visit)
{
    struct exchange *exchange = visit->exchange;
    page_visit_end(visit);
    exchange_end(exchange);
}

/* As much as the client takes; the rest when it is writable again. */
static void send_body(struct page_visit *visit)
{
    const struct page_body *body = visit->object->body;
    while (visit->sent < body->len && exchange_queued(visit->exchange) <= SERVER_QUEUE_HIGH) {
        size_t len = body->len - visit->sent;
        if (len > PAGE_PIECE_BYTES)
            len = PAGE_PIECE_BYTES;
        uv_buf_t piece = {.base = (char *)(uintptr_t)body->data + visit->sent, .len = len};
        exchange_relay(visit->exchange, &piece, 1);
        visit->sent += len;
    }
}

void page_serve_more(struct page_visit *visit)
{
    send_body(visit);
    if (visit->sent >= visit->object->body->len)
        finish(visit);
}

/* The head and a body that goes with it at once. False: no memory. */
static bool begin(struct page_visit *visit, int status)
{
    struct exchange *exchange = visit->exchange;
    const struct page_body *body = visit->object->body;
    struct buf *head = &visit->pages->scratch;
    bool keep_alive = exchange_keep_alive(exchange);
    buf_clear(head);
    write_head(visit, status, keep_alive, head);
    if (head->failed)
        return false;
    if (status == 304 || visit->rules.head)
        visit->sent = body->len;
    size_t len = body->len - visit->sent;
    if (len > PAGE_PIECE_BYTES)
        len = PAGE_PIECE_BYTES;
    uv_buf_t pieces[2] = {uv_buf_init(head->data, (unsigned)head->len),
                          {.base = (char *)(uintptr_t)body->data + visit->sent, .len = len}};
    exchange_relay_begin(exchange, status, keep_alive, false);
    exchange_relay(exchange, pieces, len > 0 ? 2 : 1);
    visit->sent += len;
    return true;
}

void page_serve(struct page_visit *visit, struct page_object *object, enum page_result result)
{
    int status = object->rules.status;
    visit->object = object;
    visit->result = (uint8_t)result;
    visit->state = PAGE_VISIT_SERVING;
    visit->sent = 0;
    if (status == 200 && visit->rules.conditional &&
        http_rules_client_has(&visit->rules, object->lines, pages_wall_ns()))
        status = 304;
    if (!begin(visit, status)) {
        page_visit_fail(visit, FW_NOMEM, "there is no memory for its head");
        return;
    }
    page_site_count(visit->site, result);
    metrics_observe(visit->pages->metrics, METRIC_PROXY, (int64_t)uv_hrtime() - visit->began_ns);
    page_visit_seen(visit, object->rules.status, object->lines);
    page_serve_more(visit);
}
