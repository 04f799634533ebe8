/* SPDX-License-Identifier: MIT */
#include "cli/forecast_model.h"
#include "base/time.h"
#include "cli/output.h"
#include "forecast/demand.h"
#include "sim/trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MAGIC[8] = {'f', 'w', 'd', 'e', 'm', 'a', 'n', 'd'};
enum { VERSION = 1, HEAD_BYTES = sizeof MAGIC + 4 + 8, STEP_DAYS_MAX = 400, YEARS_MAX = 290 };
enum { GROWN = 4 }; /* times DEMAND_ROWS_MAX: a series that went on for so long is trained again */

void forecast_model_init(struct forecast_model *model)
{
    memset(model, 0, sizeof *model);
    for (int i = 0; i < FORECAST_TEXTS; i++)
        buf_init(&model->texts[i], FORECAST_MODEL_BYTES_MAX / 8);
    buf_init(&model->trained, FORECAST_MODEL_BYTES_MAX);
}

void forecast_model_fini(struct forecast_model *model)
{
    for (int i = 0; i < FORECAST_TEXTS; i++)
        buf_fini(&model->texts[i]);
    buf_fini(&model->trained);
    series_read_fini(&model->history);
}

static void put_values(const struct series *series, struct buf *out)
{
    for (size_t t = 0; t < series->count; t++)
        buf_put_double(out, series->value[t]);
}

static void put_body(const struct forecast_model *model, struct buf *out)
{
    const struct series_read *history = &model->history;
    buf_put_u32(out, model->option_count);
    for (uint32_t i = 0; i < model->option_count; i++) {
        buf_put_str(out, str_of(model->options[i].name));
        buf_put_str(out, str_of(model->options[i].text));
    }
    for (int i = 0; i < FORECAST_TEXTS; i++)
        buf_put_str(out, buf_str(&model->texts[i]));
    buf_put_str(out, str_of(history->time_name));
    buf_put_str(out, str_of(history->value_name));
    buf_put_i64(out, history->value.start_ns);
    buf_put_i64(out, history->value.step_ns);
    buf_put_u64(out, history->value.count);
    buf_put_i64(out, model->trained_to_ns);
    buf_put_u32(out, history->covariate_count);
    put_values(&history->value, out);
    for (uint32_t i = 0; i < history->covariate_count; i++) {
        buf_put_str(out, str_of(history->covariates[i].name));
        put_values(&history->covariates[i].series, out);
    }
    buf_put_str(out, buf_str(&model->trained));
}

enum fw_err forecast_model_put(const struct forecast_model *model, struct buf *out,
                               struct fw_detail *detail)
{
    struct buf body;
    buf_init(&body, FORECAST_MODEL_BYTES_MAX);
    put_body(model, &body);
    buf_add(out, MAGIC, sizeof MAGIC);
    buf_put_u32(out, VERSION);
    buf_put_u64(out, str_hash(body.data, body.len, VERSION));
    buf_add(out, body.data, body.len);
    bool failed = out->failed || body.failed;
    buf_fini(&body);
    return failed ? err_set(detail, FW_LIMIT, "the model is larger than memory allows") : FW_OK;
}

/* ---- reading ---- */

static void get_name(struct buf_reader *in, char *name, size_t size)
{
    struct str text = buf_get_str(in);
    if (in->failed || text.len >= size || memchr(text.data, '\0', text.len) != NULL) {
        in->failed = true;
        return;
    }
    memcpy(name, text.data, text.len);
    name[text.len] = '\0';
}

static enum fw_err get_values(struct buf_reader *in, const struct series *grid,
                              struct series *series)
{
    *series = *grid;
    series->value = NULL;
    if (in->failed || grid->count > (in->len - in->at) / 8) {
        in->failed = true;
        return FW_OK;
    }
    series->value = malloc((grid->count + 1) * sizeof *series->value);
    if (series->value == NULL)
        return FW_NOMEM;
    for (size_t t = 0; t < grid->count; t++) {
        double value = buf_get_double(in);
        series->value[t] = isfinite(value) ? value : NAN;
    }
    return FW_OK;
}

