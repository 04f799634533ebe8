/* SPDX-License-Identifier: MIT
 * From bytes to requests: finds heads, lets gate and parser judge them, collects bodies, hands
 * whole requests over. */
#include "base/check.h"
#include "edge/connection.h"
#include <stdlib.h>

struct exchange *exchange_take(struct server *server)
{
    struct exchange *exchange = server->free_exchanges;
    if (exchange) {
        server->free_exchanges = exchange->next_free;
        server->free_count--;
    } else {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange)
            return NULL;
        exchange->head.fields = exchange->fields;
    }
    buf_clear(&exchange->head_bytes);
    buf_clear(&exchange->body);
    exchange->head_bytes.max = SERVER_HEAD_MAX;
    exchange->body.max = server->limits.max_body;
    exchange->context = NULL;
    exchange->head_at = 0;
    exchange->started_ns = server_now(server);
    exchange->parked = 0;
    exchange->close = exchange->begun = exchange->chunked_answer = exchange->ends_by_close =
        exchange->no_body = exchange->line_skipped = false;
    exchange->request = (struct server_request){0};
    return exchange;
}

static void park_settle(struct server *server, uint64_t parked)
{
    server->parked -= parked;
    enum { SPARE = 2 << 20 };
    if (server->parked_reserved > server->parked + 2 * SPARE) {
        uint64_t back = server->parked_reserved - server->parked - SPARE;
        server->parked_reserved -= back;
        atomic_fetch_sub(server->limits.parked, back);
    }
}

/* The shared count is taken in steps, so that a request does not touch memory that all threads
 * write. */
bool exchange_park(struct server *server, struct exchange *exchange)
{
    uint64_t bytes = exchange->head_bytes.capacity + exchange->body.capacity;
    if (bytes <= exchange->parked)
        return true;
    uint64_t more = bytes - exchange->parked;
    if (server->parked + more > server->parked_reserved) {
        enum { STEP = 1 << 20 };
        uint64_t need = server->parked + more - server->parked_reserved;
        uint64_t room = server->limits.max_parked;
        uint64_t taken = atomic_load(server->limits.parked);
        uint64_t step = need;
        if (need < STEP && taken + STEP <= room)
            step = STEP;
        if (atomic_fetch_add(server->limits.parked, step) + step > room) {
            atomic_fetch_sub(server->limits.parked, step);
            return false;
        }
        server->parked_reserved += step;
    }
    server->parked += more;
    exchange->parked = bytes;
    return true;
}

static void trim(struct buf *buf)
{
    if (buf->capacity > CONNECTION_KEEP_BYTES)
        buf_fini(buf);
}

void exchange_give(struct server *server, struct exchange *exchange)
{
    park_settle(server, exchange->parked);
    exchange->connection = NULL;
    trim(&exchange->head_bytes);
    trim(&exchange->body);
    if (server->free_count >= CONNECTION_FREE_MAX) {
        buf_fini(&exchange->head_bytes);
        buf_fini(&exchange->body);
        free(exchange);
        return;
    }
    exchange->next_free = server->free_exchanges;
    server->free_exchanges = exchange;
    server->free_count++;
}

/* Answers what cannot be served and ends the connection: where the next request would begin is not
 * known. */
static void reject(struct connection *connection, enum fw_err err, const char *why)
{
    connection->exchange->close = true;
    connection->state = CONNECTION_ACTIVE;
    exchange_error(connection->exchange, err, err == FW_OVERLOADED ? 1 : -1, str_of(why));
}

static void split_target(struct server_request *request)
{
    struct str target = request->target;
    if (target.data[0] != '/' && target.len > 7) { /* http://host/path: the path counts */
        const char *slash = memchr(target.data + 7, '/', target.len - 7);
        target = slash ? (struct str){slash, target.len - (size_t)(slash - target.data)} : STR("/");
    }
    const char *mark = memchr(target.data, '?', target.len);
    request->path = mark ? (struct str){target.data, (size_t)(mark - target.data)} : target;
    if (mark)
        request->query = (struct str){mark + 1, target.len - (size_t)(mark + 1 - target.data)};
}

/* False: its client has sent too many, and is told when it may go on. */
static bool within_rate(struct connection *connection)
{
    struct server *server = connection->server;
    int64_t wait_ns = clients_request(server->limits.clients, &server->limits.client,
                                      connection->client, server_now(server));
    if (wait_ns == 0)
        return true;
    if (server->handler.refused)
        server->handler.refused(server->handler.context, SERVER_REFUSED_CLIENT_REQUESTS);
    exchange_error(connection->exchange, FW_RATE, (wait_ns + TIME_SECOND - 1) / TIME_SECOND,
                   STR("this client address sends more requests than client_requests allows"));
    return false;
}

