/* SPDX-License-Identifier: MIT
 * The page of `forewarm report`: what was, what comes, what is strange and what it is made of, as
 * one JSON document inside of one file that needs no network. web/report.js draws it. */
#ifndef FOREWARM_CLI_REPORT_PAGE_H
#define FOREWARM_CLI_REPORT_PAGE_H

#include "cli/detect_output.h"
#include "cli/report_plan.h"
#include "cli/series_read.h"
#include "forecast/decompose.h"
#include "forecast/demand.h"

enum {
    REPORT_POINTS_MAX =
        20000, /* longer histories are drawn as means and peaks of so many stretches */
    REPORT_EVENTS_MAX = 2000, /* the latest ones */
};

struct report_page {
    const char *source; /* where the series comes from, as it is shown */
    const struct series_read *read;
    const struct demand_settings *settings;
    const struct demand_forecast *forecast;
    const struct detect_output *found; /* of one detector */
    const struct decomposition *parts; /* NULL: it could not be taken apart, */
    const char *no_parts;              /* and why */
    const struct report_plan *plan;    /* NULL: there can be none, */
    const char *no_plan;               /* and why */
};

/* The JSON document alone. */
void report_page_json(const struct report_page *page, struct buf *out);
/* FW_LIMIT: larger than a page can be. */
FW_MUST_CHECK enum fw_err report_page_html(const struct report_page *page, struct buf *out);

#endif
