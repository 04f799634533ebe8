/* SPDX-License-Identifier: MIT */
#include "forecast/spikes_size.h"

#include "base/stats.h"
#include "forecast/boost.h"
#include "forecast/spikes_part.h"
#include <math.h>
#include <stdlib.h>

enum { VERSION = 1 };
const double spikes_size_levels[SPIKES_SIZE_LEVELS] = {.5, .9};

struct spikes_size {
    struct spikes_rules rules;
    struct boost *trees[SPIKES_SIZE_LEVELS];
    double moved[SPIKES_SIZE_LEVELS]; /* on the scale of logarithms */
};

/* Spikes are few: small trees, and leaves that hold some of them. */
static const struct boost_settings booster = {
    .rounds = 80,
    .depth = 3,
    .max_bin = 64,
    .threads = 1,
    .eta = .1,
    .subsample = .8,
    .colsample = 1,
    .min_child_weight = 10,
    .lambda = 1,
};

static enum fw_err gather(struct spikes_rows *rows, const struct spikes_series *series, int count,
                          const struct spikes_settings *settings, bool last,
                          struct fw_detail *detail)
{
    FW_TRY(spikes_rows_gather(rows, series, count, &settings->rules, settings->calibrate, last));
    spikes_rows_only_hits(rows);
    if (rows->count >= SPIKES_SIZE_MIN)
        return FW_OK;
    return err_set(detail, FW_INPUT, "%llu spikes to %s their size from, at least %d are needed",
                   (unsigned long long)rows->count, last ? "calibrate" : "learn", SPIKES_SIZE_MIN);
}

static enum fw_err learn(struct spikes_size *size, const struct spikes_rows *rows, uint32_t seed,
                         struct fw_detail *detail)
{
    struct boost_settings settings = booster;
    struct boost_rows *learned = NULL;
    enum fw_err err =
        boost_rows_create(&learned, rows->columns, rows->count, SPIKES_COLUMNS, 1, detail);
    if (err == FW_OK)
        err = boost_rows_label(learned, rows->over, NULL, detail);
    for (int i = 0; i < SPIKES_SIZE_LEVELS && err == FW_OK; i++) {
        settings.quantile = spikes_size_levels[i];
        settings.seed = seed + (uint32_t)i;
        err = boost_train(&size->trees[i], learned, &settings, detail);
    }
    boost_rows_free(&learned);
    return err;
}

/* The k-th smallest of m errors, k = ceil(level (m + 1)). */
static enum fw_err calibrate(struct spikes_size *size, const struct spikes_rows *rows,
                             struct fw_detail *detail)
{
    float *said = malloc(rows->count * sizeof *said);
    double *errors = malloc(rows->count * sizeof *errors);
    enum fw_err err = said != NULL && errors != NULL ? FW_OK : FW_NOMEM;
    for (int i = 0; i < SPIKES_SIZE_LEVELS && err == FW_OK; i++) {
        err =
            boost_predict(size->trees[i], rows->columns, rows->count, SPIKES_COLUMNS, said, detail);
        for (uint64_t j = 0; j < rows->count && err == FW_OK; j++)
            errors[j] = (double)rows->over[j] - (double)said[j];
        if (err != FW_OK)
            break;
        stats_sort_doubles(errors, rows->count);
        double k = ceil(spikes_size_levels[i] * ((double)rows->count + 1));
        size->moved[i] = errors[(uint64_t)fmin(k, (double)rows->count) - 1];
    }
    free(said);
    free(errors);
    return err;
}

static enum fw_err train(struct spikes_size *size, const struct spikes_series *series, int count,
                         const struct spikes_settings *settings, struct fw_detail *detail)
{
    struct spikes_rows rows = {0};
    enum fw_err err = gather(&rows, series, count, settings, false, detail);
    if (err == FW_OK)
        err = learn(size, &rows, settings->seed, detail);
    spikes_rows_free(&rows);
    if (err != FW_OK)
        return err;
    err = gather(&rows, series, count, settings, true, detail);
    if (err == FW_OK)
        err = calibrate(size, &rows, detail);
    spikes_rows_free(&rows);
    return err;
}

