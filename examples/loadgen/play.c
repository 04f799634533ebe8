/* SPDX-License-Identifier: MIT */
#include "play.h"

#include "base/json.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { POLL_MS_MAX = 500, PROGRESS_S = 3, URL_MAX = 1200, BODY_MAX = 1 << 20 };

struct player {
    const struct trace *trace;
    const struct play_options *options;
    struct play_result *results;
    CURLM *multi;
    CURL **under_way; /* by request, then by hint; NULL: not sent yet, or finished */
    int64_t start_ns, first_ns;
    size_t sent, answered, failed, cold;
    size_t hints_sent, hints_refused;
    double reported_s;
};

/* One request under way. */
struct call {
    struct player *player;
    size_t number;              /* in `under_way` */
    struct play_result *result; /* NULL: a hint */
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

static int64_t due_ns(const struct player *player, int64_t at_ns)
{
    return player->start_ns +
           (int64_t)((double)(at_ns - player->first_ns) / player->options->speed);
}

static int64_t next_request_ns(const struct player *player)
{
    return player->sent < player->trace->count
               ? due_ns(player, player->trace->requests[player->sent].at_ns)
               : TIME_NEVER;
}

static int64_t next_hint_ns(const struct player *player)
{
    return player->hints_sent < player->options->hint_count
               ? due_ns(player, player->options->hints[player->hints_sent].at_ns)
               : TIME_NEVER;
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
    if (call->result)
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
    if (!call->result)
        return size * count;
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

static bool call_headers(struct call *call, uint32_t session)
{
    const struct trace *trace = call->player->trace;
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

/* A call with its body and headers under way; takes it whatever happens. */
static bool call_start(struct call *call, const char *url)
{
    struct player *player = call->player;
    CURL *easy = curl_easy_init();
    if (!easy || call->body.failed || !call->headers)
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
    player->under_way[call->number] = easy;
    return true;
fail:
    curl_easy_cleanup(easy);
    call_free(call);
    return false;
}

static bool send_request(struct player *player, size_t i)
{
    const struct trace_request *request = &player->trace->requests[i];
    struct str resource = table_key(&player->trace->resources, request->resource);
    struct call *call = calloc(1, sizeof *call);
    char url[URL_MAX];
    if (!call)
        return false;
    snprintf(url, sizeof url, "%s%s", player->options->base,
             wants_embeddings(player->options, resource) ? "/v1/embeddings"
                                                         : "/v1/chat/completions");
    call->player = player;
    call->number = i;
    call->result = &player->results[i];
    call->result->sent_s = since_start_s(player);
    buf_init(&call->body, BODY_MAX);
    body_make(player, i, resource, &call->body);
    call_headers(call, request->session_number);
    player->sent++;
    return call_start(call, url);
}

static bool send_hint(struct player *player, size_t i)
{
    const struct replay_hint *hint = &player->options->hints[i];
    struct call *call = calloc(1, sizeof *call);
    struct json json;
    char url[URL_MAX];
    if (!call)
        return false;
    snprintf(url, sizeof url, "%s/v1/hints", player->options->control);
    call->player = player;
    call->number = player->trace->count + i;
    buf_init(&call->body, BODY_MAX);
    json_init(&json, &call->body, false);
    json_object(&json);
    json_key_str(&json, "resource", table_key(&player->trace->resources, hint->resource));
    json_key_double(&json, "eta_s", time_to_seconds(hint->eta_ns) / player->options->speed);
    json_key_double(&json, "probability", hint->probability);
    json_object_end(&json);
    call_headers(call, TABLE_NONE);
    player->hints_sent++;
    return call_start(call, url);
}

static void finish_request(struct player *player, struct play_result *result, CURL *easy,
                           CURLcode code, long status)
{
    result->status = status;
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME, &result->first_byte_s);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME, &result->total_s);
    if (code != CURLE_OK)
        snprintf(result->error, sizeof result->error, "%s", curl_easy_strerror(code));
    else if (status != 200)
        snprintf(result->error, sizeof result->error, "status %ld", status);
    player->answered++;
    player->failed += result->error[0] != 0;
    player->cold += strcmp(result->state, "cold") == 0;
}

static void finish_one(struct player *player, CURL *easy, CURLcode code)
{
    struct call *call;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->result)
        finish_request(player, call->result, easy, code, status);
    else
        player->hints_refused += code != CURLE_OK || status / 100 != 2;
    player->under_way[call->number] = NULL;
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

/* Sends what is due. */
static bool send_due(struct player *player)
{
    int64_t now = now_ns();
    while (next_hint_ns(player) <= now)
        if (!send_hint(player, player->hints_sent))
            return false;
    while (next_request_ns(player) <= now)
        if (!send_request(player, player->sent))
            return false;
    return true;
}

static bool run(struct player *player, const volatile int *stop)
{
    int running = 0;
    while (!*stop && (next_request_ns(player) != TIME_NEVER || running > 0)) {
        if (!send_due(player) || curl_multi_perform(player->multi, &running) != CURLM_OK)
            return false;
        collect(player);
        report_progress(player);
        int64_t next_ns = next_request_ns(player), hint_ns = next_hint_ns(player);
        int64_t wait_ns = (hint_ns < next_ns ? hint_ns : next_ns) - now_ns();
        if (wait_ns > POLL_MS_MAX * TIME_MILLISECOND)
            wait_ns = POLL_MS_MAX * TIME_MILLISECOND;
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
    player.under_way = calloc(trace->count + options->hint_count + 1, sizeof(CURL *));
    if (!player.multi || !player.under_way) {
        curl_multi_cleanup(player.multi);
        free(player.under_way);
        return false;
    }
    player.first_ns = trace->count > 0 ? trace->requests[0].at_ns : 0;
    if (options->hint_count > 0 && options->hints[0].at_ns < player.first_ns)
        player.first_ns = options->hints[0].at_ns;
    player.start_ns = now_ns();
    bool good = run(&player, stop);
    if (player.hints_refused > 0)
        fprintf(stderr, "loadgen: %zu of %zu hints were not taken\n", player.hints_refused,
                player.hints_sent);
    for (size_t i = 0; i < trace->count + options->hint_count; i++)
        if (player.under_way[i])
            finish_one(&player, player.under_way[i], CURLE_ABORTED_BY_CALLBACK);
    *sent = player.sent;
    curl_multi_cleanup(player.multi);
    free(player.under_way);
    return good;
}
