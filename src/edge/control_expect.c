/* SPDX-License-Identifier: MIT
 * What others expect: planned events, and forecasts. One JSON object, an array of them, or one a
 * line. */
#include "base/time.h"
#include "edge/control_part.h"

enum { ERRORS_SHOWN = 100 };

/* clang-format off */
static const struct control_field fields[] = {
    {"resource", CONTROL_TEXT, true, 0, 0},
    {"start", CONTROL_TEXT, true, 0, 0},
    {"end", CONTROL_TEXT, false, 0, 0},
    {"expected_requests", CONTROL_NUMBER, false, 0, 1e9},
    {"multiplier", CONTROL_NUMBER, false, 0, 1e6},
    {"source", CONTROL_TEXT, false, 0, 0},
    {"name", CONTROL_TEXT, false, 0, 0}, /* of planned events alone, like the next */
    {"class", CONTROL_TEXT, false, 0, 0},
};
enum { RESOURCE, START, END, REQUESTS, MULTIPLIER, SOURCE, FORECAST_FIELDS, NAME = FORECAST_FIELDS, CLASS, FIELDS };
/* clang-format on */

struct batch {
    struct brain *brain;
    struct call *call;
    struct json *errors;
    uint32_t flags;
    struct json *ids; /* of planned events that were accepted */
    uint64_t accepted, rejected;
};

static enum fw_err read_time(const char *name, const struct control_value *value, int64_t *at_ns,
                             struct fw_detail *detail)
{
    if (time_parse_iso(str_of(value->text), at_ns, NULL))
        return FW_OK;
    return err_set(detail, FW_INPUT,
                   "%s: found \"%.60s\", expected an instant such as 2024-11-15T16:57:50Z", name,
                   value->text);
}

/* Events of one name are judged together. */
static struct str name_of(const struct control_value *values)
{
    return str_of(values[values[NAME].given ? NAME : SOURCE].text);
}

struct span {
    int64_t start_ns, end_ns;
};

static enum fw_err read_span(const struct control_value *values, int64_t now_ns, struct span *span,
                             struct fw_detail *detail)
{
    FW_TRY(read_time("start", &values[START], &span->start_ns, detail));
    span->end_ns = time_add(span->start_ns, TIME_HOUR);
    if (values[END].given)
        FW_TRY(read_time("end", &values[END], &span->end_ns, detail));
    if (span->start_ns < 0 || span->end_ns <= span->start_ns || span->end_ns <= now_ns)
        return err_set(detail, FW_INPUT, "end: expected an instant after start, and after now");
    if (values[REQUESTS].given && values[MULTIPLIER].given)
        return err_set(detail, FW_INPUT,
                       "multiplier: found beside expected_requests, expected one of them");
    return FW_OK;
}

static enum fw_err make_event(struct batch *batch, const struct control_value *values,
                              struct span *span, struct event *event, struct fw_detail *detail)
{
    int64_t now_ns = brain_now_ns(batch->brain);
    FW_TRY(read_span(values, now_ns, span, detail));
    int64_t start_ns = span->start_ns, end_ns = span->end_ns,
            from_ns = start_ns > now_ns ? start_ns : now_ns;
    /* Of a span that has begun the part to come counts; so much of the requests, too. */
    double requests = values[REQUESTS].given ? values[REQUESTS].number : 1;
    requests *= (double)(end_ns - from_ns) / (double)(end_ns - start_ns);
    *event = (struct event){.kind = EVENT_EXPECT,
                            .eta_ns = from_ns - now_ns,
                            .duration_ns = end_ns - from_ns,
                            .probability = requests,
                            .flags = batch->flags,
                            .source = brain_source(batch->brain, name_of(values))};
    if (values[MULTIPLIER].given) {
        event->probability = values[MULTIPLIER].number;
        event->flags |= EVENT_MULTIPLIER;
    }
    return FW_OK;
}

