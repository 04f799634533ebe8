/* SPDX-License-Identifier: MIT
 * Holidays of Prophet's model: CSV with the columns ds and holiday, and lower_window, upper_window
 * (days before, <= 0, and after) and prior_scale where wanted; or the file of events
 * (event_file.h), whose duration says how many days count. */
#ifndef FOREWARM_CLI_HOLIDAY_FILE_H
#define FOREWARM_CLI_HOLIDAY_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "forecast/prophet.h"

enum { HOLIDAY_FILE_MAX = 20000, HOLIDAY_WINDOW_MAX = 366 };

struct holiday_list {
    struct prophet_holiday *rows; /* names point into `names` */
    char (*names)[PROPHET_NAME_MAX];
    size_t count, capacity;
};

/* FW_INPUT names file, line and column, what was found and what was expected. */
FW_MUST_CHECK enum fw_err holiday_file_parse(struct holiday_list *holidays, const char *name,
                                             struct str text, struct fw_detail *detail);
void holiday_file_fini(struct holiday_list *holidays);

#endif