static enum fw_err get_history(struct forecast_model *model, struct buf_reader *in)
{
    struct series_read *history = &model->history;
    struct series grid = {0};
    get_name(in, history->time_name, sizeof history->time_name);
    get_name(in, history->value_name, sizeof history->value_name);
    grid.start_ns = buf_get_i64(in);
    grid.step_ns = buf_get_i64(in);
    uint64_t count = buf_get_u64(in);
    model->trained_to_ns = buf_get_i64(in);
    uint32_t columns = buf_get_u32(in);
    int64_t most_ns = YEARS_MAX * 365 * TIME_DAY;
    in->failed = in->failed || count < 1 || count > GROWN * DEMAND_ROWS_MAX || grid.step_ns < 1 ||
                 grid.step_ns > STEP_DAYS_MAX * TIME_DAY || grid.start_ns < -most_ns ||
                 grid.start_ns > most_ns || columns > SERIES_READ_COLUMNS_MAX ||
                 (int64_t)count > most_ns / grid.step_ns || model->trained_to_ns < -most_ns;
    grid.count = in->failed ? 0 : (size_t)count;
    history->report.step_ns = grid.step_ns;
    FW_TRY(get_values(in, &grid, &history->value));
    for (uint32_t i = 0; i < columns && !in->failed; i++) {
        get_name(in, history->covariates[i].name, sizeof history->covariates[i].name);
        FW_TRY(get_values(in, &grid, &history->covariates[i].series));
        history->covariate_count++;
    }
    return FW_OK;
}

static enum fw_err get_body(struct forecast_model *model, struct buf_reader *in)
{
    model->option_count = buf_get_u32(in);
    in->failed = in->failed || model->option_count > FORECAST_MODEL_OPTIONS_MAX;
    for (uint32_t i = 0; i < model->option_count && !in->failed; i++) {
        get_name(in, model->options[i].name, sizeof model->options[i].name);
        get_name(in, model->options[i].text, sizeof model->options[i].text);
    }
    for (int i = 0; i < FORECAST_TEXTS && !in->failed; i++) {
        buf_add_str(&model->texts[i], buf_get_str(in));
        in->failed = in->failed || model->texts[i].failed;
    }
    FW_TRY(get_history(model, in));
    if (!in->failed)
        buf_add_str(&model->trained, buf_get_str(in));
    in->failed = in->failed || model->trained.len == 0 || in->at != in->len;
    return model->trained.failed ? FW_NOMEM : FW_OK;
}

enum fw_err forecast_model_get(struct forecast_model *model, const char *name, struct str bytes,
                               struct fw_detail *detail)
{
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    if (bytes.len < sizeof MAGIC || memcmp(bytes.data, MAGIC, sizeof MAGIC) != 0)
        return err_set(detail, FW_FOREIGN,
                       "%s: this is not a trained forecast, as forecast --save-model writes it",
                       name);
    in.at = sizeof MAGIC;
    uint32_t version = buf_get_u32(&in);
    if (!in.failed && version != VERSION)
        return err_set(detail, FW_VERSION, "%s: the model has version %u, expected %d: train again",
                       name, version, (int)VERSION);
    if (bytes.len < HEAD_BYTES ||
        buf_get_u64(&in) != str_hash(bytes.data + HEAD_BYTES, bytes.len - HEAD_BYTES, VERSION))
        return err_set(detail, FW_CORRUPT,
                       "%s: the model is damaged or was cut short: its sum does not match", name);
    enum fw_err err = get_body(model, &in);
    if (err == FW_OK && in.failed)
        err = err_set(detail, FW_CORRUPT, "%s: the model is damaged at byte %zu", name, in.at);
    return err;
}

enum fw_err forecast_model_write(const struct forecast_model *model, const char *path,
                                 struct fw_detail *detail)
{
    struct buf out;
    buf_init(&out, FORECAST_MODEL_BYTES_MAX);
    enum fw_err err = forecast_model_put(model, &out, detail);
    if (err == FW_OK)
        err = output_file(path, buf_str(&out), detail);
    buf_fini(&out);
    return err;
}

