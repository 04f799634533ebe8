/* SPDX-License-Identifier: MIT
 * What `forecast` was asked for. */
#ifndef FOREWARM_CLI_FORECAST_OPTIONS_H
#define FOREWARM_CLI_FORECAST_OPTIONS_H

#include "cli/forecast_prophet.h"
#include "cli/series_source.h"

struct forecast_options {
    struct series_source series;
    struct forecast_prophet_flags prophet;
    int64_t horizon_ns, seed;
    int model;
    double capacity_buffer;
    char events[OPTION_TEXT_MAX], quantiles[OPTION_TEXT_MAX], blend[OPTION_TEXT_MAX],
        out[OPTION_TEXT_MAX], save_model[OPTION_TEXT_MAX], load_model[OPTION_TEXT_MAX];
};

#endif
