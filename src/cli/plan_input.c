/* SPDX-License-Identifier: MIT */
#include "cli/plan_input.h"

#include "base/time.h"
#include "forecast/normal.h"
#include "sim/trace.h"
#include <math.h>
#include <stdlib.h>

static const double P95 = .95;
#define SHARED_ASSUMED paths_law_usual.shared

/* Quantiles of every step, at ascending levels. */
struct knots {
    int count;
    double level[PLAN_INPUT_LEVELS_MAX], score[PLAN_INPUT_LEVELS_MAX];
    const double *value[PLAN_INPUT_LEVELS_MAX];
};

/* "timestamp,baseline,expected_value,...": is that column there? */
static bool is_forecast(struct str text)
{
    struct str line, cell;
    if (!str_cut(&text, '\n', &line))
        return false;
    while (str_cut(&line, ',', &cell)) {
        cell = str_trim(cell);
        if (cell.len >= 2 && cell.data[0] == '"')
            cell = (struct str){cell.data + 1, cell.len - 2};
        if (str_equal_nocase(cell, STR("expected_value")))
            return true;
    }
    return false;
}

/* ---- quantiles of a forecast that was read ---- */

/* "p97.5" */
static bool level_of(const char *name, double *level)
{
    struct str text = str_of(name);
    if (text.len < 2 || (text.data[0] != 'p' && text.data[0] != 'P'))
        return false;
    text = (struct str){text.data + 1, text.len - 1};
    if (!str_to_double(text, level))
        return false;
    *level /= 100;
    return *level > 0 && *level < 1;
}

static enum fw_err find_knots(const struct series_read *read, const char *name, struct knots *knots,
                              struct fw_detail *detail)
{
    knots->count = 0;
    for (uint32_t i = 0; i < read->covariate_count; i++) {
        double level;
        if (!level_of(read->covariates[i].name, &level))
            continue;
        if (knots->count == PLAN_INPUT_LEVELS_MAX)
            return err_set(detail, FW_INPUT, "%s: more than %d columns of quantiles", name,
                           PLAN_INPUT_LEVELS_MAX);
        int at = knots->count++;
        for (; at > 0 && knots->level[at - 1] > level; at--) {
            knots->level[at] = knots->level[at - 1];
            knots->value[at] = knots->value[at - 1];
        }
        knots->level[at] = level;
        knots->value[at] = read->covariates[i].series.value;
    }
    for (int i = 0; i < knots->count; i++) {
        knots->score[i] = normal_quantile(knots->level[i]);
        if (i > 0 && !(knots->level[i] > knots->level[i - 1]))
            return err_set(detail, FW_INPUT, "%s: found two columns of the quantile p%g", name,
                           100 * knots->level[i]);
    }
    if (knots->count < 2)
        return err_set(detail, FW_INPUT,
                       "%s: found %d columns of quantiles, expected at least two (p50, p95, ...)",
                       name, knots->count);
    return FW_OK;
}

/* Straight between the levels known, in normal scores, and on beyond them; never below 0. */
static double knot_quantile(void *context, int h, double level)
{
    const struct knots *knots = context;
    double score = normal_quantile(level);
    int i = 1;
    while (i < knots->count - 1 && score > knots->score[i])
        i++;
    double low = knots->value[i - 1][h - 1], high = knots->value[i][h - 1];
    double slope = (high - low) / (knots->score[i] - knots->score[i - 1]);
    return fmax(low + slope * (score - knots->score[i - 1]), 0);
}

static enum fw_err check_whole(const struct series *series, const char *column, const char *name,
                               struct fw_detail *detail)
{
    char at[TIME_TEXT_MAX];
    for (size_t t = 0; t < series->count; t++)
        if (!isfinite(series->value[t]))
            return err_set(detail, FW_INPUT,
                           "%s: column \"%s\" has no value at %s, expected one at every step", name,
                           column, time_format_iso(series_at_ns(series, t), at));
    return FW_OK;
}

static enum fw_err check_columns(const struct series_read *read, const char *name,
                                 struct fw_detail *detail)
{
    double level;
    if (read->value.count > CAPACITY_STEPS_MAX)
        return err_set(detail, FW_INPUT, "%s: %zu steps, at most %d can be planned", name,
                       read->value.count, CAPACITY_STEPS_MAX);
    FW_TRY(check_whole(&read->value, read->value_name, name, detail));
    for (uint32_t i = 0; i < read->covariate_count; i++) {
        const struct series_read_column *column = &read->covariates[i];
        if (level_of(column->name, &level) ||
            str_equal_nocase(str_of(column->name), STR("baseline")) ||
            str_equal_nocase(str_of(column->name), STR("spike_probability")))
            FW_TRY(check_whole(&column->series, column->name, name, detail));
    }
    return FW_OK;
}

