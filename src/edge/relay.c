/* SPDX-License-Identifier: MIT */
#include "base/check.h"
#include "edge/access.h"
#include "edge/log.h"
#include "edge/relay.h"

enum { REQUEST_HEAD_MAX = 64 << 10, SMALL_BODY_BYTES = 4 << 10 };

/* --- the request --- */

/* The name the upstream knows the model by, if the client used another one. */
static struct str wanted_name(const struct relay *relay)
{
    const struct config_resource *resource = relay->route->config;
    struct str name = str_of(resource->upstream_model[0] ? resource->upstream_model : resource->id);
    bool replace = relay->model.raw.data && relay->label != METRIC_FALLBACK &&
                   !str_equal(name, relay->model.name);
    return replace ? name : (struct str){0};
}

static void add_piece(struct relay *relay, const char *data, size_t len)
{
    if (len == 0)
        return;
    CHECK(relay->piece_count < RELAY_PIECES_MAX);
    relay->pieces[relay->piece_count++] = (uv_buf_t){.base = (char *)(uintptr_t)data, .len = len};
    relay->total += len;
}

/* Path and query as they leave; a model in the query is replaced in `scratch`. */
static struct str outgoing_target(struct relay *relay, struct str spelled)
{
    const struct server_request *request = exchange_request(relay->exchange);
    struct str target = request->path;
    if (request->query.data)
        target.len = (size_t)(request->query.data + request->query.len - target.data);
    if (relay->model.place != MODEL_QUERY || spelled.len == 0)
        return target;
    struct buf *scratch = &relay->proxy->scratch;
    size_t before = (size_t)(relay->model.raw.data - target.data);
    buf_clear(scratch);
    buf_add(scratch, target.data, before);
    buf_add_str(scratch, spelled);
    buf_add(scratch, target.data + before + relay->model.raw.len,
            target.len - before - relay->model.raw.len);
    return buf_str(scratch);
}

/* What goes to the core is signed, anew for every attempt: a nonce is good for one. */
static bool sign(struct relay *relay, const struct rewrite_request *rewrite, struct str body,
                 struct buf *lines)
{
    const struct config *config = relay->hold->view->config;
    relay->is_signed =
        relay->label == METRIC_FALLBACK && config->access && config->access->edge_secret.len > 0;
    if (!relay->is_signed)
        return true;
    struct buf target;
    buf_init(&target, SERVER_HEAD_MAX + CONFIG_URL_MAX);
    buf_add_str(&target, rewrite->prefix);
    buf_add_str(&target, rewrite->target);
    const struct sign_message message = {rewrite->request->method, buf_str(&target),
                                         str_of(config->fallback_edge_id), body};
    bool ok = !target.failed &&
              sign_write(&message, &config->access->edge_secret, relay_wall_ns(), lines) == FW_OK;
    buf_fini(&target);
    return ok;
}

/* What changes in the body: an alias, and hints; in the order in which they stand there. */
static unsigned edits_of(struct relay *relay, struct str spelled, struct hint_edit edits[2])
{
    unsigned count = 0;
    struct str body = exchange_request(relay->exchange)->body, raw = relay->model.raw;
    if (spelled.len > 0 && relay->model.place != MODEL_QUERY)
        edits[count++] = (struct hint_edit){(size_t)(raw.data - body.data), raw.len, spelled};
    if (relay_hints_edit(relay, &edits[count]))
        count++;
    if (count == 2 && edits[1].at < edits[0].at) {
        struct hint_edit first = edits[1];
        edits[1] = edits[0];
        edits[0] = first;
    }
    return count;
}

/* The pieces of the body: what is replaced is left out, and what replaces it put between. */
static void add_body(struct relay *relay, const struct hint_edit *edits, unsigned count)
{
    struct str body = exchange_request(relay->exchange)->body;
    size_t from = 0;
    for (unsigned i = 0; i < count; i++) {
        add_piece(relay, body.data + from, edits[i].at - from);
        add_piece(relay, edits[i].text.data, edits[i].text.len);
        from = edits[i].at + edits[i].cut;
    }
    add_piece(relay, body.data + from, body.len - from);
}

