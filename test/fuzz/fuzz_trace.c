/* SPDX-License-Identifier: MIT
 * Every reader of traces from memory. The first byte chooses the format and whether bad rows are
 * skipped, the rest is the file. Whatever is in it: an answer with a sentence, or requests that are
 * in order and whole. */
#include "sim/trace.h"
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_requests(const struct trace *trace)
{
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_request *request = &trace->requests[i];
        require(request->at_ns >= 0 && request->duration_ns >= 0);
        require(i == 0 || trace->requests[i - 1].at_ns <= request->at_ns);
        require(request->resource < trace->resources.count);
        require((request->session == 0) == (request->session_number == TABLE_NONE));
        require(request->session_number == TABLE_NONE ||
                request->session_number < trace->sessions.count);
    }
    require(trace->duplicates <= trace->count);
    require(trace->journal.present ||
            trace->count + trace->skipped + trace->ignored == trace->rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const mappings[] = {"", "time=a,resource=b+c,session=b,duration=d",
                                           "resource=path+client", "time=x"};
    if (len == 0)
        return 0;
    struct trace_options options = {.format = (data[0] & 15) % TRACE_FORMAT_COUNT,
                                    .skip_bad_rows = (data[0] & 16) != 0};
    const char *mapping = mappings[data[0] >> 6];
    memcpy(options.columns, mapping, strlen(mapping) + 1);
    struct trace trace;
    struct fw_detail detail = {""};
    trace_init(&trace);
    enum fw_err err = trace_read_memory(
        &trace, "input", (struct str){(const char *)data + 1, len - 1}, &options, &detail);
    if (err == FW_OK)
        err = trace_finish(&trace, &detail);
    if (err == FW_OK)
        check_requests(&trace);
    else
        require(detail.text[0] != '\0');
    trace_fini(&trace);
    return 0;
}