/* Into the calendar, where it may teach and raise forecasts. */
static enum fw_err plan(struct batch *batch, const struct control_value *values,
                        const struct span *span, const char *resource, struct fw_detail *detail)
{
    struct brain *brain = batch->brain;
    struct plan_item item = {.start_ns = span->start_ns,
                             .end_ns = span->end_ns,
                             .requests = values[MULTIPLIER].given ? values[MULTIPLIER].number
                                         : values[REQUESTS].given ? values[REQUESTS].number
                                                                  : 1,
                             .multiplier = values[MULTIPLIER].given,
                             .origin = PLAN_API};
    struct str name = name_of(values), class = str_of(values[CLASS].text);
    uint64_t number = 0;
    if (name.len >= sizeof item.name || class.len >= sizeof item.class_name)
        return err_set(detail, FW_INPUT, "name: at most %zu bytes, class: at most %zu",
                       sizeof item.name - 1, sizeof item.class_name - 1);
    memcpy(item.name, name.data, name.len);
    memcpy(item.class_name, class.data, class.len);
    memcpy(item.resource, resource, strlen(resource));
    if (foresight_plan(brain_foresight(brain), &item, &number) != FW_OK)
        return err_set(detail, FW_LIMIT, "%d events are planned: take some back first",
                       FORESIGHT_PLANS_MAX);
    foresight_hurry(brain_foresight(brain), item.resource);
    json_uint(batch->ids, number);
    return FW_OK;
}

static enum fw_err expect(struct batch *batch, struct str item, struct fw_detail *detail)
{
    struct control_value values[FIELDS] = {0};
    struct call *call = batch->call;
    struct event event;
    struct span span;
    bool planned = batch->flags & EVENT_PLANNED;
    FW_TRY(control_body_parse(item, fields, planned ? FIELDS : FORECAST_FIELDS, values, detail));
    bool all = str_equal(str_of(values[RESOURCE].text), STR("*"));
    enum fw_err err = all ? FW_OK : control_resolve(batch->brain, call, values[RESOURCE].text);
    if (err != FW_OK) {
        *detail = call->detail;
        call->detail.text[0] = 0;
        return err;
    }
    FW_TRY(make_event(batch, values, &span, &event, detail));
    if (planned)
        FW_TRY(plan(batch, values, &span, all ? "" : brain_site(batch->brain, call->resource)->id,
                    detail));
    uint32_t first = all ? 0 : call->resource,
             end = all ? engine_resource_count(brain_engine(batch->brain)) : call->resource + 1;
    for (event.resource = first; event.resource < end; event.resource++) {
        if (!planned)
            brain_heard_forecast(batch->brain, event.resource, span.end_ns);
        brain_step(batch->brain, &event);
    }
    return FW_OK;
}

static void take_item(void *context, size_t number, struct str item)
{
    struct batch *batch = context;
    struct fw_detail detail = {{0}};
    if (expect(batch, item, &detail) == FW_OK) {
        batch->accepted++;
        return;
    }
    if (++batch->rejected > ERRORS_SHOWN)
        return;
    json_object(batch->errors);
    json_key_uint(batch->errors, "line", number);
    json_key_text(batch->errors, "error", detail.text);
    json_object_end(batch->errors);
}

/* {"accepted","rejected","errors":[{"line","error"}],"ids"?}; 400 when nothing was accepted. */
static bool take_all(struct brain *brain, struct call *call, uint32_t flags)
{
    struct buf errors_text, ids_text;
    struct json errors, ids, json;
    buf_init(&errors_text, 1 << 20);
    buf_init(&ids_text, 1 << 20);
    json_init(&ids, &ids_text, false);
    json_array(&ids);
    json_init(&errors, &errors_text, false);
    json_array(&errors);
    struct batch batch = {
        .brain = brain, .call = call, .errors = &errors, .ids = &ids, .flags = flags};
    call->err = control_body_each(buf_str(&call->body), take_item, &batch, &call->detail);
    json_array_end(&errors);
    json_array_end(&ids);
    if (call->err == FW_OK && batch.accepted + batch.rejected == 0)
        call->err = err_set(&call->detail, FW_INPUT, "the body is empty, expected an object");
    if (call->err == FW_OK) {
        json_init(&json, &call->out, false);
        json_object(&json);
        json_key_uint(&json, "accepted", batch.accepted);
        json_key_uint(&json, "rejected", batch.rejected);
        json_key(&json, "errors");
        json_raw(&json, buf_str(&errors_text));
        if (flags & EVENT_PLANNED) {
            json_key(&json, "ids");
            json_raw(&json, buf_str(&ids_text));
        }
        json_object_end(&json);
        call->status = batch.accepted > 0 ? 200 : 400;
    }
    buf_fini(&errors_text);
    buf_fini(&ids_text);
    return true;
}

bool control_plan_event(struct brain *brain, struct call *call)
{
    return take_all(brain, call, EVENT_PLANNED);
}

bool control_forecast(struct brain *brain, struct call *call)
{
    return take_all(brain, call, 0);
}