/* Head and body as the pieces of one gathering write. */
static bool make_request(struct relay *relay)
{
    const struct config_url *url = relay->url;
    const struct server_request *request = exchange_request(relay->exchange);
    struct str name = wanted_name(relay), body = request->body, spelled = {0};
    struct hint_edit edits[2];
    if (name.data) {
        spelled = (struct str){relay->spelled, model_spell(&relay->model, name, relay->spelled,
                                                           sizeof relay->spelled)};
        if (spelled.len == 0)
            return false;
    }
    unsigned edit_count = edits_of(relay, spelled, edits);
    uint64_t length = body.len;
    for (unsigned i = 0; i < edit_count; i++)
        length += edits[i].text.len - edits[i].cut; /* may wrap, and comes back */
    struct buf lines;
    buf_init(&lines, SIGN_LINES_MAX + HINT_LINES_MAX);
    struct rewrite_request rewrite = {
        .request = request,
        .prefix = str_of(url->prefix),
        .target = outgoing_target(relay, spelled),
        .host = endpoint_authority(relay->endpoint),
        .content_length = length,
        .strip_authorization = relay->strip,
    };
    if (!sign(relay, &rewrite, body, &lines)) {
        buf_fini(&lines);
        return false;
    }
    relay_hints_head(relay, &rewrite, &lines);
    rewrite.extra = buf_str(&lines);
    buf_clear(&relay->head);
    relay->head.max = REQUEST_HEAD_MAX;
    rewrite_request(&rewrite, &relay->head);
    buf_fini(&lines);
    relay->piece_count = 0;
    relay->total = relay->sent = 0;
    add_piece(relay, relay->head.data, relay->head.len);
    if (edit_count > 0) {
        add_body(relay, edits, edit_count);
    } else if (body.len <= SMALL_BODY_BYTES) {
        /* Copying a little costs less than a second piece in the system call. */
        buf_add_str(&relay->head, body);
        relay->pieces[0] = uv_buf_init(relay->head.data, (unsigned)relay->head.len);
        relay->total = relay->head.len;
    } else {
        add_piece(relay, body.data, body.len);
    }
    return !relay->head.failed && !relay->proxy->scratch.failed;
}

/* Sends from where the last write ended. */
static void pump(struct relay *relay)
{
    uv_buf_t pieces[RELAY_PIECES_MAX];
    unsigned count = 0;
    size_t skip = relay->sent;
    for (unsigned i = 0; i < relay->piece_count; i++) {
        size_t cut = skip < relay->pieces[i].len ? skip : relay->pieces[i].len;
        skip -= cut;
        if (cut < relay->pieces[i].len)
            pieces[count++] =
                (uv_buf_t){.base = relay->pieces[i].base + cut, .len = relay->pieces[i].len - cut};
    }
    if (count > 0)
        relay->sent += upstream_send(relay->upstream, pieces, count);
    upstream_await(relay->upstream); /* also for one that does not take the request */
}

static void open_upstream(struct relay *relay, bool fresh)
{
    relay->state = RELAY_OPENING;
    relay->heard = relay->extra = false;
    relay->sent = 0;
    buf_clear(&relay->answer_head);
    upstream_take(relay->proxy->pool, relay->endpoint, relay, fresh, &relay->upstream);
}

void relay_forward(struct relay *relay, const struct config_url *url)
{
    struct proxy *proxy = relay->proxy;
    relay->url = url;
    relay->endpoint = upstream_endpoint(proxy->pool, url);
    if (!relay->endpoint || !make_request(relay)) {
        relay_fail(relay, FW_NOMEM, "there is no memory for the request");
        return;
    }
    relay->sent_ns = (int64_t)uv_hrtime();
    relay->beside = atomic_load_explicit(&relay->route->slot->in_flight, memory_order_relaxed);
    metrics_add(proxy->metrics, METRIC_REQUESTS, relay->route->slot->resource, relay->label, 1);
    open_upstream(relay, false);
}

static void on_open(void *owner, struct upstream *upstream)
{
    struct relay *relay = owner;
    relay->upstream = upstream;
    relay->state = RELAY_SENT;
    pump(relay);
}

static void on_writable(void *owner)
{
    struct relay *relay = owner;
    if (relay->sent < relay->total)
        pump(relay);
}