static enum fw_err take_forecast(struct plan_input *input, const char *name,
                                 const struct plan_input_how *how, struct fw_detail *detail)
{
    const struct series *value = &input->read.value, *column;
    int steps = (int)value->count;
    struct knots knots;
    FW_TRY(check_columns(&input->read, name, detail));
    FW_TRY(find_knots(&input->read, name, &knots, detail));
    input->law = (struct paths_law){
        SHARED_ASSUMED,
        how->error_memory_ns > 0 ? exp(-(double)value->step_ns / (double)how->error_memory_ns) : 0,
        0};
    FW_TRY(paths_draw(&input->paths, steps, how->forecast.path_count, &input->law, knot_quantile,
                      &knots, how->forecast.seed));
    input->p95 = malloc(value->count * sizeof *input->p95);
    if (input->p95 == NULL)
        return FW_NOMEM;
    for (int h = 1; h <= steps; h++)
        input->p95[h - 1] = knot_quantile(&knots, h, P95);
    column = series_read_find(&input->read, "baseline");
    input->demand = (struct capacity_demand){
        .start_ns = value->start_ns,
        .step_ns = value->step_ns,
        .steps = steps,
        .baseline = column != NULL ? column->value : value->value,
        .expected = value->value,
        .p95 = input->p95,
        .paths = input->paths.value,
        .path_count = input->paths.count,
    };
    column = series_read_find(&input->read, "spike_probability");
    input->demand.spike = column != NULL ? column->value : NULL;
    return FW_OK;
}

/* ---- a series ---- */

enum fw_err plan_input_forecast(struct plan_input *input, const struct plan_input_how *how,
                                struct fw_detail *detail)
{
    input->series = true;
    struct demand_settings settings = how->forecast;
    settings.quantile_count = 1;
    settings.quantiles[0] = P95;
    demand_ask_peaks(&settings, how->lead_time_ns, how->service_level);
    FW_TRY(demand_forecast(&input->read.value, &settings, &input->made, detail));
    const struct demand_forecast *made = &input->made;
    input->law = made->law;
    input->demand = (struct capacity_demand){
        .start_ns = made->start_ns,
        .step_ns = made->step_ns,
        .steps = made->count,
        .baseline = made->baseline,
        .expected = made->expected,
        .p95 = made->quantile[0],
        .spike = made->spike,
        .paths = made->paths.value,
        .path_count = made->paths.count,
    };
    input->demand.peak_service = demand_peaks(made, DEMAND_PEAK_SERVICE);
    input->demand.peak_p95 = demand_peaks(made, DEMAND_PEAK_P95);
    input->demand.peak_p99 = demand_peaks(made, DEMAND_PEAK_P99);
    return FW_OK;
}

enum fw_err plan_input_parse(struct plan_input *input, const char *name, struct str text,
                             const struct plan_input_how *how, struct fw_detail *detail)
{
    struct series_read_options options = how->series;
    *input = (struct plan_input){.series = !is_forecast(text)};
    if (!input->series) {
        options.covariates = true;
        if (options.value == NULL || options.value[0] == '\0')
            options.value = "expected_value";
    }
    FW_TRY(series_read_memory(&input->read, name, text, &options, detail));
    enum fw_err err = input->series ? plan_input_forecast(input, how, detail)
                                    : take_forecast(input, name, how, detail);
    if (err != FW_OK)
        plan_input_fini(input);
    return err;
}

enum fw_err plan_input_read(struct plan_input *input, const char *path,
                            const struct plan_input_how *how, struct fw_detail *detail)
{
    struct buf text;
    const char *name = str_equal(str_of(path), STR("-")) ? "standard input" : path;
    *input = (struct plan_input){.series = false};
    buf_init(&text, PLAN_INPUT_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &text, detail);
    if (err == FW_OK)
        err = plan_input_parse(input, name, buf_str(&text), how, detail);
    buf_fini(&text);
    return err;
}

void plan_input_fini(struct plan_input *input)
{
    demand_forecast_fini(&input->made);
    paths_fini(&input->paths);
    free(input->p95);
    series_read_fini(&input->read);
    *input = (struct plan_input){.series = false};
}

void plan_input_describe(const struct plan_input *input, struct buf *out)
{
    series_read_describe(&input->read, out);
    if (input->series)
        demand_describe(&input->made, out);
    if (input->law.pairs > 0)
        buf_printf(out,
                   "joint paths: %d, errors k steps apart correlated by %.3f + %.3f x %.3f^k "
                   "(measured on %d pairs)\n",
                   input->demand.path_count, input->law.shared, 1 - input->law.shared,
                   input->law.decay, input->law.pairs);
    else
        buf_printf(out,
                   "joint paths: %d, errors k steps apart correlated by %.3f + %.3f x %.3f^k "
                   "(assumed: %s)\n",
                   input->demand.path_count, input->law.shared, 1 - input->law.shared,
                   input->law.decay,
                   input->series ? "too few past errors are known"
                                 : "a forecast in a file does not tell; see --error-memory");
}