/* The request is whole: the handler's turn. */
static void dispatch(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    struct server *server = connection->server;
    exchange->request.body = buf_str(&exchange->body);
    connection->state = CONNECTION_ACTIVE;
    if (connection->client != CLIENTS_REFUSED && !within_rate(connection))
        return;
    server->handler.request(server->handler.context, exchange, &exchange->request);
}

static void fill_request(struct connection *connection)
{
    struct exchange *exchange = connection->exchange;
    const struct head *head = &exchange->head;
    exchange->request = (struct server_request){
        .method = head->method,
        .target = head->target,
        .fields = head->fields,
        .field_count = head->field_count,
        .http_1_0 = head->http_1_0,
        .keep_alive = head->http_1_0 ? head->keep_alive && !head->close : !head->close,
        .peer = str_of(connection->peer),
    };
    split_target(&exchange->request);
    exchange->no_body = str_equal(head->method, STR("HEAD"));
    exchange->close = !exchange->request.keep_alive || connection->server->stopping;
}

/* The body may be sent: says so to a client that waits for it. */
static void send_continue(struct connection *connection, size_t already)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct head *head = &connection->exchange->head;
    if (!head->expect_continue || head->http_1_0 || already > 0)
        return;
    uv_buf_t piece = uv_buf_init(text, sizeof text - 1);
    connection_send(connection, &piece, 1);
}

/* A whole head stands in head_bytes; `already` bytes came with it. */
static void begin_request(struct connection *connection, size_t already)
{
    struct exchange *exchange = connection->exchange;
    struct server *server = connection->server;
    struct head *head = &exchange->head;
    const char *why = "";
    enum fw_err err =
        head_read_request(head, exchange->head_bytes.data, exchange->head_bytes.len, &why);
    if (err == FW_OK &&
        !http_parser_agrees(head, exchange->head_bytes.data, exchange->head_bytes.len)) {
        err = FW_BAD_REQUEST;
        why = "the request head is malformed";
    }
    if (err != FW_OK) {
        exchange->no_body = false;
        reject(connection, err, why);
        return;
    }
    fill_request(connection);
    if (head->content_length > server->limits.max_body) {
        reject(connection, FW_BODY_TOO_LARGE, "the request body is larger than max_body");
        return;
    }
    if (!exchange_park(server, exchange)) {
        reject(connection, FW_OVERLOADED, "too many request bodies are in memory");
        return;
    }
    if (!head->chunked && head->content_length == 0) {
        dispatch(connection);
        return;
    }
    connection->state = CONNECTION_BODY;
    exchange->started_ns = server_now(server);
    if (head->chunked)
        chunked_init(&exchange->chunked);
    send_continue(connection, already);
}

/* One empty line may stand before a request (RFC 9112 2.2). Returns the bytes it takes; 0: there is
 * none. */
static size_t feed_empty_line(struct connection *connection, const char *data, size_t len)
{
    struct exchange *exchange = connection->exchange;
    bool half = exchange->head_bytes.len == 1; /* its CR came alone */
    if (half ? data[0] == '\n' : len >= 2 && data[1] == '\n') {
        exchange->head_bytes.len = 0;
        if (!exchange->line_skipped) {
            exchange->line_skipped = true;
            return half ? 1 : 2;
        }
    } else if (!half && len == 1) {
        buf_add_char(&exchange->head_bytes, '\r');
        return 1;
    }
    reject(connection, FW_BAD_REQUEST, "the request does not begin with a method");
    return len;
}

/* Adds to the head until its blank line; *used counts what was taken of data. */
static enum head_find collect_head(struct exchange *exchange, const char *data, size_t len,
                                   size_t *used)
{
    struct buf *bytes = &exchange->head_bytes;
    size_t before = bytes->len, at = exchange->head_at;
    size_t n = len < SERVER_HEAD_MAX - before ? len : SERVER_HEAD_MAX - before;
    enum head_find found;
    *used = n;
    if (before == 0) { /* the usual case: looked for where it was read, and only the head copied */
        found = head_find_end(data, n, &at);
        if (found == HEAD_FOUND)
            *used = at;
        buf_add(bytes, data, *used);
    } else {
        buf_add(bytes, data, n);
        found = bytes->failed ? HEAD_BAD : head_find_end(bytes->data, bytes->len, &at);
        if (found == HEAD_FOUND) { /* the rest is not the head's */
            *used = at - before;
            bytes->len = at;
        }
    }
    exchange->head_at = at;
    return found;
}

