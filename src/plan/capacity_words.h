/* SPDX-License-Identifier: MIT
 * A plan of capacity in words: what to have, what it costs, and what to do now, soon and later.
 * Every figure is one of the report's or of a row, and says which row or which sum. */
#ifndef FOREWARM_PLAN_CAPACITY_WORDS_H
#define FOREWARM_PLAN_CAPACITY_WORDS_H

#include "plan/capacity_report.h"
#include "plan/scaling.h"

enum capacity_section {
    CAPACITY_SECTION_CAPACITY,
    CAPACITY_SECTION_COST,
    CAPACITY_SECTION_IMMEDIATE,
    CAPACITY_SECTION_SHORT_TERM,
    CAPACITY_SECTION_LONG_TERM,
    CAPACITY_SECTIONS,
};
/* "capacity_planning", "cost_analysis", "immediate", ...: also JSON keys. */
extern const char *const capacity_section_names[CAPACITY_SECTIONS];
extern const char *const capacity_section_titles[CAPACITY_SECTIONS];

/* What a policy did and would have done on the history; NULL where there is none. */
struct capacity_scaling {
    struct scaling_policy policy, tuned;
    struct scaling_result whole; /* the policy on all of the history */
    struct scaling_result before,
        after;    /* the policy and the tuned one on the judged, later part */
    double share; /* of the history the tuned one was chosen on */
};

/* Called for each sentence, sections in order. */
typedef void capacity_say_fn(void *context, enum capacity_section section, const char *sentence);
void capacity_words(const struct capacity_question *question, const struct capacity_row *rows,
                    const struct capacity_report *report, const struct capacity_scaling *scaling,
                    capacity_say_fn *say, void *context);

#endif
