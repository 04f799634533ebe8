/* SPDX-License-Identifier: MIT
 * What `forewarm replay` tells: a table for people, JSON and CSV for programs. */
#ifndef FOREWARM_CLI_REPLAY_REPORT_H
#define FOREWARM_CLI_REPLAY_REPORT_H

#include "base/buf.h"
#include "sim/replay.h"

enum { REPLAY_POLICIES_MAX = 64, REPLAY_NAME_MAX = 64 };

struct replay_row {
    char name[REPLAY_NAME_MAX];
    struct replay_result result;
    double seconds; /* of our own time */
};
struct replay_report {
    const char *source; /* the trace's file, or how many files */
    const struct trace *trace;
    const struct loads *loads;
    struct score_prices prices;
    int64_t from_ns; /* scored from here on */
    bool from_given;
    bool memory_limited;
    bool has_ttl; /* the closed forms hold: no memory limit, no hints */
    struct score_result ttl600;
    int64_t best_ttl_ns;
    struct score_result best; /* under it */
    uint64_t unknown_hints;
    struct replay_row rows[REPLAY_POLICIES_MAX];
    size_t count;
};

void replay_report_text(const struct replay_report *report, struct buf *out);
/* Its parts, for a document that holds more: trace, policies, hindsight, ttl600. */
struct json;
void replay_report_json_parts(const struct replay_report *report, struct json *json);
void replay_report_json(const struct replay_report *report, struct buf *out);
void replay_report_csv(const struct replay_report *report, struct buf *out);

/* One policy's row for every resource that was asked for or cost something while it was scored;
 * the header first. */
void replay_report_resources(const struct replay_report *report, const char *policy,
                             const struct score_sums *sums, struct buf *out);

#endif