enum fw_err spikes_size_train(struct spikes_size **out, const struct spikes_series *series,
                              int count, const struct spikes_settings *settings,
                              struct fw_detail *detail)
{
    struct spikes_size *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    made->rules = settings->rules;
    enum fw_err err = train(made, series, count, settings, detail);
    if (err != FW_OK) {
        spikes_size_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}

void spikes_size_free(struct spikes_size **size)
{
    if (*size == NULL)
        return;
    for (int i = 0; i < SPIKES_SIZE_LEVELS; i++)
        boost_free(&(*size)->trees[i]);
    free(*size);
    *size = NULL;
}

static enum fw_err say(struct spikes_size *size, const struct spikes_rows *rows, float *said,
                       int count, double *times, struct fw_detail *detail)
{
    for (int level = 0; level < SPIKES_SIZE_LEVELS; level++) {
        double *now = times + (long)level * count, *before = now - count;
        uint64_t next = 0;
        FW_TRY(boost_predict(size->trees[level], rows->columns, rows->count, SPIKES_COLUMNS, said,
                             detail));
        for (int i = 0; i < count; i++) {
            if (isnan(times[i]))
                continue;
            double over = fmax((double)said[next++] + size->moved[level], 0);
            now[i] = size->rules.times * exp(over);
            if (level > 0)
                now[i] = fmax(now[i], before[i]);
        }
    }
    return FW_OK;
}

enum fw_err spikes_size_predict(struct spikes_size *size, const double *y, int first, int count,
                                double *times, struct fw_detail *detail)
{
    struct spikes_rows rows;
    float *said = calloc((size_t)count + 1, sizeof *said);
    enum fw_err err = spikes_rows_alloc(&rows, (uint64_t)count);
    for (int i = 0; i < count && err == FW_OK; i++) {
        bool known =
            spikes_columns(y, first + i, &size->rules, rows.columns + rows.count * SPIKES_COLUMNS);
        for (int level = 0; level < SPIKES_SIZE_LEVELS; level++)
            times[(long)level * count + i] = known ? size->rules.times : NAN;
        rows.count += known;
    }
    if (err == FW_OK && said == NULL)
        err = FW_NOMEM;
    if (err == FW_OK && rows.count > 0)
        err = say(size, &rows, said, count, times, detail);
    spikes_rows_free(&rows);
    free(said);
    return err;
}

/* ---- as bytes ---- */

enum fw_err spikes_size_save(struct spikes_size *size, struct buf *out, struct fw_detail *detail)
{
    buf_put_u32(out, VERSION);
    spikes_rules_save(&size->rules, out);
    for (int i = 0; i < SPIKES_SIZE_LEVELS; i++) {
        buf_put_double(out, size->moved[i]);
        FW_TRY(spikes_trees_save(size->trees[i], out, detail));
    }
    return out->failed ? FW_NOMEM : FW_OK;
}

static enum fw_err load(struct spikes_size *size, struct buf_reader *in, struct fw_detail *detail)
{
    FW_TRY(spikes_rules_load(&size->rules, in, detail));
    for (int i = 0; i < SPIKES_SIZE_LEVELS; i++) {
        size->moved[i] = buf_get_double(in);
        if (in->failed || !isfinite(size->moved[i]))
            return err_set(detail, FW_CORRUPT, "the sizes of spikes cannot be read");
        FW_TRY(spikes_trees_load(&size->trees[i], in, detail));
    }
    return FW_OK;
}

enum fw_err spikes_size_load(struct spikes_size **out, struct buf_reader *in,
                             struct fw_detail *detail)
{
    uint32_t version = buf_get_u32(in);
    if (version != VERSION)
        return err_set(detail, FW_VERSION, "sizes of spikes of version %u, this is %d", version,
                       VERSION);
    struct spikes_size *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    enum fw_err err = load(made, in, detail);
    if (err != FW_OK) {
        spikes_size_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}
