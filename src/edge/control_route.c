/* SPDX-License-Identifier: MIT
 * Which call is meant, and may it be made: the table of calls, tokens, origins. */
#include "base/check.h"
#include "base/time.h"
#include "edge/control_part.h"
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#define WARMUP_BODY control_warmup_fields, 1
#define HINT_BODY   control_hint_fields, 5
const struct control_row control_rows[] = {
    {"POST", "/warmup",                    control_warmup,        NULL, WARMUP_BODY, false, true},
    {"POST", "/start-warmup",              control_start_warmup,  NULL, WARMUP_BODY, false, true},
    {"GET",  "/warmup-status",             control_warmup_status, NULL, NULL, 0, false, true},
    {"GET",  "/v1/warmups/events",         NULL, control_events,        NULL, 0, false, true},
    {"GET",  "/v1/resources",              control_list,          NULL, NULL, 0, false, false},
    {"GET",  "/v1/resources/{id}/why",     control_why,           NULL, NULL, 0, false, false},
    {"POST", "/v1/resources/{id}/warm",    control_warm,          NULL, NULL, 0, false, false},
    {"POST", "/v1/resources/{id}/unload",  control_unload,        NULL, NULL, 0, false, false},
    {"POST", "/v1/resources/{id}/pin",     control_pin,           NULL, NULL, 0, false, false},
    {"POST", "/v1/resources/{id}/unpin",   control_unpin,         NULL, NULL, 0, false, false},
    {"GET",  "/v1/resources/{id}",         control_show,          NULL, NULL, 0, false, false},
    {"POST", "/v1/hints",                  control_hint,          NULL, HINT_BODY, false, true},
    {"POST", "/v1/observations",           control_observe,       NULL, NULL, 0, false, false},
    {"POST", "/v1/events",                 control_plan_event,    NULL, NULL, 0, false, false},
    {"POST", "/v1/forecasts",              control_forecast,      NULL, NULL, 0, false, false},
    {"GET",  "/v1/predictions",            control_predictions,   NULL, NULL, 0, false, false},
    {"GET",  "/v1/next",                   control_next,          NULL, NULL, 0, false, false},
    {"GET",  "/metrics",                   control_metrics,       NULL, NULL, 0, false, false},
    {"GET",  "/healthz",                   NULL, control_health,        NULL, 0, true,  false},
    {"GET",  "/readyz",                    control_ready,         NULL, NULL, 0, true,  false},
    {"GET",  "/",                          NULL, control_page,          NULL, 0, true,  false},
};
/* clang-format on */
const size_t control_row_count = sizeof control_rows / sizeof control_rows[0];

/* ---- paths ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(struct str text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int c = (unsigned char)text.data[i];
        if (c == '%') {
            if (i + 2 >= text.len || hex(text.data[i + 1]) < 0 || hex(text.data[i + 2]) < 0)
                return false;
            c = hex(text.data[i + 1]) * 16 + hex(text.data[i + 2]);
            i += 2;
        }
        if (c == 0 || len + 1 >= size)
            return false;
        out[len++] = (char)c;
    }
    out[len] = 0;
    return len > 0;
}

static bool path_matches(const char *pattern, struct str path, char id[CONFIG_ID_MAX])
{
    const char *brace = strstr(pattern, "{id}");
    if (!brace)
        return str_equal(path, str_of(pattern));
    struct str before = {pattern, (size_t)(brace - pattern)}, after = str_of(brace + 4);
    if (path.len <= before.len + after.len || !str_starts(path, before) || !str_ends(path, after))
        return false;
    return decode((struct str){path.data + before.len, path.len - before.len - after.len}, id,
                  CONFIG_ID_MAX);
}

/* The row, or NULL with FW_METHOD when the path exists with another method. */
static const struct control_row *find_row(const struct server_request *request,
                                          char id[CONFIG_ID_MAX], enum fw_err *err)
{
    *err = FW_NOT_FOUND;
    bool head = str_equal(request->method, STR("HEAD"));
    struct str method = head ? STR("GET") : request->method;
    for (size_t i = 0; i < control_row_count; i++) {
        if (!path_matches(control_rows[i].path, request->path, id))
            continue;
        if (str_equal(method, str_of(control_rows[i].method)))
            return &control_rows[i];
        /* ".../{id}" also matches ".../x/why": another row decides unless none does. */
        *err = FW_METHOD;
    }
    return NULL;
}

/* ---- who may ---- */

/* Takes as long for every wrong token. */
static bool same_token(const char *expected, struct str found)
{
    size_t len = strlen(expected);
    unsigned char difference = found.len != len;
    for (size_t i = 0; i < found.len; i++)
        difference |= (unsigned char)(found.data[i] ^ expected[len > 0 ? i % len : 0]);
    return difference == 0;
}

static bool has_token(struct control *control, const struct server_request *request)
{
    struct str field = server_field_get(request, "authorization");
    struct str found = {"", 0};
    if (field.len > 7 && str_equal_nocase((struct str){field.data, 7}, STR("bearer ")))
        found = str_trim((struct str){field.data + 7, field.len - 7});
    pthread_mutex_lock(&control->lock);
    bool ok = control->token[0] == 0 || same_token(control->token, found);
    pthread_mutex_unlock(&control->lock);
    return ok;
}