static size_t feed_head(struct connection *connection, const char *data, size_t len)
{
    struct exchange *exchange = connection->exchange;
    struct buf *bytes = &exchange->head_bytes;
    char first = bytes->len > 0 ? bytes->data[0] : data[0];
    if (first == '\r')
        return feed_empty_line(connection, data, len);
    if (!head_is_token_char((unsigned char)first)) {
        reject(connection, FW_BAD_REQUEST, "the request does not begin with a method");
        return len;
    }
    size_t used;
    enum head_find found = collect_head(exchange, data, len, &used);
    if (bytes->failed) {
        reject(connection, FW_NOMEM, "there is no memory for the request head");
        return len;
    }
    if (found == HEAD_BAD) {
        reject(connection, FW_BAD_REQUEST, "a line of the request head does not end in CRLF");
        return len;
    }
    if (found == HEAD_FOUND)
        begin_request(connection, len - used);
    else if (bytes->len == SERVER_HEAD_MAX)
        reject(connection, FW_HEAD_TOO_LARGE, "the request head is larger than 32 KiB");
    return used;
}

static size_t feed_chunked(struct connection *connection, const char *data, size_t len)
{
    struct exchange *exchange = connection->exchange;
    size_t used = 0;
    enum fw_err err = chunked_feed(&exchange->chunked, data, len, &used, &exchange->body,
                                   connection->server->limits.max_body);
    if (err == FW_OK && !exchange_park(connection->server, exchange))
        err = FW_OVERLOADED;
    if (err != FW_OK) {
        reject(connection, err,
               err == FW_BODY_TOO_LARGE ? "the request body is larger than max_body"
               : err == FW_OVERLOADED   ? "too many request bodies are in memory"
                                        : "the chunked body is malformed");
        return len;
    }
    if (chunked_complete(&exchange->chunked))
        dispatch(connection);
    return used;
}

/* Room for a body of known length: at once while small, then doubling, never on a promise alone. */
static bool body_room(struct server *server, struct exchange *exchange, size_t n)
{
    struct buf *body = &exchange->body;
    uint64_t left = exchange->head.content_length - body->len;
    size_t want = body->len > CONNECTION_READ_BYTES ? body->len : CONNECTION_READ_BYTES;
    if (want > left)
        want = (size_t)left;
    if (body->len + n > body->capacity && !buf_reserve(body, want > n ? want : n))
        return false;
    return exchange_park(server, exchange);
}

static size_t feed_body(struct connection *connection, const char *data, size_t len)
{
    struct exchange *exchange = connection->exchange;
    if (exchange->head.chunked)
        return feed_chunked(connection, data, len);
    uint64_t left = exchange->head.content_length - exchange->body.len;
    size_t n = len < left ? len : (size_t)left;
    if (!body_room(connection->server, exchange, n)) {
        reject(connection, FW_OVERLOADED, "too many request bodies are in memory");
        return len;
    }
    buf_add(&exchange->body, data, n);
    if (exchange->body.len == exchange->head.content_length)
        dispatch(connection);
    return n;
}

static bool begin_head(struct connection *connection)
{
    connection->exchange = exchange_take(connection->server);
    if (!connection->exchange)
        return false;
    connection->exchange->connection = connection;
    connection->state = CONNECTION_HEAD;
    return true;
}

void request_feed(struct connection *connection, const char *data, size_t len)
{
    bool outer = !connection->feeding;
    connection->feeding = true;
    while (len > 0) {
        size_t used = len;
        if (connection->state == CONNECTION_IDLE &&
            connection_queued(connection) <= SERVER_QUEUE_LOW) {
            if (!begin_head(connection)) {
                connection_close(connection);
                break;
            }
        }
        if (connection->state == CONNECTION_HEAD)
            used = feed_head(connection, data, len);
        else if (connection->state == CONNECTION_BODY)
            used = feed_body(connection, data, len);
        else
            break;
        data += used;
        len -= used;
    }
    if (outer)
        connection->feeding = false;
    /* A handler has the request, or answers must leave first: the rest waits. */
    if (len > 0 &&
        (connection->state == CONNECTION_ACTIVE || connection->state == CONNECTION_IDLE)) {
        connection->pending.max = CONNECTION_PENDING_BYTES + CONNECTION_READ_BYTES;
        buf_add(&connection->pending, data, len);
        if (connection->pending.failed)
            connection_close(connection);
    }
}
