/* SPDX-License-Identifier: MIT
 * Why a resource is as it is: the latest decisions with their numbers, and the signals that are
 * listened to. */
#include "base/time.h"
#include "edge/control_part.h"
#include "plan/policies.h"

enum { DECISIONS_SHOWN = 50, EVENTS_SHOWN = 10 };

static void write_decision(struct brain *brain, struct json *json, const struct decision *decision)
{
    const struct action *action = &decision->action;
    struct buf why;
    buf_init(&why, 1024);
    engine_describe(brain_engine(brain), action, &why);
    json_object(json);
    json_key_uint(json, "number", decision->number);
    control_write_time(json, "at", action->at_ns);
    json_key_text(json, "action", action_kind_name(action->kind));
    json_key_text(json, "reason", reason_name(action->reason));
    json_key_str(json, "why", buf_str(&why));
    json_key_text(json, "cause", cause_name(action->cause));
    json_key(json, "numbers");
    json_array(json);
    for (size_t i = 0; i < sizeof action->numbers / sizeof action->numbers[0]; i++)
        json_int(json, action->numbers[i]);
    json_array_end(json);
    if (action->devices != 0) {
        json_key(json, "devices");
        control_write_devices(brain, action->devices, json);
    }
    json_object_end(json);
    buf_fini(&why);
}

static void write_event(struct json *json, struct brain *brain, const struct planned_event *event,
                        bool open)
{
    uint64_t used = 0, settled = 0;
    const char *source = brain_source_name(brain, event->source);
    (void)engine_hint_precision(brain_engine(brain), event->source, &used, &settled);
    json_object(json);
    json_key_text(json, "signal", "event");
    if (source)
        json_key_text(json, "source", source);
    control_write_time(json, "start", event->from_ns);
    control_write_time(json, "end", event->to_ns);
    json_key_double(json, "expected_requests", event->requests);
    json_key_uint(json, "came_true", used);
    json_key_uint(json, "of", settled);
    json_key_double(json, "earned_s", event->earned_s);
    json_key_bool(json, "acts", !event->silent);
    json_key_bool(json, "followed", open && !event->silent);
    json_object_end(json);
}

/* Planned events, the one whose first request is waited for before those to come. */
static void write_planned(struct json *json, struct brain *brain, uint32_t resource)
{
    struct planned_event event;
    uint32_t shown = 0;
    if (engine_planned_open(brain_engine(brain), resource, &event))
        write_event(json, brain, &event, true);
    for (uint32_t i = 0; shown < EVENTS_SHOWN && engine_planned(brain_engine(brain), i, &event);
         i++)
        if (event.resource == resource) {
            write_event(json, brain, &event, false);
            shown++;
        }
}

/* What the policy listens to besides its gaps, and what that would have saved. */
static void write_signals(struct json *json, struct brain *brain, uint32_t resource)
{
    struct policy_signal signals[POLICY_SIGNALS_MAX];
    size_t count = engine_signals(brain_engine(brain), resource, signals);
    json_key(json, "signals");
    json_array(json);
    for (size_t i = 0; i < count; i++) {
        json_object(json);
        json_key_text(json, "signal", signals[i].name);
        if (signals[i].source > 0)
            json_key_text(json, "source", brain_source_name(brain, signals[i].source));
        json_key_uint(json, "gaps", signals[i].judged);
        json_key_double(json, "saved_s", signals[i].saved_s);
        json_key_double(json, "of_s", signals[i].cost_s);
        json_key_bool(json, "acts", signals[i].acts);
        json_key_bool(json, "followed", signals[i].followed);
        json_object_end(json);
    }
    write_planned(json, brain, resource);
    json_array_end(json);
}

bool control_why(struct brain *brain, struct call *call)
{
    struct json json;
    struct resource_view view;
    struct decision decisions[DECISIONS_SHOWN];
    call->err = control_resolve(brain, call, call->id);
    if (call->err != FW_OK)
        return true;
    engine_view(brain_engine(brain), call->resource, brain_now_ns(brain), &view);
    size_t count =
        engine_decisions(brain_engine(brain), call->resource, decisions, DECISIONS_SHOWN);
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "resource", brain_site(brain, call->resource)->id);
    json_key_text(&json, "state", resource_state_name(view.state));
    control_write_levels(&json, brain_site(brain, call->resource), &view);
    json_key_text(&json, "policy", brain_config(brain)->engine.policy);
    json_key(&json, "decisions");
    json_array(&json);
    for (size_t i = 0; i < count; i++)
        write_decision(brain, &json, &decisions[i]);
    json_array_end(&json);
    write_signals(&json, brain, call->resource);
    json_object_end(&json);
    return true;
}
