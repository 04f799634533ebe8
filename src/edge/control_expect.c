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
};
enum { RESOURCE, START, END, REQUESTS, MULTIPLIER, SOURCE, FIELDS };
/* clang-format on */

struct batch {
    struct brain *brain;
    struct call *call;
    struct json *errors;
    uint32_t flags;
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

static enum fw_err make_event(struct batch *batch, const struct control_value *values,
                              struct event *event, struct fw_detail *detail)
{
    int64_t start_ns, end_ns, now_ns = brain_now_ns(batch->brain);
    FW_TRY(read_time("start", &values[START], &start_ns, detail));
    end_ns = time_add(start_ns, TIME_HOUR);
    if (values[END].given)
        FW_TRY(read_time("end", &values[END], &end_ns, detail));
    if (end_ns <= start_ns || end_ns <= now_ns)
        return err_set(detail, FW_INPUT, "end: expected an instant after start, and after now");
    if (values[REQUESTS].given && values[MULTIPLIER].given)
        return err_set(detail, FW_INPUT,
                       "multiplier: found beside expected_requests, expected one of them");
    int64_t from_ns = start_ns > now_ns ? start_ns : now_ns;
    /* Of a span that has begun the part to come counts; so much of the requests, too. */
    double requests = values[REQUESTS].given ? values[REQUESTS].number : 1;
    requests *= (double)(end_ns - from_ns) / (double)(end_ns - start_ns);
    *event = (struct event){.kind = EVENT_EXPECT,
                            .eta_ns = from_ns - now_ns,
                            .duration_ns = end_ns - from_ns,
                            .probability = requests,
                            .flags = batch->flags,
                            .source = brain_source(batch->brain, str_of(values[SOURCE].text))};
    if (values[MULTIPLIER].given) {
        event->probability = values[MULTIPLIER].number;
        event->flags |= EVENT_MULTIPLIER;
    }
    return FW_OK;
}

static enum fw_err expect(struct batch *batch, struct str item, struct fw_detail *detail)
{
    struct control_value values[FIELDS];
    struct call *call = batch->call;
    struct event event;
    FW_TRY(control_body_parse(item, fields, FIELDS, values, detail));
    bool all = str_equal(str_of(values[RESOURCE].text), STR("*"));
    enum fw_err err = all ? FW_OK : control_resolve(batch->brain, call, values[RESOURCE].text);
    if (err != FW_OK) {
        *detail = call->detail;
        call->detail.text[0] = 0;
        return err;
    }
    FW_TRY(make_event(batch, values, &event, detail));
    uint32_t first = all ? 0 : call->resource,
             end = all ? engine_resource_count(brain_engine(batch->brain)) : call->resource + 1;
    for (event.resource = first; event.resource < end; event.resource++)
        brain_step(batch->brain, &event);
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

/* {"accepted","rejected","errors":[{"line","error"}]}; 400 when nothing was accepted. */
static bool take_all(struct brain *brain, struct call *call, uint32_t flags)
{
    struct buf errors_text;
    struct json errors, json;
    buf_init(&errors_text, 1 << 20);
    json_init(&errors, &errors_text, false);
    json_array(&errors);
    struct batch batch = {.brain = brain, .call = call, .errors = &errors, .flags = flags};
    call->err = control_body_each(buf_str(&call->body), take_item, &batch, &call->detail);
    json_array_end(&errors);
    if (call->err == FW_OK && batch.accepted + batch.rejected == 0)
        call->err = err_set(&call->detail, FW_INPUT, "the body is empty, expected an object");
    if (call->err == FW_OK) {
        json_init(&json, &call->out, false);
        json_object(&json);
        json_key_uint(&json, "accepted", batch.accepted);
        json_key_uint(&json, "rejected", batch.rejected);
        json_key(&json, "errors");
        json_raw(&json, buf_str(&errors_text));
        json_object_end(&json);
        call->status = batch.accepted > 0 ? 200 : 400;
    }
    buf_fini(&errors_text);
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
