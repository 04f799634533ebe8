/* SPDX-License-Identifier: MIT
 * The least an upstream can do, so that the proxy in front of it is what is measured: one thread,
 * epoll, keep-alive. POST /... gets 1 KiB of JSON; a path that begins with /sse gets 50 events and
 * [DONE], one every 3 ms. Usage: upstream PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 8192, EVENTS = 256, SSE_EVENTS = 50, SSE_GAP_MS = 3, IN_MAX = 8192 };

struct connection {
    int fd;
    size_t len;
    int left; /* events of a stream still to be sent; -1: none is open */
    int64_t next_ms;
    char in[IN_MAX];
};

static struct connection *connections[FILES];
static int streams[FILES];
static int stream_count;
static char answer[2048];
static size_t answer_len;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void make_answer(void)
{
    char body[1025];
    memset(body, 'a', sizeof body);
    memcpy(body, "{\"id\":\"x\",\"object\":\"chat.completion\",\"text\":\"", 45);
    memcpy(body + 1022, "\"}", 3);
    answer_len = (size_t)snprintf(
        answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n%s",
        body);
}

static void drop(struct connection *connection)
{
    for (int i = 0; i < stream_count; i++) {
        if (streams[i] == connection->fd)
            streams[i--] = streams[--stream_count];
    }
    connections[connection->fd] = NULL;
    close(connection->fd);
    free(connection);
}

/* The whole of a small answer fits into the socket's buffer. */
static bool say(struct connection *connection, const char *data, size_t len)
{
    return write(connection->fd, data, len) == (ssize_t)len;
}

static bool answer_one(struct connection *connection)
{
    static const char stream_head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (!memmem(connection->in, 32, " /sse", 5))
        return say(connection, answer, answer_len);
    connection->left = SSE_EVENTS;
    connection->next_ms = now_ms() + SSE_GAP_MS;
    streams[stream_count++] = connection->fd;
    return say(connection, stream_head, sizeof stream_head - 1);
}

/* Length of the request at the front, 0 if it is not whole yet. */
static size_t request_len(const struct connection *connection)
{
    const char *end = memmem(connection->in, connection->len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - connection->in) + 4, body = 0;
    for (const char *p = connection->in; p < end; p++) {
        if ((*p == 'C' || *p == 'c') && strncasecmp(p, "content-length:", 15) == 0)
            body = (size_t)strtoul(p + 15, NULL, 10);
    }
    return connection->len >= head + body ? head + body : 0;
}

static void on_readable(struct connection *connection)
{
    ssize_t n = read(connection->fd, connection->in + connection->len, IN_MAX - connection->len);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            drop(connection);
        return;
    }
    connection->len += (size_t)n;
    for (size_t used; connection->left < 0 && (used = request_len(connection)) > 0;) {
        if (!answer_one(connection)) {
            drop(connection);
            return;
        }
        connection->len -= used;
        memmove(connection->in, connection->in + used, connection->len);
    }
}

static void run_streams(void)
{
    static const char event[] =
        "2f\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n\r\n";
    static const char last[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    int64_t now = now_ms();
    for (int i = 0; i < stream_count; i++) {
        struct connection *connection = connections[streams[i]];
        if (connection->next_ms > now)
            continue;
        connection->next_ms += SSE_GAP_MS;
        if (connection->left-- > 0) {
            (void)say(connection, event, sizeof event - 1);
            continue;
        }
        connection->left = -1;
        (void)say(connection, last, sizeof last - 1);
        streams[i--] = streams[--stream_count];
    }
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 4096) != 0) {
        perror("upstream");
        exit(3);
    }
    return fd;
}

static void accept_all(int epoll, int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        int on = 1;
        struct connection *connection = fd < FILES ? calloc(1, sizeof *connection) : NULL;
        if (!connection) {
            close(fd);
            continue;
        }
        connection->fd = fd;
        connection->left = -1;
        connections[fd] = connection;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int argc, char **argv)
{
    int listener = listen_on(argc > 1 ? (uint16_t)atoi(argv[1]) : 9000), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    make_answer();
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, stream_count > 0 ? 1 : -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else if (connections[events[i].data.fd])
                on_readable(connections[events[i].data.fd]);
        }
        if (stream_count > 0)
            run_streams();
    }
}
