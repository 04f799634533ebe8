/* SPDX-License-Identifier: MIT
 * A forecast as CSV, as JSON and in words. */
#ifndef FOREWARM_CLI_FORECAST_OUTPUT_H
#define FOREWARM_CLI_FORECAST_OUTPUT_H

#include "cli/forecast_model.h"
#include "forecast/demand.h"

struct forecast_output {
    const struct demand_forecast *forecast;
    const struct demand_settings *settings;
    const struct series_read *read;         /* what was read; NULL: nothing, there is a model */
    const struct forecast_model *model;     /* that was loaded; NULL: trained here */
    const struct forecast_model_news *news; /* beside a model and a file; or NULL */
    struct str notes;                       /* what was put in place of what, a sentence a line */
};

void forecast_output_csv(const struct forecast_output *output, struct buf *out);
void forecast_output_json(const struct forecast_output *output, struct buf *out);
void forecast_output_words(const struct forecast_output *output, struct buf *out);

#endif
