/* SPDX-License-Identifier: MIT
 * A plan of capacity as CSV, as JSON and in words. */
#ifndef FOREWARM_CLI_PLAN_OUTPUT_H
#define FOREWARM_CLI_PLAN_OUTPUT_H

#include "cli/plan_input.h"
#include "plan/capacity_words.h"

struct plan_output {
    const struct plan_input *input;
    const struct capacity_question *question;
    const struct capacity_row *rows;
    const struct capacity_report *report;
    const struct capacity_scaling *scaling; /* NULL: no history */
    bool wide;                              /* CSV: all that is known of a row */
};

/* timestamp,recommended_gpus,burst_ready_gpus,recommended_cost_per_hour,expected_utilization; wide:
 * more behind these. */
void plan_output_csv(const struct plan_output *plan, struct buf *out);
void plan_output_json(const struct plan_output *plan, struct buf *out);
/* The recommendations, section by section. */
void plan_output_words(const struct plan_output *plan, struct buf *out);

#endif
