/* SPDX-License-Identifier: MIT
 * The options of a prefetcher: one row each, for the public door, the guide and its test. */
#ifndef FOREWARM_SHELL_SHELL_OPTIONS_H
#define FOREWARM_SHELL_SHELL_OPTIONS_H

#include "base/option.h"
#include "core/guesser.h"
#include "core/prefetcher.h"

struct shell_options {
    uint64_t capacity, bytes_per_second;
    int64_t max_entries, max_keys, max_concurrent, ahead_concurrent, max_stuck, max_queue;
    int64_t ttl_ns, negative_ttl_ns, load_timeout_ns, backoff_ns, patience_ns, hold_ns, idle_ns;
    double waste_share, load_price, byte_second_price;
    int64_t max_sessions, max_learned;
    int eviction;
    bool enabled, compare;
    char strategies[OPTION_TEXT_MAX];
};
extern const struct option_row shell_option_rows[];
extern const size_t shell_option_count;

/* The settings that the options mean; FW_INPUT says which option is wrong. */
FW_MUST_CHECK enum fw_err shell_settings(const struct shell_options *options, uint64_t seed,
                                         struct prefetcher_settings *prefetcher,
                                         struct guesser_settings *guesser,
                                         struct fw_detail *detail);

#endif
