/* SPDX-License-Identifier: MIT
 * The listener, the loop's timers, and the end of it all. */
#include "base/check.h"
#include "edge/connection.h"
#include "edge/form.h"
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVER_BACKLOG = 4096 };

struct wheel *server_wheel(struct server *server)
{
    return &server->wheel;
}

int64_t server_now(const struct server *server)
{
    return (int64_t)uv_now(server->loop) * TIME_MILLISECOND;
}

uv_buf_t server_read_buffer(struct server *server)
{
    return uv_buf_init(server->read_buffer, sizeof server->read_buffer);
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

static void retain(struct server *server)
{
    if (server->limits.tls)
        tls_context_retain(server->limits.tls);
    if (server->limits.clients)
        clients_retain(server->limits.clients);
}

static void release(struct server_limits *limits)
{
    tls_context_release(&limits->tls);
    clients_release(&limits->clients);
}

void server_set_limits(struct server *server, const struct server_limits *limits)
{
    struct server_limits before = server->limits;
    server->limits = *limits;
    server->limits.parked = before.parked;
    retain(server);
    if (before.clients) /* the places of open connections are in it: it never changes */
        CHECK(before.clients == limits->clients);
    release(&before);
}

size_t server_connections(const struct server *server)
{
    return server->connection_count;
}

bool server_query_get(const struct server_request *request, const char *name, char *decoded,
                      size_t size)
{
    return form_get(request->query, str_of(name), decoded, size) == FORM_FOUND;
}

static void on_timer(uv_timer_t *timer)
{
    struct server *server = timer->data;
    server->timer_at_ns = TIME_NEVER;
    wheel_run(&server->wheel, server_now(server));
}

/* Before the loop sleeps: the wheel's next deadline becomes the loop's. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct server *server = prepare->data;
    int64_t now = server_now(server), next;
    wheel_run(&server->wheel, now);
    next = wheel_next(&server->wheel);
    if (next == server->timer_at_ns)
        return;
    server->timer_at_ns = next;
    if (next == TIME_NEVER)
        uv_timer_stop(&server->timer);
    else
        uv_timer_start(&server->timer, on_timer, (uint64_t)((next - now) / TIME_MILLISECOND) + 1,
                       0);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    if (status == 0)
        connection_accept(server);
}

/* "127.0.0.1:7700", "[::1]:7700", "localhost:7700", ":7700" */
static enum fw_err find_address(const char *listen, struct sockaddr_storage *address,
                                socklen_t *len, struct fw_detail *detail)
{
    const char *colon = strrchr(listen, ':');
    char host[256] = "";
    if (!colon || colon[1] == '\0' || (size_t)(colon - listen) >= sizeof host)
        return err_set(detail, FW_INPUT,
                       "listen: found \"%s\", expected ADDRESS:PORT such as 127.0.0.1:7700",
                       listen);
    size_t n = (size_t)(colon - listen);
    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']')
        memcpy(host, listen + 1, n - 2);
    else
        memcpy(host, listen, n);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    int result = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found);
    if (result != 0)
        return err_set(detail, FW_INPUT,
                       "listen: \"%s\": %s; expected ADDRESS:PORT such as 127.0.0.1:7700", listen,
                       gai_strerror(result));
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return FW_OK;
}

static enum fw_err open_socket(const char *listen, bool share, int *out, struct fw_detail *detail)
{
    struct sockaddr_storage address = {0};
    socklen_t len = 0;
    int on = 1;
    FW_TRY(find_address(listen, &address, &len, detail));
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(detail, FW_IO, "listen: %s: no socket: %s", listen, strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, len) != 0) {
        int reason = errno;
        close(fd);
        if (reason == EADDRINUSE)
            return err_set(
                detail, FW_IN_USE,
                "listen: %s is in use; stop what listens there or choose another address", listen);
        return err_set(detail, FW_IO, "listen: cannot bind %s: %s", listen, strerror(reason));
    }
    *out = fd;
    return FW_OK;
}

static void read_port(struct server *server)
{
    struct sockaddr_storage address;
    int len = sizeof address;
    if (uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family == AF_INET)
        server->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    else
        server->port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
}

static void init_handles(struct server *server)
{
    CHECK(uv_tcp_init(server->loop, &server->listener) == 0);
    CHECK(uv_prepare_init(server->loop, &server->prepare) == 0);
    CHECK(uv_timer_init(server->loop, &server->timer) == 0);
    CHECK(uv_timer_init(server->loop, &server->watch) == 0);
    server->listener.data = server->prepare.data = server->timer.data = server->watch.data = server;
    server->handles = 4;
    CHECK(uv_prepare_start(&server->prepare, on_prepare) == 0);
    /* Connections keep a loop alive, timers of ours do not. */
    uv_unref((uv_handle_t *)&server->prepare);
}

enum fw_err server_create(struct server **out, uv_loop_t *loop, const char *listen, bool share,
                          const struct server_limits *limits, const struct server_handler *handler,
                          struct fw_detail *detail)
{
    int fd = -1;
    *out = NULL;
    FW_TRY(open_socket(listen, share, &fd, detail));
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        close(fd);
        return err_set(detail, FW_NOMEM, "no memory for the server");
    }
    server->loop = loop;
    server->limits = *limits;
    retain(server);
    server->handler = *handler;
    server->timer_at_ns = TIME_NEVER;
    if (!server->limits.parked)
        server->limits.parked = &server->own_parked;
    wheel_init(&server->wheel, server_now(server));
    init_handles(server);
    int result = uv_tcp_open(&server->listener, fd);
    if (result != 0)
        close(fd);
    else
        result = uv_listen((uv_stream_t *)&server->listener, SERVER_BACKLOG, on_connection);
    if (result != 0) {
        enum fw_err err = result == UV_EADDRINUSE ? FW_IN_USE : FW_IO;
        server_destroy(&server);
        return err_set(detail, err,
                       "listen: %s: %s; stop what listens there or choose another address", listen,
                       uv_strerror(result));
    }
    server->listening = true;
    read_port(server);
    *out = server;
    return FW_OK;
}

void server_release(struct server *server)
{
    if (!server->destroyed || server->handles > 0 || server->connection_count > 0)
        return;
    release(&server->limits);
    buf_fini(&server->cipher);
    free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct server *server = handle->data;
    server->handles--;
    server_release(server);
}

void server_stop(struct server *server)
{
    if (server->stopping)
        return;
    server->stopping = true;
    if (server->listening)
        uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    server->listening = false;
    struct connection *next;
    for (struct connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        if (connection->state == CONNECTION_IDLE && connection_queued(connection) == 0)
            connection_close(connection);
    }
}

void server_destroy(struct server **out)
{
    struct server *server = *out;
    *out = NULL;
    if (!server)
        return;
    bool listener_open = !uv_is_closing((uv_handle_t *)&server->listener);
    server->stopping = true;
    while (server->connections)
        connection_close(server->connections);
    while (server->free_exchanges) {
        struct exchange *exchange = server->free_exchanges;
        server->free_exchanges = exchange->next_free;
        buf_fini(&exchange->head_bytes);
        buf_fini(&exchange->body);
        free(exchange);
    }
    atomic_fetch_sub(server->limits.parked, server->parked_reserved);
    server->destroyed = true;
    if (listener_open)
        uv_close((uv_handle_t *)&server->listener, on_handle_closed);
    uv_close((uv_handle_t *)&server->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    uv_close((uv_handle_t *)&server->watch, on_handle_closed);
}
