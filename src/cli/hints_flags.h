/* SPDX-License-Identifier: MIT
 * The flags that the commands about hints share: how sensitivity is scored. */
#ifndef FOREWARM_CLI_HINTS_FLAGS_H
#define FOREWARM_CLI_HINTS_FLAGS_H

#include "cli/args.h"
#include "cli/hints_read.h"

struct hints_flags {
    int64_t scale, half_life_ns, half_life_samples;
    double w_critical, w_fanout, w_position, w_parallel;
    bool no_sensitivity;
};
enum { HINTS_FLAGS_COUNT = 8 };
/* HINTS_FLAGS_COUNT rows for a table of args_row; `type` has a struct hints_flags `member`. */
#define HINTS_FLAGS_ROWS(type, member)                                                             \
    {{"scale", OPTION_INT, offsetof(type, member.scale), "5", 1, CALLPATH_SCALE_MAX, false, NULL,  \
      "levels of sensitivity, 1 to this"},                                                         \
     "N",                                                                                          \
     0},                                                                                           \
        {{"w_critical", OPTION_DOUBLE, offsetof(type, member.w_critical), "0.5", 0, 1e6, false,    \
          NULL, "weight of a call's share of the run's time"},                                     \
         "X",                                                                                      \
         0},                                                                                       \
        {{"w_fanout", OPTION_DOUBLE, offsetof(type, member.w_fanout), "0.3", 0, 1e6, false, NULL,  \
          "weight of how much follows it"},                                                        \
         "X",                                                                                      \
         0},                                                                                       \
        {{"w_position", OPTION_DOUBLE, offsetof(type, member.w_position), "0.2", 0, 1e6, false,    \
          NULL, "weight of being first or last"},                                                  \
         "X",                                                                                      \
         0},                                                                                       \
        {{"w_parallel", OPTION_DOUBLE, offsetof(type, member.w_parallel), "0", 0, 1e6, false,      \
          NULL, "what having slack beside others takes off"},                                      \
         "X",                                                                                      \
         0},                                                                                       \
        {{"no_sensitivity", OPTION_BOOL, offsetof(type, member.no_sensitivity), "false", 0, 0,     \
          false, NULL, "score nothing"},                                                           \
         NULL,                                                                                     \
         0},                                                                                       \
        {{"half_life", OPTION_DURATION, offsetof(type, member.half_life_ns), "7d", 60e9, 0x1p63,   \
          false, NULL, "age at which a sample counts half; never: age does not matter"},           \
         "DUR",                                                                                    \
         0},                                                                                       \
    {                                                                                              \
        {"half_life_samples",                                                                      \
         OPTION_INT,                                                                               \
         offsetof(type, member.half_life_samples),                                                 \
         "500",                                                                                    \
         1,                                                                                        \
         1 << 20,                                                                                  \
         false,                                                                                    \
         NULL,                                                                                     \
         "samples after which an earlier one counts half"},                                        \
            "N", 0                                                                                 \
    }

/* The document's weights, or the usual ones, with what was written on the command line. */
void hints_flags_weights(const struct args *args, const struct hints_flags *flags,
                         const struct hints_head *head, struct callpath_weights *weights);
void hints_flags_settings(const struct hints_flags *flags, struct callpath_settings *settings);

#endif
