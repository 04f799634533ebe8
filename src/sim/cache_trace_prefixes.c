/* SPDX-License-Identifier: MIT
 * Traces of a model server's prefix cache, as Mooncake publishes them (Qin et al., FAST 2025): a
 * request a line, {"timestamp": milliseconds, "hash_ids": [block, ...], ...}. A prompt's blocks
 * are asked for one after the other, all of them at its time. */
#include "sim/cache_trace_part.h"
#include "sim/reader.h"
#include <jansson.h>

static enum fw_err take_blocks(const struct cache_trace_reader *reader, uint64_t line,
                               struct str text, const json_t *ids, int64_t at_ns)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id))
            return cache_trace_bad(reader, line, "hash_ids", text, "whole numbers alone");
        struct cache_request request = {
            .key = (uint64_t)json_integer_value(id), .bytes = 1, .at_ns = at_ns};
        FW_TRY(cache_trace_add(reader, &request));
    }
    return FW_OK;
}

static enum fw_err take_object(const struct cache_trace_reader *reader, uint64_t line,
                               struct str text, const json_t *object)
{
    const json_t *time = json_object_get(object, "timestamp"),
                 *ids = json_object_get(object, "hash_ids");
    if (!json_is_array(ids))
        return cache_trace_bad(reader, line, "hash_ids", text, "a list of whole numbers");
    double ms = json_is_number(time) ? json_number_value(time) : -1;
    if (!(ms >= 0 && ms * 1e6 <= (double)CACHE_TRACE_INSTANT_MAX))
        return cache_trace_bad(reader, line, "timestamp", text, "milliseconds, 0 to 73 years");
    return take_blocks(reader, line, text, ids, (int64_t)(ms * 1e6));
}

enum fw_err cache_trace_read_prefixes(const struct cache_trace_reader *reader, struct str text)
{
    struct str line;
    reader->trace->timed = true;
    for (uint64_t number = 1; reader_line(&text, &line); number++) {
        line = str_trim(line);
        if (line.len == 0)
            continue;
        json_error_t error;
        json_t *object = line.len <= TRACE_ROW_MAX
                             ? json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &error)
                             : NULL;
        enum fw_err err = object ? take_object(reader, number, line, object)
                                 : cache_trace_bad(reader, number, "line", line,
                                                   "a JSON object with timestamp and hash_ids");
        json_decref(object);
        FW_TRY(err);
    }
    return FW_OK;
}
