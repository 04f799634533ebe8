/* SPDX-License-Identifier: MIT
 * Which call is meant, and may it be made: the table of calls, tokens, origins. */
#include "base/check.h"
#include "base/time.h"
#include "edge/control_part.h"
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#define SEE         TOKEN_OBSERVE
#define LOOK        (TOKEN_OBSERVE | TOKEN_WARM) /* who may ask for a warm-up may see how it goes */
#define WARM        TOKEN_WARM
#define WARMUP_BODY control_warmup_fields, 1
#define HINT_BODY   control_hint_fields, 5
const struct control_row control_rows[] = {
    {"POST", "/warmup",                    control_warmup,        NULL, WARMUP_BODY, false, true, WARM},
    {"POST", "/start-warmup",              control_start_warmup,  NULL, WARMUP_BODY, false, true, WARM},
    {"GET",  "/warmup-status",             control_warmup_status, NULL, NULL, 0, false, true, LOOK},
    {"GET",  "/v1/warmups/events",         NULL, control_events,        NULL, 0, false, true, LOOK},
    {"GET",  "/v1/resources",              control_list,          NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/resources/{id}/why",     control_why,           NULL, NULL, 0, false, false, SEE},
    {"POST", "/v1/resources/{id}/warm",    control_warm,          NULL, NULL, 0, false, false, WARM},
    {"POST", "/v1/resources/{id}/unload",  control_unload,        NULL, NULL, 0, false, false, 0},
    {"POST", "/v1/resources/{id}/pin",     control_pin,           NULL, NULL, 0, false, false, 0},
    {"POST", "/v1/resources/{id}/unpin",   control_unpin,         NULL, NULL, 0, false, false, 0},
    {"GET",  "/v1/resources/{id}",         control_show,          NULL, NULL, 0, false, false, SEE},
    {"POST", "/v1/hints",                  control_hint,          NULL, HINT_BODY, false, true, WARM},
    {"POST", "/v1/observations",           control_observe,       NULL, NULL, 0, false, false, WARM},
    {"POST", "/v1/runs",                   NULL, control_runs,          NULL, 0, false, false, WARM},
    {"GET",  "/v1/call-hints",             NULL, control_call_hints,    NULL, 0, false, false, SEE},
    {"POST", "/v1/events",                 control_plan_event,    NULL, NULL, 0, false, false, WARM},
    {"GET",  "/v1/events",                 control_plans,         NULL, NULL, 0, false, false, SEE},
    {"DELETE", "/v1/events/{id}",          control_unplan,        NULL, NULL, 0, false, false, WARM},
    {"GET",  "/v1/demand",                 control_demand,        NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/forecast",               control_foresee,       NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/plan",                   control_plan,          NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/anomalies",              control_anomalies,     NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/scale/{id}",             control_scale,         NULL, NULL, 0, false, false, SEE},
    {"POST", "/v1/forecasts",              control_forecast,      NULL, NULL, 0, false, false, WARM},
    {"GET",  "/v1/predictions",            control_predictions,   NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/next",                   control_next,          NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/sessions",              control_sessions,      NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/live",                  NULL, control_live,          NULL, 0, false, false, SEE},
    {"GET",  "/v1/fleet",                  control_fleet,         NULL, NULL, 0, false, false, SEE},
    {"GET",  "/v1/alerts",                 NULL, control_alerts,        NULL, 0, false, false, SEE},
    {"GET",  "/metrics",                   control_metrics,       NULL, NULL, 0, false, false, SEE},
    {"GET",  "/healthz",                   NULL, control_health,        NULL, 0, true,  false, 0},
    {"GET",  "/readyz",                    control_ready,         NULL, NULL, 0, true,  false, 0},
    {"GET",  "/forewarm.js",               NULL, control_script,        NULL, 0, true,  true, 0},
    {"GET",  "/",                          NULL, control_page,          NULL, 0, true,  false, 0},
    {"GET",  "/dashboard.js",              NULL, control_page_script,   NULL, 0, true,  false, 0},
    {"GET",  "/dashboard.css",             NULL, control_page_style,    NULL, 0, true,  false, 0},
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

/* What the caller's token may do; everything when no token is asked for. */
static unsigned scopes_of(struct control *control, struct str token)
{
    pthread_mutex_lock(&control->lock);
    const struct access *access = control->config->access;
    unsigned scopes = access && access->guards_control ? tokens_find(&access->tokens, token) : ~0u;
    pthread_mutex_unlock(&control->lock);
    return scopes;
}

/* 401 for no token or a wrong one, 403 for one that may not do this (RFC 6750, 3.1). */
static bool token_may(struct control *control, struct exchange *exchange,
                      const struct server_request *request, const struct control_row *row)
{
    char names[64], text[1024], lines[1400], message[128];
    struct str token = tokens_bearer(server_field_get(request, "authorization"));
    unsigned wanted = row->scopes | TOKEN_ADMIN, scopes = scopes_of(control, token);
    if (row->open || scopes & wanted)
        return true;
    control_cors(control, request, text);
    if ((scopes & ~(unsigned)TOKEN_USE) == 0) {
        snprintf(lines, sizeof lines, "%sWWW-Authenticate: Bearer realm=\"forewarm\"%s\r\n", text,
                 token.len > 0 ? ", error=\"invalid_token\"" : "");
        exchange_error_with(exchange, FW_UNAUTHORIZED, -1,
                            STR("this call needs the header Authorization: Bearer TOKEN"),
                            str_of(lines));
        return false;
    }
    tokens_describe(row->scopes != 0 ? row->scopes : TOKEN_ADMIN, " ", names, sizeof names);
    snprintf(lines, sizeof lines,
             "%sWWW-Authenticate: Bearer realm=\"forewarm\", error=\"insufficient_scope\", "
             "scope=\"%s\"\r\n",
             text, names);
    tokens_describe(wanted, " or ", names, sizeof names);
    snprintf(message, sizeof message, "this call needs a token with the scope %s", names);
    exchange_error_with(exchange, FW_FORBIDDEN, -1, str_of(message), str_of(lines));
    return false;
}

static bool origin_listed(struct control *control, struct str origin)
{
    bool listed = false;
    struct str one;
    pthread_mutex_lock(&control->lock);
    struct str rest = str_of(control->config->allowed_origins);
    while (!listed && str_cut(&rest, ' ', &one))
        listed = one.len > 0 && (str_equal(one, STR("*")) || str_equal_nocase(one, origin));
    pthread_mutex_unlock(&control->lock);
    return listed;
}

/* A page of our own: its origin is the host it called. */
static bool origin_is_ours(const struct server_request *request, struct str origin)
{
    struct str host = server_field_get(request, "host");
    struct str scheme = str_starts(origin, STR("https://")) ? STR("https://") : STR("http://");
    return host.len > 0 && origin.len == host.len + scheme.len && str_starts(origin, scheme) &&
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

/* The parameter that a call takes beside ?resource=. */
static const char *query_name(const struct control_row *row)
{
    return row->brain == control_demand      ? "grain"
           : row->brain == control_anomalies ? "state"
                                             : "session";
}

static enum fw_err read_call(struct call *call, const struct server_request *request,
                             const char *id)
{
    snprintf(call->id, sizeof call->id, "%s", id);
    if (!strstr(call->row->path, "{id}") &&
        !server_query_get(request, "resource", call->id, sizeof call->id))
        call->id[0] = 0;
    if (!server_query_get(request, query_name(call->row), call->query, sizeof call->query))
        call->query[0] = 0;
    if (call->row->fields)
        return control_body_parse(request->body, call->row->fields, call->row->field_count,
                                  call->values, &call->detail);
    if (call->row->brain == control_observe || call->row->brain == control_plan_event ||
        call->row->brain == control_forecast || call->row->here == control_runs) {
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
    else if (!token_may(control, exchange, request, row))
        return;
    else if (!origin_may(control, request, row))
        exchange_error(exchange, FW_FORBIDDEN, -1,
                       STR("pages of this origin may not make this call; see allowed_origins"));
    else
        dispatch(control, exchange, request, row, id);
}