enum fw_err forecast_model_read(struct forecast_model *model, const char *path,
                                struct fw_detail *detail)
{
    struct buf bytes;
    buf_init(&bytes, FORECAST_MODEL_BYTES_MAX);
    enum fw_err err = trace_load_file(path, &bytes, detail);
    if (err == FW_OK)
        err = forecast_model_get(model, path, buf_str(&bytes), detail);
    buf_fini(&bytes);
    return err;
}

/* ---- going on ---- */

static enum fw_err check_grid(const struct series *model, const struct series *fresh,
                              const char *file, struct fw_detail *detail)
{
    char model_step[TIME_TEXT_MAX], step[TIME_TEXT_MAX];
    if (fresh->step_ns != model->step_ns)
        return err_set(detail, FW_INPUT,
                       "%s: found a row every %s, expected every %s as the model has", file,
                       time_format_duration(fresh->step_ns, step),
                       time_format_duration(model->step_ns, model_step));
    if ((fresh->start_ns - model->start_ns) % model->step_ns != 0)
        return err_set(detail, FW_INPUT, "%s: its rows lie between those of the model", file);
    return FW_OK;
}

/* `from` with what `fresh` has behind it; a hole where it has nothing. */
static bool lengthen(struct series *series, const struct series *fresh, size_t count)
{
    double *longer = realloc(series->value, (count + 1) * sizeof *longer);
    if (longer == NULL)
        return false;
    series->value = longer;
    int64_t shift = (fresh->start_ns - series->start_ns) / series->step_ns;
    for (size_t t = series->count; t < count; t++) {
        int64_t slot = (int64_t)t - shift;
        longer[t] = slot >= 0 && slot < (int64_t)fresh->count ? fresh->value[slot] : NAN;
    }
    series->count = count;
    return true;
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static void compare(const struct series *model, const struct series *fresh, int64_t shift,
                    struct forecast_model_news *news)
{
    for (size_t i = 0; i < fresh->count; i++) {
        int64_t t = (int64_t)i + shift;
        if (t < 0 || t >= (int64_t)model->count)
            continue;
        news->old++;
        news->different += !same(fresh->value[i], model->value[t]);
    }
}

enum fw_err forecast_model_extend(struct forecast_model *model, const struct series_read *fresh,
                                  const char *file, struct forecast_model_news *news,
                                  struct fw_detail *detail)
{
    struct series_read *history = &model->history;
    struct series *value = &history->value;
    *news = (struct forecast_model_news){0};
    FW_TRY(check_grid(value, &fresh->value, file, detail));
    int64_t shift = (fresh->value.start_ns - value->start_ns) / value->step_ns;
    int64_t count = shift + (int64_t)fresh->value.count;
    compare(value, &fresh->value, shift, news);
    if (news->old > 0 && news->different == news->old)
        return err_set(detail, FW_INPUT,
                       "%s: none of the %zu steps the model knows has the model's value: this is "
                       "another series",
                       file, news->old);
    if (count <= (int64_t)value->count)
        return FW_OK;
    if (count > GROWN * DEMAND_ROWS_MAX)
        return err_set(detail, FW_LIMIT, "%s: the series would have %lld steps: train again", file,
                       (long long)count);
    news->added = (size_t)count - value->count;
    for (uint32_t i = 0; i < history->covariate_count; i++) {
        const struct series *column = series_read_find(fresh, history->covariates[i].name);
        if (column == NULL)
            return err_set(detail, FW_INPUT,
                           "%s: found no column \"%s\", expected the one the model learns from",
                           file, history->covariates[i].name);
        if (!lengthen(&history->covariates[i].series, column, (size_t)count))
            return FW_NOMEM;
    }
    return lengthen(value, &fresh->value, (size_t)count) ? FW_OK : FW_NOMEM;
}
