/* SPDX-License-Identifier: MIT
 * Traces of blocks and keys: what a cache was asked for. One whole number a line ("*" alone is a
 * mark that block traces have between phases); or CSV with a header: a column lbn, lba, block, key,
 * id or obj_id, and perhaps size or bytes, and time (seconds, or as its name ends: _ms, _us, _ns);
 * or JSON lines with the blocks of prompts, hash_ids, and a timestamp in milliseconds. */
#ifndef FOREWARM_SIM_CACHE_TRACE_H
#define FOREWARM_SIM_CACHE_TRACE_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_TRACE_REQUESTS_MAX = 1 << 28 };

struct cache_request {
    uint64_t key; /* negative numbers as two's complement: neighbours stay neighbours */
    uint64_t bytes;
    int64_t at_ns;
};
struct cache_trace {
    struct cache_request *requests;
    size_t count, capacity;
    bool sized, timed;
    /* The n-th new key is the number n (or n - 1): somebody renumbered the keys as they came, and
     * the neighbour of the largest foresees every first request. No evidence for loads ahead. */
    bool renumbered;
    uint64_t marks;                     /* lines with "*" */
    uint64_t keys, keys_bytes, largest; /* different keys, with the sizes they had first */
};

void cache_trace_init(struct cache_trace *trace);
void cache_trace_fini(struct cache_trace *trace);
/* Times that several requests share are spread evenly up to the next one, which is how requests
 * within a second of the clock can have come. Without times a request comes every `interval_ns`. */
FW_MUST_CHECK enum fw_err cache_trace_read(struct cache_trace *trace, const char *path,
                                           int64_t interval_ns, struct fw_detail *detail);
FW_MUST_CHECK enum fw_err cache_trace_read_memory(struct cache_trace *trace, const char *name,
                                                  struct str text, int64_t interval_ns,
                                                  struct fw_detail *detail);
/* Every key gets another number, the same for the same key, in which nothing can be seen of the
 * first: what is foreseen of it is foreseen by what came together before. */
void cache_trace_scramble(struct cache_trace *trace);

#endif
