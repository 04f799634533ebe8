/* SPDX-License-Identifier: MIT */
#include "play.h"

#include "base/json.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { POLL_MS_MAX = 500, PROGRESS_S = 3, URL_MAX = 1200 };

struct player {
    const struct trace *trace;
    const struct play_options *options;
    struct play_result *results;
    CURLM *multi;
    CURL **under_way; /* by request; NULL: not sent yet, or finished */
    int64_t start_ns, first_ns;
    size_t sent, answered, failed, cold;
    double reported_s;
};

/* One request under way. */
struct call {
    struct player *player;
    struct play_result *result;
    struct buf body;
    struct curl_slist *headers;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TIME_SECOND + now.tv_nsec;
}

static double since_start_s(const struct player *player)
{
    return time_to_seconds(now_ns() - player->start_ns);
}

static int64_t due_ns(const struct player *player, size_t i)
{
    double after =
        (double)(player->trace->requests[i].at_ns - player->first_ns) / player->options->speed;
    return player->start_ns + (int64_t)after;
}

static bool wants_embeddings(const struct play_options *options, struct str resource)
{
    for (size_t i = 0; i < options->embedding_count; i++)
        if (str_equal(resource, str_of(options->embeddings[i])))
            return true;
    return false;
}

static void body_make(const struct player *player, size_t i, struct str resource, struct buf *out)
{
    char text[96];
    struct json json;
    snprintf(text, sizeof text, "request %zu: what will be wanted next?", i);
    json_init(&json, out, false);
    json_object(&json);
    json_key_str(&json, "model", resource);
    if (wants_embeddings(player->options, resource)) {
        json_key_text(&json, "input", text);
    } else {
        json_key_int(&json, "max_tokens", player->options->max_tokens);
        json_key_bool(&json, "stream", player->options->stream);
        json_key(&json, "messages");
        json_array(&json);
        json_object(&json);
        json_key_text(&json, "role", "user");
        json_key_text(&json, "content", text);
        json_object_end(&json);
        json_array_end(&json);
    }
    json_object_end(&json);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    (void)data;
    call->result->bytes += size * count;
    return size * count;
}

/* The value of "name: value\r\n" if the line is that header. */
static bool header_is(struct str line, const char *name, struct str *value)
{
    size_t len = strlen(name);
    if (line.len <= len || line.data[len] != ':' || strncasecmp(line.data, name, len) != 0)
        return false;
    *value = str_trim((struct str){line.data + len + 1, line.len - len - 1});
    return true;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    struct str line = {data, size * count}, value;
    double wait_ms;
    if (header_is(line, "x-forewarm-state", &value))
        snprintf(call->result->state, sizeof call->result->state, "%.*s", STR_ARG(value));
    else if (header_is(line, "x-forewarm-wait-ms", &value) && str_to_double(value, &wait_ms))
        call->result->wait_s = wait_ms / 1e3;
    return size * count;
}

static void call_free(struct call *call)
{
    buf_fini(&call->body);
    curl_slist_free_all(call->headers);
    free(call);
}

static bool call_headers(struct call *call, size_t i)
{
    const struct trace *trace = call->player->trace;
    uint32_t session = trace->requests[i].session_number;
    char header[TRACE_NAME_MAX + 32];
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
    if (list && session != TABLE_NONE) {
        struct str name = table_key(&trace->sessions, session);
        snprintf(header, sizeof header, "x-session-id: %.*s", STR_ARG(name));
        if (!curl_slist_append(list, header)) {
            curl_slist_free_all(list);
            list = NULL;
        }
    }
    call->headers = list;
    return list != NULL;
}

