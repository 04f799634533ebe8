/* SPDX-License-Identifier: MIT */
#include "edge/prometheus.h"
#include "base/time.h"
#include "edge/call.h"
#include "edge/secret.h"
#include <stdlib.h>

enum { ADDRESS_MAX = 2048, FORM_MAX = 3 * PROMETHEUS_QUERY_MAX + 256 };

/* The steps from 1970 up to a time, rounded down also before it. */
static int64_t floor_to(int64_t at_ns, int64_t step_ns)
{
    int64_t rest = at_ns % step_ns;
    return at_ns - (rest < 0 ? rest + step_ns : rest);
}

enum fw_err prometheus_range(struct prometheus_range *range, int64_t now_ns, int64_t range_ns,
                             int64_t step_ns, struct fw_detail *detail)
{
    char step[TIME_TEXT_MAX], all[TIME_TEXT_MAX];
    (void)time_format_duration(step_ns, step);
    (void)time_format_duration(range_ns, all);
    if (step_ns < TIME_SECOND || step_ns % TIME_MILLISECOND != 0)
        return err_set(detail, FW_INPUT,
                       "the step: found %s, expected a second or more in whole milliseconds", step);
    if (range_ns < step_ns)
        return err_set(detail, FW_INPUT, "the range: found %s, expected at least the step, %s", all,
                       step);
    if (range_ns / step_ns > PROMETHEUS_POINTS_MAX)
        return err_set(detail, FW_INPUT,
                       "the range: %s in steps of %s are more than %d points; take a longer step",
                       all, step, (int)PROMETHEUS_POINTS_MAX);
    if (now_ns < 0 || now_ns > TIME_NEVER / 2 || range_ns > now_ns)
        return err_set(detail, FW_INPUT, "the range: %s goes back to before 1970", all);
    range->step_ns = step_ns;
    range->to_ns = floor_to(now_ns, step_ns);
    range->from_ns = range->to_ns - (range_ns / step_ns - 1) * step_ns;
    return FW_OK;
}

void prometheus_points_fini(struct prometheus_points *points)
{
    free(points->at_ns);
    free(points->value);
    *points = (struct prometheus_points){0};
}

/* ---- asking ---- */

/* Form fields: what is neither letter, digit nor one of these four goes as %XX. */
static void add_encoded(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void add_seconds(struct buf *out, const char *field, int64_t ns)
{
    buf_printf(out, "&%s=%lld.%03lld", field, (long long)(ns / TIME_SECOND),
               (long long)(ns % TIME_SECOND / TIME_MILLISECOND));
}

static void write_form(struct buf *form, const char *query, const struct prometheus_range *piece)
{
    buf_clear(form);
    buf_add_text(form, "query=");
    add_encoded(form, query);
    add_seconds(form, "start", piece->from_ns);
    add_seconds(form, "end", piece->to_ns);
    add_seconds(form, "step", piece->step_ns);
}

/* An answer is larger than what a call keeps by itself. */
static bool take(void *context, struct str piece)
{
    struct buf *body = context;
    buf_add_str(body, piece);
    return !body->failed;
}

static enum fw_err ask(const struct call_request *request, const struct prometheus_range *piece,
                       const atomic_bool *cancel, struct prometheus_points *points,
                       struct buf *body, struct fw_detail *detail)
{
    struct call_result result = {0};
    buf_clear(body);
    enum fw_err err = call_send(request, cancel, &result, detail);
    if (err == FW_NOMEM)
        err = err_set(detail, FW_NOMEM, "%s: no memory for a call", request->address);
    if (err == FW_OK && body->failed)
        err = err_set(detail, FW_UPSTREAM, "%s: its answer is larger than %d MiB", request->address,
                      PROMETHEUS_ANSWER_MAX >> 20);
    points->questions++;
    if (err == FW_OK)
        err = prometheus_answer(points, buf_str(body), result.status, piece, request->address,
                                detail);
    call_result_fini(&result);
    return err;
}

static enum fw_err ask_all(const struct call_request *call, const char *query,
                           const struct prometheus_range *range, const atomic_bool *cancel,
                           struct prometheus_points *points, struct fw_detail *detail)
{
    struct buf form, body;
    struct call_request request = *call;
    enum fw_err err = FW_OK;
    buf_init(&form, FORM_MAX);
    buf_init(&body, PROMETHEUS_ANSWER_MAX);
    request.take = take;
    request.context = &body;
    struct prometheus_range piece = {.step_ns = range->step_ns};
    for (int64_t at = range->from_ns; at <= range->to_ns && err == FW_OK;
         at = piece.to_ns + range->step_ns) {
        int64_t last = at + (PROMETHEUS_PIECE_POINTS - 1) * range->step_ns;
        piece.from_ns = at;
        piece.to_ns = last < range->to_ns ? last : range->to_ns;
        write_form(&form, query, &piece);
        request.body = form.data;
        request.body_bytes = form.len;
        err = form.failed ? err_set(detail, FW_NOMEM, "no memory for the query")
                          : ask(&request, &piece, cancel, points, &body, detail);
    }
    buf_fini(&form);
    buf_fini(&body);
    return err;
}

static enum fw_err check_query(const char *query, struct fw_detail *detail)
{
    struct str text = str_of(query);
    if (str_trim(text).len == 0)
        return err_set(detail, FW_INPUT,
                       "the query is empty, expected PromQL such as sum(rate(requests_total[5m]))");
    if (text.len > PROMETHEUS_QUERY_MAX)
        return err_set(detail, FW_INPUT, "the query has %zu bytes, expected at most %d", text.len,
                       (int)PROMETHEUS_QUERY_MAX);
    return FW_OK;
}

enum fw_err prometheus_query(const struct prometheus_source *source,
                             const struct prometheus_range *range, const atomic_bool *cancel,
                             struct prometheus_points *points, struct fw_detail *detail)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded"};
    struct secret token = {.len = 0};
    struct buf address;
    *points = (struct prometheus_points){0};
    FW_TRY(check_query(source->query, detail));
    if (source->token_file && source->token_file[0])
        FW_TRY(secret_read(&token, "the token file", source->token_file, detail));
    buf_init(&address, ADDRESS_MAX);
    const struct config_call call = {.url = "/api/v1/query_range"};
    call_address(&call, &source->url, &address);
    struct call_request request = {.method = "POST",
                                   .address = address.data,
                                   .headers = headers,
                                   .header_count = 1,
                                   .token = token.len > 0 ? token.bytes : NULL,
                                   .ca_file = source->ca_file,
                                   .timeout_ns = source->timeout_ns};
    enum fw_err err = address.failed
                          ? err_set(detail, FW_NOMEM, "no memory for the address")
                          : ask_all(&request, source->query, range, cancel, points, detail);
    buf_fini(&address);
    secret_wipe(&token, sizeof token);
    return err;
}