static void on_failed(void *owner, enum fw_err err, const char *reason)
{
    struct relay *relay = owner;
    relay->upstream = NULL;
    metrics_add(relay->proxy->metrics, METRIC_UPSTREAM_ERRORS, relay->route->slot->resource,
                METRIC_CONNECT, 1);
    if (err == FW_UNREACHABLE)
        relay_lost(relay, reason);
    else if (!relay_hold_instead(relay))
        relay_fail(relay, err, reason);
}

/* --- the end of the answer --- */

static void complete(struct relay *relay)
{
    struct exchange *exchange = relay->exchange;
    bool reusable = relay->sent == relay->total && !relay->close_upstream && !relay->extra &&
                    !relay->response.until_eof;
    if (relay->upstream)
        upstream_release(relay->upstream, reusable);
    relay->upstream = NULL;
    relay_finish(relay, FW_OK);
    exchange_end(exchange);
}

/* The upstream broke off or broke the rules in the middle: the client must be able to see it. */
static void cut(struct relay *relay, enum fw_err err)
{
    struct exchange *exchange = relay->exchange;
    bool slow = err == FW_UPSTREAM_SLOW;
    metrics_add(relay->proxy->metrics, METRIC_UPSTREAM_ERRORS, relay->route->slot->resource,
                slow ? METRIC_TIMEOUT : METRIC_BROKEN, 1);
    relay_finish(relay, err);
    exchange_abort(exchange);
}

static void broken(struct relay *relay, enum fw_err err, const char *reason)
{
    if (relay->state == RELAY_STREAMING) {
        cut(relay, err);
        return;
    }
    metrics_add(relay->proxy->metrics, METRIC_UPSTREAM_ERRORS, relay->route->slot->resource,
                err == FW_UPSTREAM_SLOW ? METRIC_TIMEOUT : METRIC_BROKEN, 1);
    if (!relay_hold_instead(relay))
        relay_fail(relay, err, reason);
}

static void on_closed(void *owner, enum fw_err err)
{
    static char last[] = "0\r\n\r\n";
    struct relay *relay = owner;
    bool reused = upstream_reused(relay->upstream);
    relay->upstream = NULL;
    if (relay->state == RELAY_STREAMING && err == FW_OK && http_response_finish(&relay->response)) {
        uv_buf_t piece = uv_buf_init(last, sizeof last - 1);
        if (relay->body == REWRITE_CHUNK)
            exchange_relay(relay->exchange, &piece, 1);
        complete(relay);
        return;
    }
    if (relay->state == RELAY_SENT && !relay->heard && reused && !relay->retried &&
        err != FW_UPSTREAM_SLOW) {
        relay->retried = true; /* it had died before our request reached it */
        if (relay->is_signed && !make_request(relay)) {
            relay_fail(relay, FW_NOMEM, "there is no memory for the request");
            return;
        }
        open_upstream(relay, true);
        return;
    }
    broken(relay, err == FW_UPSTREAM_SLOW ? err : FW_UPSTREAM,
           err == FW_UPSTREAM_SLOW ? "it did not answer in time"
           : relay->heard          ? "it closed the connection in the middle of its answer"
                                   : "it closed the connection without an answer");
}

/* --- the answer's body --- */

static void slow_down(struct relay *relay)
{
    if (relay->upstream && exchange_queued(relay->exchange) > SERVER_QUEUE_HIGH)
        upstream_pause(relay->upstream);
}

static void send_chunk(struct relay *relay, const char *data, size_t len)
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
    exchange_relay(relay->exchange, pieces, 3);
}

/* A de-chunked piece. */
static void on_body(void *context, const char *data, size_t len)
{
    struct relay *relay = context;
    uv_buf_t piece = {.base = (char *)(uintptr_t)data, .len = len};
    if (relay->hinted && relay->hints->call.run != 0)
        usage_feed(&relay->hints->usage, data, len);
    if (relay->body == REWRITE_DECHUNK)
        exchange_relay(relay->exchange, &piece, 1);
    else if (relay->body == REWRITE_CHUNK)
        send_chunk(relay, data, len);
    else if (relay->body == REWRITE_EVENTS)
        exchange_write(relay->exchange, (struct str){data, len});
}

