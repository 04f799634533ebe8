/* SPDX-License-Identifier: MIT */
#include "edge/call.h"
#include "base/time.h"
#include "edge/jobs.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESS_MAX = 4096, EXCERPT_MAX = 80 };

struct transfer {
    struct call_result *result;
    const atomic_bool *cancel;
};

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct buf *body = &transfer->result->body;
    size_t len = size * count, room = CALL_BODY_MAX - body->len;
    buf_add(body, data, len < room ? len : room);
    return len; /* what is past the maximum is read and dropped, so that the latency is the whole
                   answer's */
}

static int watch(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                 curl_off_t up_now)
{
    const struct transfer *transfer = context;
    (void)total, (void)now, (void)up_total, (void)up_now;
    return transfer->cancel && atomic_load(transfer->cancel);
}

void call_address(const struct config_call *call, const struct config_url *upstream,
                  struct buf *out)
{
    if (call->url[0] != '/') {
        buf_add_text(out, call->url);
        return;
    }
    bool v6 = strchr(upstream->host, ':') != NULL;
    buf_printf(out, "%s://%s%s%s:%u%s%s", upstream->tls ? "https" : "http", v6 ? "[" : "",
               upstream->host, v6 ? "]" : "", upstream->port, upstream->prefix, call->url);
}

static struct curl_slist *make_headers(const struct config_call *call)
{
    struct curl_slist *list = NULL;
    bool typed = false;
    for (uint32_t i = 0; i < call->header_count; i++) {
        typed |= str_equal_nocase((struct str){call->headers[i], strcspn(call->headers[i], ":")},
                                  STR("content-type"));
        list = curl_slist_append(list, call->headers[i]);
    }
    if (call->body[0] && !typed)
        list = curl_slist_append(list, "Content-Type: application/json");
    /* No waiting for a 100 that many servers never send. */
    return curl_slist_append(list, "Expect:");
}

static void set_up(CURL *curl, const struct config_call *call, const char *address,
                   int64_t timeout_ns, struct transfer *transfer, struct curl_slist *headers)
{
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the way users' requests go: straight */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "forewarm");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / TIME_MILLISECOND + 1));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->body[0]) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
    }
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static enum fw_err failed(CURLcode code, const char *address, const char *said, int64_t timeout_ns,
                          struct fw_detail *detail)
{
    char limit[TIME_TEXT_MAX];
    const char *why = said[0] ? said : curl_easy_strerror(code);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return err_set(detail, FW_CANCELLED, "%s: cancelled", address);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(detail, FW_TIMEOUT, "%s: no answer within %s", address,
                       time_format_human(timeout_ns, limit));
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(detail, FW_UNREACHABLE, "%s: %s", address, why);
    default:
        return err_set(detail, FW_UPSTREAM, "%s: %s", address, why);
    }
}

/* A short, printable beginning of the answer, for messages. */
static void excerpt(struct str body, char text[EXCERPT_MAX + 4])
{
    size_t len = body.len < EXCERPT_MAX ? body.len : EXCERPT_MAX;
    for (size_t i = 0; i < len; i++)
        text[i] = (unsigned char)body.data[i] < ' ' || (unsigned char)body.data[i] >= 0x7f
                      ? ' '
                      : body.data[i];
    memcpy(text + len, body.len > len ? "..." : "", body.len > len ? 4 : 1);
}

static enum fw_err judge(const struct config_call *call, const char *address,
                         const struct call_result *result, struct fw_detail *detail)
{
    char found[EXCERPT_MAX + 4];
    struct str body = buf_str(&result->body);
    excerpt(body, found);
    if (result->status != call->expect_status)
        return err_set(detail, FW_PROBE, "%s: answered %ld \"%s\", expected %lld", address,
                       result->status, found, (long long)call->expect_status);
    size_t len = strlen(call->expect_body);
    if (len > 0 && !memmem(body.data, body.len, call->expect_body, len))
        return err_set(detail, FW_PROBE, "%s: answered \"%s\", expected it to hold \"%.80s\"",
                       address, found, call->expect_body);
    return FW_OK;
}

enum fw_err call_perform(const struct config_call *call, const struct config_url *upstream,
                         int64_t timeout_ns, const atomic_bool *cancel, struct call_result *result,
                         struct fw_detail *detail)
{
    struct transfer transfer = {result, cancel};
    char said[CURL_ERROR_SIZE] = "";
    struct buf address;
    memset(result, 0, sizeof *result);
    buf_init(&result->body, CALL_BODY_MAX + 1);
    buf_init(&address, ADDRESS_MAX);
    call_address(call, upstream, &address);
    buf_add(&address, "", 1);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = make_headers(call);
    enum fw_err err = FW_NOMEM;
    if (curl && headers && !address.failed) {
        set_up(curl, call, address.data, timeout_ns, &transfer, headers);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, said);
        int64_t start_ns = jobs_now_ns();
        CURLcode code = curl_easy_perform(curl);
        result->latency_ns = jobs_now_ns() - start_ns;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result->status);
        err = code == CURLE_OK ? judge(call, address.data, result, detail)
                               : failed(code, address.data, said, timeout_ns, detail);
    }
    curl_slist_free_all(headers);
    if (curl)
        curl_easy_cleanup(curl);
    buf_fini(&address);
    return err;
}

void call_result_fini(struct call_result *result)
{
    buf_fini(&result->body);
}

static bool connects_to(const struct addrinfo *info, int64_t timeout_ns)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int error = connect(fd, info->ai_addr, info->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof error;
        error = ETIMEDOUT;
        if (poll(&poll_fd, 1, (int)(timeout_ns / TIME_MILLISECOND)) == 1)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    close(fd);
    return error == 0;
}

bool call_connects(const struct config_url *upstream, int64_t timeout_ns)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", upstream->port);
    if (getaddrinfo(upstream->host, port, &hints, &found) != 0)
        return false;
    bool connected = false;
    for (const struct addrinfo *info = found; info && !connected; info = info->ai_next)
        connected = connects_to(info, timeout_ns);
    freeaddrinfo(found);
    return connected;
}