static bool origin_listed(struct control *control, struct str origin)
{
    bool listed = false;
    struct str one;
    pthread_mutex_lock(&control->lock);
    struct str rest = str_of(control->origins);
    while (!listed && str_cut(&rest, ' ', &one))
        listed = one.len > 0 && (str_equal(one, STR("*")) || str_equal_nocase(one, origin));
    pthread_mutex_unlock(&control->lock);
    return listed;
}

/* A page of our own: its origin is the host it called. */
static bool origin_is_ours(const struct server_request *request, struct str origin)
{
    struct str host = server_field_get(request, "host");
    return host.len > 0 && origin.len == host.len + 7 && str_starts(origin, STR("http://")) &&
           str_ends(origin, host);
}

/* A browser says whose page is calling. Without this check any web page could unload models of a
 * forewarm on the visitor's machine. */
static bool origin_may(struct control *control, const struct server_request *request,
                       const struct control_row *row)
{
    struct str origin = server_field_get(request, "origin");
    if (!origin.data || origin_is_ours(request, origin))
        return true;
    return row->page && origin_listed(control, origin);
}

struct str control_cors(struct control *control, const struct server_request *request,
                        char text[1024])
{
    struct str origin = server_field_get(request, "origin");
    text[0] = 0;
    if (origin.data && origin.len < 512 && origin_listed(control, origin))
        snprintf(text, 1024,
                 "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\nCache-Control: no-store\r\n",
                 STR_ARG(origin));
    else
        snprintf(text, 1024, "Cache-Control: no-store\r\n");
    return str_of(text);
}

/* What a browser asks before a call from another origin. */
static void answer_preflight(struct control *control, struct exchange *exchange,
                             const struct server_request *request)
{
    char text[1024], extra[1400];
    struct str origin = server_field_get(request, "origin");
    if (!origin.data || !origin_listed(control, origin)) {
        exchange_error(exchange, FW_FORBIDDEN, -1, STR("this origin is not in allowed_origins"));
        return;
    }
    control_cors(control, request, text);
    snprintf(extra, sizeof extra,
             "%sAccess-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Headers: "
             "authorization, content-type\r\n"
             "Access-Control-Max-Age: 600\r\n",
             text);
    exchange_answer(exchange, 204, "text/plain", str_of(extra), STR(""));
}

/* ---- dispatch ---- */

static void run_on_brain(struct brain *brain, void *context)
{
    struct call *call = context;
    if (call->row->brain(brain, call))
        control_finish(call->control, call);
}

static struct call *new_call(struct control *control, struct exchange *exchange,
                             const struct control_row *row)
{
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->control = control;
    call->exchange = exchange;
    call->row = row;
    call->status = 200;
    call->content_type = "application/json";
    call->retry_after_s = -1;
    call->began_ns = jobs_now_ns();
    buf_init(&call->out, CONTROL_ANSWER_MAX);
    buf_init(&call->body, CONTROL_BODY_MAX);
    return call;
}

static enum fw_err read_call(struct call *call, const struct server_request *request,
                             const char *id)
{
    snprintf(call->id, sizeof call->id, "%s", id);
    if (!strstr(call->row->path, "{id}") &&
        !server_query_get(request, "resource", call->id, sizeof call->id))
        call->id[0] = 0;
    if (!server_query_get(request, "session", call->query, sizeof call->query))
        call->query[0] = 0;
    if (call->row->fields)
        return control_body_parse(request->body, call->row->fields, call->row->field_count,
                                  call->values, &call->detail);
    if (call->row->brain == control_observe || call->row->brain == control_plan_event ||
        call->row->brain == control_forecast) {
        buf_add_str(&call->body, request->body);
        return call->body.failed ? FW_NOMEM : FW_OK;
    }
    return FW_OK;
}

static void dispatch(struct control *control, struct exchange *exchange,
                     const struct server_request *request, const struct control_row *row,
                     const char *id)
{
    struct call *call = new_call(control, exchange, row);
    if (!call) {
        exchange_error(exchange, FW_NOMEM, 1, (struct str){0});
        return;
    }
    call->err = read_call(call, request, id);
    if (call->err != FW_OK) {
        control_send(call);
        return;
    }
    if (row->here) {
        row->here(control, call);
        return;
    }
    exchange_set_context(exchange, call);
    brain_call(control->setup.brain, run_on_brain, call);
}

void control_on_request(void *context, struct exchange *exchange,
                        const struct server_request *request)
{
    struct control *control = context;
    char id[CONFIG_ID_MAX] = "";
    enum fw_err err;
    exchange_set_context(exchange, NULL);
    if (str_equal(request->method, STR("OPTIONS"))) {
        answer_preflight(control, exchange, request);
        return;
    }
    const struct control_row *row = find_row(request, id, &err);
    if (!row)
        exchange_error(exchange, err, -1, (struct str){0});
    else if (!row->open && !has_token(control, request))
        exchange_error(exchange, FW_UNAUTHORIZED, -1,
                       STR("this call needs the header Authorization: Bearer TOKEN"));
    else if (!origin_may(control, request, row))
        exchange_error(exchange, FW_FORBIDDEN, -1,
                       STR("pages of this origin may not make this call; see allowed_origins"));
    else
        dispatch(control, exchange, request, row, id);
}