static bool send_one(struct player *player, size_t i)
{
    struct str resource = table_key(&player->trace->resources, player->trace->requests[i].resource);
    struct call *call = calloc(1, sizeof *call);
    CURL *easy = curl_easy_init();
    char url[URL_MAX];
    bool embeddings = wants_embeddings(player->options, resource);
    snprintf(url, sizeof url, "%s%s", player->options->base,
             embeddings ? "/v1/embeddings" : "/v1/chat/completions");
    if (!call || !easy)
        goto fail;
    call->player = player;
    call->result = &player->results[i];
    call->result->sent_s = since_start_s(player);
    buf_init(&call->body, 1 << 20);
    body_make(player, i, resource, &call->body);
    if (call->body.failed || !call_headers(call, i))
        goto fail;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body.len);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, player->options->timeout_s);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (curl_multi_add_handle(player->multi, easy) != CURLM_OK)
        goto fail;
    player->under_way[i] = easy;
    player->sent++;
    return true;
fail:
    curl_easy_cleanup(easy);
    if (call)
        call_free(call);
    return false;
}

static void finish_one(struct player *player, CURL *easy, CURLcode code)
{
    struct call *call;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    struct play_result *result = call->result;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &result->status);
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME, &result->first_byte_s);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME, &result->total_s);
    if (code != CURLE_OK)
        snprintf(result->error, sizeof result->error, "%s", curl_easy_strerror(code));
    else if (result->status != 200)
        snprintf(result->error, sizeof result->error, "status %ld", result->status);
    player->answered++;
    player->failed += result->error[0] != 0;
    player->cold += strcmp(result->state, "cold") == 0;
    player->under_way[result - player->results] = NULL;
    curl_multi_remove_handle(player->multi, easy);
    curl_easy_cleanup(easy);
    call_free(call);
}

static void collect(struct player *player)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(player->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            finish_one(player, message->easy_handle, message->data.result);
}

static void report_progress(struct player *player)
{
    double at_s = since_start_s(player);
    if (player->options->quiet || at_s - player->reported_s < PROGRESS_S)
        return;
    player->reported_s = at_s;
    fprintf(stderr, "  %3.0f s  sent %zu of %zu, answered %zu, waiting %zu, cold %zu, failed %zu\n",
            at_s, player->sent, player->trace->count, player->answered,
            player->sent - player->answered, player->cold, player->failed);
}

static bool run(struct player *player, const volatile int *stop)
{
    int running = 0;
    while (!*stop && (player->sent < player->trace->count || running > 0)) {
        int64_t now = now_ns();
        while (player->sent < player->trace->count && due_ns(player, player->sent) <= now)
            if (!send_one(player, player->sent))
                return false;
        if (curl_multi_perform(player->multi, &running) != CURLM_OK)
            return false;
        collect(player);
        report_progress(player);
        int64_t wait_ns = POLL_MS_MAX * TIME_MILLISECOND;
        if (player->sent < player->trace->count &&
            due_ns(player, player->sent) - now_ns() < wait_ns)
            wait_ns = due_ns(player, player->sent) - now_ns();
        if (wait_ns > 0 && curl_multi_poll(player->multi, NULL, 0,
                                           (int)((wait_ns + 999999) / 1000000), NULL) != CURLM_OK)
            return false;
    }
    return !*stop;
}

bool play(const struct trace *trace, const struct play_options *options,
          struct play_result *results, size_t *sent, const volatile int *stop)
{
    struct player player = {.trace = trace, .options = options, .results = results};
    player.multi = curl_multi_init();
    player.under_way = calloc(trace->count + 1, sizeof(CURL *));
    if (!player.multi || !player.under_way) {
        curl_multi_cleanup(player.multi);
        free(player.under_way);
        return false;
    }
    player.first_ns = trace->count > 0 ? trace->requests[0].at_ns : 0;
    player.start_ns = now_ns();
    bool good = run(&player, stop);
    for (size_t i = 0; i < player.sent; i++)
        if (player.under_way[i])
            finish_one(&player, player.under_way[i], CURLE_ABORTED_BY_CALLBACK);
    *sent = player.sent;
    curl_multi_cleanup(player.multi);
    free(player.under_way);
    return good;
}
