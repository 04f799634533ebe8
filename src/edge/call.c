/* SPDX-License-Identifier: MIT */
#include "edge/call.h"
#include "base/check.h"
#include "base/time.h"
#include "edge/jobs.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESS_MAX = 4096, TOKEN_LINE_MAX = 16 << 10, POLL_MS = 50 };

/* One call under way. */
struct transfer {
    const struct call_request *request;
    const atomic_bool *cancel;
    struct call_result *result;
    CURL *curl;
    struct curl_slist *headers;
    int64_t start_ns;
    bool enough; /* its taker said so */
    char said[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct buf *body = &transfer->result->body;
    const struct call_request *request = transfer->request;
    size_t len = size * count, room = CALL_BODY_MAX - body->len;
    if (request->take) {
        transfer->enough = !request->take(request->context, (struct str){data, len});
        return transfer->enough ? 0 : len;
    }
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

/* A redirect's or a 100's head is followed by another: the last one counts. */
static size_t take_head(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct buf *head = &transfer->result->head;
    size_t len = size * count;
    if (str_starts((struct str){data, len}, STR("HTTP/")))
        buf_clear(head);
    if (head->len + len <= CALL_HEAD_MAX)
        buf_add(head, data, len);
    return len;
}

bool call_header(const struct call_result *result, const char *name, struct str *value)
{
    struct str rest = buf_str(&result->head), line;
    size_t len = strlen(name);
    while (str_cut(&rest, '\n', &line))
        if (line.len > len && line.data[len] == ':' &&
            str_equal_nocase((struct str){line.data, len}, str_of(name))) {
            *value = str_trim((struct str){line.data + len + 1, line.len - len - 1});
            return true;
        }
    return false;
}

/* The token is only ever in memory that is wiped. */
static struct curl_slist *add_token(struct curl_slist *list, const char *token)
{
    char line[TOKEN_LINE_MAX];
    int len = snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    struct curl_slist *longer =
        len < (int)sizeof line ? curl_slist_append(list, line) : curl_slist_append(list, "");
    explicit_bzero(line, sizeof line);
    return longer;
}

static struct curl_slist *make_headers(const struct call_request *request)
{
    /* No waiting for a 100 that many servers never send. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool typed = false;
    for (uint32_t i = 0; i < request->header_count; i++) {
        const char *header = request->headers[i];
        typed |= str_equal_nocase((struct str){header, strcspn(header, ":")}, STR("content-type"));
        list = curl_slist_append(list, header);
    }
    if (request->body_bytes > 0 && !typed)
        list = curl_slist_append(list, "Content-Type: application/json");
    return request->token && request->token[0] ? add_token(list, request->token) : list;
}

static void set_up(struct transfer *transfer)
{
    const struct call_request *request = transfer->request;
    CURL *curl = transfer->curl;
    curl_easy_setopt(curl, CURLOPT_URL, request->address);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the way users' requests go: straight */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "forewarm");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout_ns / TIME_MILLISECOND + 1));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body_bytes > 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (request->ca_file && request->ca_file[0]) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->said);
}

static enum fw_err failed(CURLcode code, const struct transfer *transfer, struct fw_detail *detail)
{
    char limit[TIME_TEXT_MAX];
    const struct call_request *request = transfer->request;
    const char *address = request->address;
    const char *why = transfer->said[0] ? transfer->said : curl_easy_strerror(code);
    const char *ca = request->ca_file && request->ca_file[0] ? request->ca_file : "the system's";
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return err_set(detail, FW_CANCELLED, "%s: cancelled", address);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(detail, FW_TIMEOUT, "%s: no answer within %s", address,
                       time_format_human(request->timeout_ns, limit));
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(detail, FW_UNREACHABLE, "%s: %s", address, why);
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(detail, FW_UPSTREAM,
                       "%s: its certificate is not accepted: %s (checked against the CA "
                       "certificates: %s)",
                       address, why, ca);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(detail, FW_UPSTREAM, "%s: ca_file \"%s\" cannot be read: %s", address, ca,
                       why);
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(detail, FW_UPSTREAM,
                       "%s: TLS cannot be agreed on (is it an https server?): %s", address, why);
    default:
        return err_set(detail, FW_UPSTREAM, "%s: %s", address, why);
    }
}