/* Relays a part of the body, behind `head` if that has not left yet. */
static void relay_body(struct relay *relay, struct str head, const char *data, size_t len)
{
    uv_buf_t pieces[2] = {{.base = (char *)(uintptr_t)head.data, .len = head.len}};
    unsigned count = head.len > 0 ? 1 : 0;
    bool as_is = relay->body == REWRITE_LENGTH || relay->body == REWRITE_CHUNKED ||
                 relay->body == REWRITE_CLOSE;
    size_t used = 0;
    if (!as_is && count > 0) {
        exchange_relay(relay->exchange, pieces, count);
        count = 0;
    }
    enum fw_err err = http_response_feed(&relay->response, data, len, &used);
    if (err != FW_OK) {
        if (count > 0)
            exchange_relay(relay->exchange, pieces, count);
        upstream_release(relay->upstream, false);
        relay->upstream = NULL;
        cut(relay, FW_UPSTREAM);
        return;
    }
    relay->extra |= used < len;
    if (as_is && count > 0 && used <= SMALL_BODY_BYTES) {
        struct buf *scratch = &relay->proxy->scratch; /* where the head stands */
        buf_add(scratch, data, used);
        pieces[0] = uv_buf_init(scratch->data, (unsigned)scratch->len);
    } else if (as_is && used > 0)
        pieces[count++] = (uv_buf_t){.base = (char *)(uintptr_t)data, .len = used};
    if (count > 0)
        exchange_relay(relay->exchange, pieces, count);
    if (relay->response.complete)
        complete(relay);
    else
        slow_down(relay);
}

/* --- the answer's head --- */

static enum rewrite_body choose_body(const struct relay *relay, const struct head *head)
{
    bool http_1_0 = exchange_request(relay->exchange)->http_1_0;
    if (relay->response.no_body)
        return REWRITE_NONE;
    if (head->chunked)
        return http_1_0 ? REWRITE_DECHUNK : REWRITE_CHUNKED;
    if (relay->response.until_eof)
        return http_1_0 ? REWRITE_CLOSE : REWRITE_CHUNK;
    return REWRITE_LENGTH;
}

static void note_first_byte(struct relay *relay, int status)
{
    int64_t now = (int64_t)uv_hrtime();
    if (status == 200)
        relay_first_byte(relay, now);
    metrics_observe(relay->proxy->metrics, METRIC_PROXY, now - relay->complete_ns - relay->held_ns);
}

static void drop_upstream(struct relay *relay)
{
    upstream_release(relay->upstream, false);
    relay->upstream = NULL;
}

/* The client's stream has begun with comments: only events can follow. */
static void continue_stream(struct relay *relay, const struct head *head, const char *data,
                            size_t len)
{
    struct fw_detail detail;
    if (head->status != 200 || !rewrite_is_stream(head_get(head, "content-type"))) {
        err_set(&detail, FW_UPSTREAM, "the upstream answered %d instead of a stream", head->status);
        drop_upstream(relay);
        relay_error(relay, FW_UPSTREAM, -1, str_of(detail.text));
        return;
    }
    relay->body = REWRITE_EVENTS;
    relay->close_upstream = head->close || (head->http_1_0 && !head->keep_alive);
    relay->succeeded = true;
    relay->state = RELAY_STREAMING;
    relay_body(relay, (struct str){0}, data, len);
}

/* Our signature, not the client's request, is what the core did not like. */
static void core_refused(struct relay *relay, struct str reason)
{
    struct fw_detail detail;
    size_t len = reason.len < 40 ? reason.len : 40;
    err_set(&detail, FW_UPSTREAM, "the core refused our signature: %.*s", (int)len, reason.data);
    log_warn("the core refused a signature", LOG_STR("reason", ((struct str){reason.data, len})),
             LOG_TEXT("edge", relay->hold->view->config->fallback_edge_id));
    drop_upstream(relay);
    if (!relay_hold_instead(relay))
        relay_fail(relay, FW_UPSTREAM, detail.text);
}

