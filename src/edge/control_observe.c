/* SPDX-License-Identifier: MIT
 * What others tell us: hints, and requests that were served elsewhere. */
#include "base/time.h"
#include "edge/control_part.h"
#include <stdio.h>
#include <stdlib.h>

/* An observation may be this old: the engine lives in the present; older logs are for `forewarm
 * replay`. */
#define OBSERVATION_AGE_MAX_NS TIME_MINUTE
enum { ERRORS_SHOWN = 100 };

/* clang-format off */
const struct control_field control_hint_fields[] = {
    {"resource", CONTROL_TEXT, true, 0, 0},
    {"session", CONTROL_TEXT, false, 0, 0},
    {"eta_s", CONTROL_NUMBER, false, 0, 86400},
    {"probability", CONTROL_NUMBER, false, 0, 1},
    {"source", CONTROL_TEXT, false, 0, 0},
};
const size_t control_hint_field_count = sizeof control_hint_fields / sizeof control_hint_fields[0];
enum { HINT_RESOURCE, HINT_SESSION, HINT_ETA, HINT_PROBABILITY, HINT_SOURCE };

const struct control_field control_observation_fields[] = {
    {"resource", CONTROL_TEXT, true, 0, 0},
    {"session", CONTROL_TEXT, false, 0, 0},
    {"duration_s", CONTROL_NUMBER, false, 0, 86400},
    {"time", CONTROL_TEXT, false, 0, 0},
    {"first_byte_s", CONTROL_NUMBER, false, 0, 86400},
};
enum {
    OBSERVATION_RESOURCE,
    OBSERVATION_SESSION,
    OBSERVATION_DURATION,
    OBSERVATION_TIME,
    OBSERVATION_FIRST_BYTE,
    OBSERVATION_FIELDS
};
/* clang-format on */

static uint64_t session_number(const struct control_value *value)
{
    if (!value->given)
        return 0;
    uint64_t session = str_hash(value->text, strlen(value->text), 0);
    return session != 0 ? session : 1;
}

/* ---- hints ---- */

bool control_hint(struct brain *brain, struct call *call)
{
    struct json json;
    const struct control_value *values = call->values;
    call->err = control_resolve(brain, call, values[HINT_RESOURCE].text);
    if (call->err != FW_OK)
        return true;
    const struct event event = {
        .kind = EVENT_HINT,
        .resource = call->resource,
        .session = session_number(&values[HINT_SESSION]),
        .eta_ns = values[HINT_ETA].given ? time_from_seconds(values[HINT_ETA].number) : 0,
        .probability = values[HINT_PROBABILITY].given ? values[HINT_PROBABILITY].number : 1,
        .source = brain_source(brain, str_of(values[HINT_SOURCE].text)),
    };
    brain_step(brain, &event);
    struct resource_view view;
    engine_view(brain_engine(brain), call->resource, brain_now_ns(brain), &view);
    uint64_t used = 0, settled = 0;
    (void)engine_hint_precision(brain_engine(brain), event.source, &used, &settled);
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "resource", brain_site(brain, call->resource)->id);
    json_key_text(&json, "state", resource_state_name(view.state));
    json_key(&json, "source");
    json_object(&json);
    json_key_text(&json, "name", brain_source_name(brain, event.source));
    json_key_uint(&json, "used", used);
    json_key_uint(&json, "settled", settled);
    json_object_end(&json);
    json_object_end(&json);
    call->status = 202;
    return true;
}

/* ---- observations ---- */

struct batch {
    struct brain *brain;
    struct call *call;
    struct json *errors;
    uint64_t accepted, rejected;
};

static enum fw_err check_time(struct brain *brain, const struct control_value *value,
                              struct fw_detail *detail)
{
    int64_t at_ns;
    if (!value->given)
        return FW_OK;
    if (!time_parse_iso(str_of(value->text), &at_ns, NULL))
        return err_set(detail, FW_INPUT,
                       "time: found \"%.60s\", expected an instant such as 2024-11-15T16:57:50Z",
                       value->text);
    int64_t age_ns = brain_now_ns(brain) - at_ns;
    if (age_ns > OBSERVATION_AGE_MAX_NS || age_ns < -OBSERVATION_AGE_MAX_NS)
        return err_set(detail, FW_INPUT,
                       "time: more than a minute away from now; logs are for `forewarm replay`");
    return FW_OK;
}

static enum fw_err observe(struct batch *batch, struct str item, struct fw_detail *detail)
{
    struct control_value values[OBSERVATION_FIELDS];
    struct call *call = batch->call;
    FW_TRY(
        control_body_parse(item, control_observation_fields, OBSERVATION_FIELDS, values, detail));
    enum fw_err err = control_resolve(batch->brain, call, values[OBSERVATION_RESOURCE].text);
    if (err != FW_OK) {
        *detail = call->detail;
        call->detail.text[0] = 0;
        return err;
    }
    FW_TRY(check_time(batch->brain, &values[OBSERVATION_TIME], detail));
    const struct event event = {
        .kind = EVENT_OBSERVED,
        .resource = call->resource,
        .session = session_number(&values[OBSERVATION_SESSION]),
        .duration_ns = time_from_seconds(values[OBSERVATION_DURATION].number),
    };
    brain_step(batch->brain, &event);
    if (values[OBSERVATION_FIRST_BYTE].given)
        brain_observe_latency(batch->brain, call->resource,
                              time_from_seconds(values[OBSERVATION_FIRST_BYTE].number));
    return FW_OK;
}

static void take_item(void *context, size_t number, struct str item)
{
    struct batch *batch = context;
    struct fw_detail detail = {{0}};
    if (observe(batch, item, &detail) == FW_OK) {
        batch->accepted++;
        return;
    }
    batch->rejected++;
    if (batch->rejected > ERRORS_SHOWN)
        return;
    json_object(batch->errors);
    json_key_uint(batch->errors, "line", number);
    json_key_text(batch->errors, "error", detail.text);
    json_object_end(batch->errors);
}

/* {"accepted","rejected","errors":[{"line","error"}]}; 400 when nothing was accepted. */
bool control_observe(struct brain *brain, struct call *call)
{
    struct buf errors_text;
    struct json errors, json;
    buf_init(&errors_text, 1 << 20);
    json_init(&errors, &errors_text, false);
    json_array(&errors);
    struct batch batch = {.brain = brain, .call = call, .errors = &errors};
    call->err = control_body_each(buf_str(&call->body), take_item, &batch, &call->detail);
    json_array_end(&errors);
    if (call->err == FW_OK && batch.accepted + batch.rejected == 0)
        call->err =
            err_set(&call->detail, FW_INPUT, "the body is empty, expected one observation a line");
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
