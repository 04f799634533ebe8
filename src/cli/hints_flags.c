/* SPDX-License-Identifier: MIT */
#include "cli/hints_flags.h"

void hints_flags_weights(const struct args *args, const struct hints_flags *flags,
                         const struct hints_head *head, struct callpath_weights *weights)
{
    static const char *const names[] = {"w_critical", "w_fanout", "w_position", "w_parallel"};
    const double from[] = {flags->w_critical, flags->w_fanout, flags->w_position,
                           flags->w_parallel};
    *weights = head->configured ? head->weights : callpath_defaults.weights;
    double *const to[] = {&weights->critical, &weights->fanout, &weights->position,
                          &weights->parallel};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (args_given(args, names[i])) {
            *to[i] = from[i];
            weights->scored = true;
        }
    }
    if (args_given(args, "scale")) {
        weights->scale = (uint32_t)flags->scale;
        weights->scored = true;
    }
    if (flags->no_sensitivity)
        weights->scored = false;
}

void hints_flags_settings(const struct hints_flags *flags, struct callpath_settings *settings)
{
    *settings = callpath_defaults;
    settings->half_life_ns = flags->half_life_ns;
    settings->half_life_samples = (uint32_t)flags->half_life_samples;
}