/* The final head is read: writes ours and the body bytes that came with it. */
static void begin_answer(struct relay *relay, const struct head *head, const char *data, size_t len)
{
    struct exchange *exchange = relay->exchange;
    struct buf *scratch = &relay->proxy->scratch;
    struct str refused = head_get(head, SIGN_REFUSED);
    if (relay->is_signed && head->status == 401 && refused.data) {
        core_refused(relay, refused);
        return;
    }
    if (relay->early) {
        continue_stream(relay, head, data, len);
        return;
    }
    relay->body = (uint8_t)choose_body(relay, head);
    bool by_close = relay->body == REWRITE_DECHUNK || relay->body == REWRITE_CLOSE;
    struct rewrite_response rewrite = {
        .head = head,
        .body = relay->body,
        .keep_alive = exchange_keep_alive(exchange) && !by_close,
        .http_1_0 = exchange_request(exchange)->http_1_0,
        .resource = str_of(relay->route->config->id),
        .state = relay_label(relay),
        .wait_ms = relay->held_ns / TIME_MILLISECOND,
    };
    relay->close_upstream = head->close || (head->http_1_0 && !head->keep_alive);
    buf_clear(scratch);
    rewrite_response(&rewrite, scratch);
    if (scratch->failed) {
        drop_upstream(relay);
        broken(relay, FW_UPSTREAM, "its answer's head is too large");
        return;
    }
    note_first_byte(relay, head->status);
    relay->succeeded = head->status < 400;
    if (head->status < 400)
        relay_learn_begin(relay, (int64_t)uv_hrtime());
    relay->state = RELAY_STREAMING;
    exchange_relay_begin(exchange, head->status, rewrite.keep_alive, by_close);
    relay_body(relay, buf_str(scratch), data, len);
}

static void bad_answer(struct relay *relay, const char *why)
{
    drop_upstream(relay);
    broken(relay, FW_UPSTREAM, why);
}

/* `data` begins with a whole head of `head_len` bytes. Returns how many bytes were an interim
 * answer (1xx) to be skipped; 0: this was the final head, and everything is dealt with. */
static size_t read_head(struct relay *relay, const char *data, size_t head_len, size_t len)
{
    struct head head = {.fields = relay->proxy->fields};
    const char *why = "its answer is malformed";
    enum fw_err err = head_read_response(&head, data, head_len, &why);
    if (err == FW_OK && head.status == 101)
        err = FW_UPSTREAM;
    if (err == FW_OK && head.status < 200)
        return head_len;
    relay->response.context = relay;
    relay->response.body = on_body;
    http_response_init(&relay->response, relay->answers_head);
    if (err == FW_OK)
        err = http_response_head(&relay->response, &head, data, head_len);
    if (err != FW_OK)
        bad_answer(relay, why);
    else
        begin_answer(relay, &head, data + head_len, len - head_len);
    return 0;
}

/* The head comes in pieces: collected until it is whole. */
static void collect_head(struct relay *relay, const char *data, size_t len)
{
    struct buf *bytes = &relay->answer_head;
    size_t at = 0;
    bytes->max = SERVER_HEAD_MAX + (64 << 10);
    buf_add(bytes, data, len);
    if (bytes->failed) {
        bad_answer(relay, "its answer's head is larger than 32 KiB");
        return;
    }
    for (;;) {
        enum head_find found = head_find_end(bytes->data, bytes->len, &at);
        if (found == HEAD_BAD || (found == HEAD_MORE && bytes->len > SERVER_HEAD_MAX)) {
            bad_answer(relay, "its answer's head is malformed or larger than 32 KiB");
            return;
        }
        if (found == HEAD_MORE)
            return;
        struct buf whole = *bytes; /* the relay may be gone, or reused, when read_head returns */
        *bytes = (struct buf){0};
        size_t interim = read_head(relay, whole.data, at, whole.len);
        if (interim == 0) {
            buf_fini(&whole);
            return;
        }
        buf_remove_front(&whole, interim);
        *bytes = whole;
        at = 0;
        if (bytes->len == 0)
            return;
    }
}

static void on_data(void *owner, const char *data, size_t len)
{
    struct relay *relay = owner;
    relay->heard = true;
    if (relay->state == RELAY_STREAMING) {
        relay_body(relay, (struct str){0}, data, len);
        return;
    }
    while (relay->answer_head.len == 0) {
        size_t at = 0;
        enum head_find found = head_find_end(data, len, &at);
        if (found != HEAD_FOUND)
            break;
        size_t interim = read_head(relay, data, at, len);
        if (interim == 0)
            return;
        data += interim;
        len -= interim;
        if (len == 0)
            return;
    }
    collect_head(relay, data, len);
}

const struct upstream_events relay_upstream_events = {
    .open = on_open,
    .failed = on_failed,
    .data = on_data,
    .closed = on_closed,
    .writable = on_writable,
};
