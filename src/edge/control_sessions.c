/* SPDX-License-Identifier: MIT
 * GET /v1/sessions: the sessions that asked last, and what each will likely ask for next. Their
 * names are not kept; a number tells them apart. */
#include "base/time.h"
#include "edge/control_part.h"
#include <stdio.h>

enum { SESSIONS_SHOWN = 50, SESSION_NEXT_SHOWN = 3 };

static void write_next(struct brain *brain, uint64_t session, struct json *json)
{
    struct next_resource next[SESSION_NEXT_SHOWN];
    size_t count = engine_next(brain_engine(brain), session, next, SESSION_NEXT_SHOWN);
    json_key(json, "next");
    json_array(json);
    for (size_t i = 0; i < count; i++) {
        json_object(json);
        json_key_str(json, "resource", engine_resource_id(brain_engine(brain), next[i].resource));
        json_key_fixed(json, "probability", next[i].probability, 4);
        json_key_fixed(json, "delay_s", next[i].delay_s, 3);
        json_object_end(json);
    }
    json_array_end(json);
}

bool control_sessions(struct brain *brain, struct call *call)
{
    struct json json;
    char number[24];
    struct open_session sessions[SESSIONS_SHOWN];
    int64_t now_ns = brain_now_ns(brain);
    size_t count = engine_sessions(brain_engine(brain), sessions, SESSIONS_SHOWN);
    json_init(&json, &call->out, false);
    json_object(&json);
    control_write_time(&json, "now", now_ns);
    json_key(&json, "sessions");
    json_array(&json);
    for (size_t i = 0; i < count; i++) {
        snprintf(number, sizeof number, "%08x", (unsigned)(sessions[i].session >> 32));
        json_object(&json);
        json_key_text(&json, "session", number);
        json_key_fixed(&json, "age_s", time_to_seconds(now_ns - sessions[i].last_request_ns), 3);
        json_key_str(&json, "resource",
                     engine_resource_id(brain_engine(brain), sessions[i].resource));
        write_next(brain, sessions[i].session, &json);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    return true;
}
