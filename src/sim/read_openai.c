/* SPDX-License-Identifier: MIT
 * JSON lines of requests to models: OpenAI-style logs ({"created" or "timestamp", "model", "user"?,
 * ...}), the Mooncake traces, and what the access logs of nginx, Envoy and LiteLLM look like as
 * JSON. One table of names a kind. */
#include "sim/json_line.h"
#include <jansson.h>

const struct json_line_kind json_line_openai = {
    .names = {[READER_TIME] = {"created", "created_at", "timestamp", "time", "ts", "startTime",
                               "start_time", "request.created", "response.created", NULL},
              [READER_RESOURCE] = {"model", "request.model", "body.model", "response.model", NULL},
              [READER_SESSION] = {"session", "session_id", "conversation_id", "user",
                                  "request.user", "body.user", "user_id", "safety_identifier",
                                  "prompt_cache_key", NULL},
              [READER_DURATION] = {"duration_s", "duration_ms", "duration", "latency_ms", "latency",
                                   "response_time", "usage.total_time", NULL}},
    .end = {"endTime", "end_time", "completed_at", NULL},
};

const struct json_line_kind json_line_access = {
    .names = {[READER_TIME] = {"time_iso8601", "@timestamp", "startTime", "start_time", "msec",
                               "timestamp", "time", "ts", "time_local", "created_at", NULL},
              [READER_RESOURCE] = {"model", "model_group", "http_x_model", "x_model",
                                   "upstream_model", "request.model", NULL},
              [READER_SESSION] = {"session", "session_id", "litellm_session_id", "trace_id",
                                  "http_x_session_id", "end_user", "user", "remote_user",
                                  "metadata.user_api_key_user_id", "metadata.user_api_key_hash",
                                  "x_forwarded_for", "http_x_forwarded_for", "remote_addr",
                                  "client_ip", "downstream_remote_address", NULL},
              [READER_DURATION] = {"request_time", "response_time", "duration_ms", "duration_s",
                                   "duration", "upstream_response_time_s", NULL}},
    .end = {"endTime", "end_time", "completionEndTime", NULL},
    .path_is_resource = true,
};

const struct json_line_kind json_line_mooncake = {
    .names = {[READER_TIME] = {"timestamp", NULL},
              [READER_RESOURCE] = {NULL},
              [READER_SESSION] = {NULL},
              [READER_DURATION] = {NULL}},
    .fixed_resource = "service",
    .fixed_time = TRACE_TIME_OFFSET_MS,
};

int read_json_detect(struct str line)
{
    json_error_t error;
    json_t *object = line.len <= TRACE_ROW_MAX ? json_loadb(line.data, line.len, 0, &error) : NULL;
    int format = TRACE_AUTO;
    static const char *const access_marks[] = {
        "time_iso8601", "request_uri", "time_local", "request_method", "response_code",
        "startTime",    "start_time",  "method",     "remote_addr",    "call_type",
        "uri",          "status",      "path"};
    if (json_is_object(object)) {
        if (json_object_get(object, "timestamp") && json_object_get(object, "input_length"))
            format = TRACE_MOONCAKE;
        for (size_t i = 0; format == TRACE_AUTO && i < sizeof access_marks / sizeof access_marks[0];
             i++)
            if (json_object_get(object, access_marks[i]))
                format = TRACE_ACCESS_LOG;
        if (format == TRACE_AUTO)
            format = TRACE_OPENAI_LOG;
    }
    json_decref(object);
    return format;
}

enum fw_err read_openai(struct reader *reader, struct str text)
{
    return json_line_read(reader, text, &json_line_openai);
}

enum fw_err read_mooncake(struct reader *reader, struct str text)
{
    return json_line_read(reader, text, &json_line_mooncake);
}
