/* SPDX-License-Identifier: MIT
 * What `eval cache` found, as tables or JSON. */
#ifndef FOREWARM_CLI_EVAL_CACHE_PRINT_H
#define FOREWARM_CLI_EVAL_CACHE_PRINT_H

#include "base/buf.h"
#include "sim/cache_bounds.h"
#include "sim/cache_run.h"

enum { EVAL_CACHE_LINES_MAX = CACHE_ALGORITHM_COUNT * CACHE_RUN_PREFETCH_COUNT };

struct eval_cache_line {
    struct cache_run_settings settings;
    struct cache_run_result result;
    double per_second; /* requests, by the processor's time */
};
struct eval_cache_answer {
    const struct cache_trace *trace;
    struct eval_cache_line lines[EVAL_CACHE_LINES_MAX];
    size_t count;
    bool bounded; /* by keys: there are bounds */
    struct cache_bounds bounds;
};

void eval_cache_print_text(const struct eval_cache_answer *answer, struct buf *out);
void eval_cache_print_json(const struct eval_cache_answer *answer, struct buf *out);

#endif