const char *call_excerpt(struct str body, char text[CALL_EXCERPT_MAX])
{
    size_t room = CALL_EXCERPT_MAX - 4, len = body.len < room ? body.len : room;
    for (size_t i = 0; i < len; i++)
        text[i] = (unsigned char)body.data[i] < ' ' || (unsigned char)body.data[i] >= 0x7f
                      ? ' '
                      : body.data[i];
    memcpy(text + len, body.len > len ? "..." : "", body.len > len ? 4 : 1);
    return text;
}

/* ---- sending ---- */

static bool begin(struct transfer *transfer, const struct call_request *request,
                  const atomic_bool *cancel, struct call_result *result)
{
    *transfer = (struct transfer){.request = request, .cancel = cancel, .result = result};
    *result = (struct call_result){0};
    buf_init(&result->body, CALL_BODY_MAX + 1);
    buf_init(&result->head, CALL_HEAD_MAX + 1);
    transfer->curl = curl_easy_init();
    transfer->headers = make_headers(request);
    if (!transfer->curl || !transfer->headers)
        return false;
    set_up(transfer);
    transfer->start_ns = jobs_now_ns();
    return true;
}

static enum fw_err end(struct transfer *transfer, CURLcode code, struct fw_detail *detail)
{
    struct call_result *result = transfer->result;
    result->latency_ns = jobs_now_ns() - transfer->start_ns;
    long sent_bytes = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &result->status);
    curl_easy_getinfo(transfer->curl, CURLINFO_REQUEST_SIZE, &sent_bytes);
    result->sent = sent_bytes > 0;
    return code == CURLE_OK || transfer->enough ? FW_OK : failed(code, transfer, detail);
}

static void clean_up(struct transfer *transfer)
{
    for (struct curl_slist *item = transfer->headers; item; item = item->next)
        if (strncmp(item->data, "Authorization:", sizeof "Authorization:" - 1) == 0)
            explicit_bzero(item->data, strlen(item->data));
    curl_slist_free_all(transfer->headers);
    if (transfer->curl)
        curl_easy_cleanup(transfer->curl);
}

enum fw_err call_send(const struct call_request *request, const atomic_bool *cancel,
                      struct call_result *result, struct fw_detail *detail)
{
    struct transfer transfer;
    enum fw_err err = FW_NOMEM;
    if (cancel) /* the plain way looks at it but once a second */
        return call_send_all(request, 1, cancel, result, detail);
    if (begin(&transfer, request, cancel, result))
        err = end(&transfer, curl_easy_perform(transfer.curl), detail);
    clean_up(&transfer);
    return err;
}

static enum fw_err collect(CURLM *multi, struct transfer *transfers, uint32_t count,
                           struct fw_detail *detail)
{
    CURLMsg *message;
    int left;
    enum fw_err first = FW_OK;
    while ((message = curl_multi_info_read(multi, &left)))
        for (uint32_t i = 0; i < count; i++)
            if (message->msg == CURLMSG_DONE && message->easy_handle == transfers[i].curl) {
                struct fw_detail said;
                enum fw_err err = end(&transfers[i], message->data.result, &said);
                if (err != FW_OK && first == FW_OK) {
                    first = err;
                    *detail = said;
                }
            }
    return first;
}

/* Until all have ended; each has its own time limit. */
static enum fw_err run_all(CURLM *multi, struct transfer *transfers, uint32_t count,
                           struct fw_detail *detail)
{
    int running = 1;
    enum fw_err err = FW_OK;
    while (running > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return FW_NOMEM;
        enum fw_err now = collect(multi, transfers, count, detail);
        err = err == FW_OK ? now : err;
        if (running > 0 && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
            return FW_NOMEM;
    }
    return err;
}

enum fw_err call_send_all(const struct call_request *requests, uint32_t count,
                          const atomic_bool *cancel, struct call_result *results,
                          struct fw_detail *detail)
{
    struct transfer transfers[CALLS_AT_ONCE_MAX];
    CURLM *multi = curl_multi_init();
    bool ready = multi != NULL;
    CHECK(count <= CALLS_AT_ONCE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        ready &= begin(&transfers[i], &requests[i], cancel, &results[i]);
        if (ready)
            ready = curl_multi_add_handle(multi, transfers[i].curl) == CURLM_OK;
    }
    enum fw_err err = ready ? run_all(multi, transfers, count, detail) : FW_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (multi && transfers[i].curl)
            curl_multi_remove_handle(multi, transfers[i].curl);
        clean_up(&transfers[i]);
    }
    curl_multi_cleanup(multi);
    return err;
}

