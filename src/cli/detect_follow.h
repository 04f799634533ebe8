/* SPDX-License-Identifier: MIT
 * `detect --follow`: rows are read as they come, and each event is told in a line of its own, at
 * once, when it raises its alert. */
#ifndef FOREWARM_CLI_DETECT_FOLLOW_H
#define FOREWARM_CLI_DETECT_FOLLOW_H

#include "cli/series_read.h"
#include "forecast/anomaly.h"
#include "forecast/event_class.h"

struct detect_follow {
    const char *path;                   /* "-": standard input */
    struct series_read_options reading; /* every_ns 0: found from the first rows */
    struct anomaly_settings anomaly;    /* rows a day and a refractory of 0 are filled in */
    const struct calendar *calendar;    /* NULL: none */
    const struct event_classes *classes;
    bool json, skip_bad_rows, quiet;
};

/* Until the input ends. CSV with the header of detect, or JSON Lines. FW_INPUT: a row that cannot
 * be read, unless those are left out and counted. */
FW_MUST_CHECK enum fw_err detect_follow(const struct detect_follow *follow,
                                        struct fw_detail *detail);

#endif
