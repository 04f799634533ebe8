/* SPDX-License-Identifier: MIT
 * What the readers of cache traces share: one file a format. */
#ifndef FOREWARM_SIM_CACHE_TRACE_PART_H
#define FOREWARM_SIM_CACHE_TRACE_PART_H

#include "sim/cache_trace.h"

#define CACHE_TRACE_INSTANT_MAX (INT64_MAX / 4) /* 73 years: whatever is added to it fits */

/* Where a trace goes, and whom errors name. */
struct cache_trace_reader {
    struct cache_trace *trace;
    const char *file;
    struct fw_detail *detail;
};

FW_MUST_CHECK enum fw_err cache_trace_add(const struct cache_trace_reader *reader,
                                          const struct cache_request *request);
FW_MUST_CHECK enum fw_err cache_trace_bad(const struct cache_trace_reader *reader, uint64_t line,
                                          const char *field, struct str found,
                                          const char *expected);
/* Requests for prefixes, block by block: JSON lines with hash_ids and timestamp. */
FW_MUST_CHECK enum fw_err cache_trace_read_prefixes(const struct cache_trace_reader *reader,
                                                    struct str text);

#endif