static enum fw_err judge(const struct config_call *call, const char *address,
                         const struct call_result *result, struct fw_detail *detail)
{
    char found[CALL_EXCERPT_MAX];
    struct str body = buf_str(&result->body);
    call_excerpt(body, found);
    if (result->status == 429 && call->expect_status != 429) {
        struct str after = STR("");
        (void)call_header(result, "Retry-After", &after);
        return err_set(detail, FW_PROBE, "%s: overloaded: answered 429 \"%s\"%s%.*s", address,
                       found, after.len > 0 ? ", Retry-After " : "",
                       after.len < 20 ? (int)after.len : 20, after.data);
    }
    if (result->status != call->expect_status)
        return err_set(detail, FW_PROBE, "%s: answered %ld \"%s\", expected %lld", address,
                       result->status, found, (long long)call->expect_status);
    size_t len = strlen(call->expect_body);
    if (len > 0 && !memmem(body.data, body.len, call->expect_body, len))
        return err_set(detail, FW_PROBE, "%s: answered \"%s\", expected it to hold \"%.80s\"",
                       address, found, call->expect_body);
    return FW_OK;
}

static struct call_request request_of(const struct config_call *call,
                                      const struct config_url *upstream, const char *address,
                                      int64_t timeout_ns)
{
    return (struct call_request){
        .method = call->method,
        .address = address,
        .body = call->body,
        .body_bytes = call->body_bytes > 0 ? call->body_bytes : strlen(call->body),
        .headers = call->headers,
        .header_count = call->header_count,
        .token = call->token,
        .ca_file = call->ca_file[0] || call->url[0] != '/' ? call->ca_file : upstream->ca_file,
        .timeout_ns = timeout_ns,
    };
}

enum fw_err call_perform(const struct config_call *call, const struct config_url *upstream,
                         int64_t timeout_ns, const atomic_bool *cancel, struct call_result *result,
                         struct fw_detail *detail)
{
    struct buf address;
    *result = (struct call_result){0};
    buf_init(&address, ADDRESS_MAX);
    call_address(call, upstream, &address);
    buf_add(&address, "", 1);
    struct call_request request = request_of(call, upstream, address.data, timeout_ns);
    enum fw_err err = address.failed ? FW_NOMEM : call_send(&request, cancel, result, detail);
    if (err == FW_OK)
        err = judge(call, address.data, result, detail);
    buf_fini(&address);
    return err;
}

enum fw_err call_perform_all(const struct config_call *call, const struct config_url *upstream,
                             uint32_t count, int64_t timeout_ns, const atomic_bool *cancel,
                             struct call_result *result, struct fw_detail *detail)
{
    struct call_request requests[CALLS_AT_ONCE_MAX];
    struct call_result results[CALLS_AT_ONCE_MAX] = {{0}};
    struct buf address;
    CHECK(count >= 1 && count <= CALLS_AT_ONCE_MAX);
    buf_init(&address, ADDRESS_MAX);
    call_address(call, upstream, &address);
    buf_add(&address, "", 1);
    for (uint32_t i = 0; i < count; i++)
        requests[i] = request_of(call, upstream, address.data, timeout_ns);
    enum fw_err err =
        address.failed ? FW_NOMEM : call_send_all(requests, count, cancel, results, detail);
    int64_t slowest_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (err == FW_OK)
            err = judge(call, address.data, &results[i], detail);
        if (results[i].latency_ns > slowest_ns)
            slowest_ns = results[i].latency_ns;
        if (i > 0)
            call_result_fini(&results[i]);
    }
    *result = results[0];
    result->latency_ns = slowest_ns;
    buf_fini(&address);
    return err;
}

void call_result_fini(struct call_result *result)
{
    buf_fini(&result->body);
    buf_fini(&result->head);
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
