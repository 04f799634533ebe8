/* SPDX-License-Identifier: MIT */
#include "forecast/boost.h"

#include "base/check.h"
#include "base/stats.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

struct boost_rows {
    DMatrixHandle matrix;
    uint64_t count;
};
struct boost {
    BoosterHandle booster;
};

/* XGBoost's own sentence, its first line: what follows is its stack. */
static enum fw_err failed(struct fw_detail *detail)
{
    const char *said = XGBGetLastError();
    return err_set(detail, FW_INPUT, "XGBoost: %.*s", (int)strcspn(said, "\n"), said);
}

enum fw_err boost_rows_create(struct boost_rows **out, const float *values, uint64_t rows,
                              uint64_t columns, int threads, struct fw_detail *detail)
{
    struct boost_rows *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    made->count = rows;
    if (XGDMatrixCreateFromMat_omp(values, rows, columns, __builtin_nanf(""), &made->matrix,
                                   threads) != 0) {
        free(made);
        return failed(detail);
    }
    *out = made;
    return FW_OK;
}

void boost_rows_free(struct boost_rows **rows)
{
    if (*rows == NULL)
        return;
    (void)XGDMatrixFree((*rows)->matrix);
    free(*rows);
    *rows = NULL;
}

enum fw_err boost_rows_label(struct boost_rows *rows, const float *labels, const float *weights,
                             struct fw_detail *detail)
{
    if (XGDMatrixSetFloatInfo(rows->matrix, "label", labels, rows->count) != 0)
        return failed(detail);
    if (weights != NULL && XGDMatrixSetFloatInfo(rows->matrix, "weight", weights, rows->count) != 0)
        return failed(detail);
    return FW_OK;
}

static int set_number(BoosterHandle booster, const char *name, double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, value == (double)(int64_t)value ? "%.0f" : "%.9g", value);
    return XGBoosterSetParam(booster, name, text);
}

static int configure(BoosterHandle booster, const struct boost_settings *settings, double start)
{
    bool quantile = settings->quantile > 0;
    return XGBoosterSetParam(booster, "objective",
                             quantile ? "reg:squarederror" : settings->objective) |
           XGBoosterSetParam(booster, "tree_method", "hist") |
           XGBoosterSetParam(booster, "verbosity", "0") | set_number(booster, "base_score", start) |
           set_number(booster, "max_depth", settings->depth) |
           set_number(booster, "max_bin", settings->max_bin) |
           set_number(booster, "nthread", settings->threads) |
           set_number(booster, "eta", settings->eta) |
           set_number(booster, "subsample", settings->subsample) |
           set_number(booster, "colsample_bytree", settings->colsample) |
           set_number(booster, "min_child_weight", settings->min_child_weight) |
           set_number(booster, "lambda", settings->lambda) |
           set_number(booster, "seed", settings->seed);
}

/* ---- quantiles ---- */

#define CORNER .02 /* how far the corner is rounded, of the mean distance to the quantile */

struct pinball {
    double level, start, spread;
    const float *label, *weight; /* XGBoost's own; weight may be NULL */
    float *slope, *bend;         /* first and second derivative by row */
    uint64_t count;
};

static enum fw_err pinball_init(struct pinball *pinball, struct boost_rows *rows, double level,
                                struct fw_detail *detail)
{
    bst_ulong labels = 0, weights = 0;
    *pinball = (struct pinball){.level = level, .count = rows->count};
    if (XGDMatrixGetFloatInfo(rows->matrix, "label", &labels, &pinball->label) != 0 ||
        XGDMatrixGetFloatInfo(rows->matrix, "weight", &weights, &pinball->weight) != 0)
        return failed(detail);
    CHECK(labels == rows->count && rows->count > 0 && level > 0 && level < 1);
    if (weights == 0)
        pinball->weight = NULL;
    double *sorted = malloc(rows->count * sizeof *sorted);
    pinball->slope = malloc(rows->count * sizeof *pinball->slope);
    pinball->bend = malloc(rows->count * sizeof *pinball->bend);
    if (sorted != NULL) {
        for (uint64_t i = 0; i < rows->count; i++)
            sorted[i] = (double)pinball->label[i];
        stats_sort_doubles(sorted, rows->count);
        pinball->start = stats_quantile(sorted, rows->count, level);
        for (uint64_t i = 0; i < rows->count; i++)
            pinball->spread += fabs(sorted[i] - pinball->start) / (double)rows->count;
    }
    bool got = sorted != NULL && pinball->slope != NULL && pinball->bend != NULL;
    free(sorted);
    return got ? FW_OK : FW_NOMEM;
}

static void pinball_fini(struct pinball *pinball)
{
    free(pinball->slope);
    free(pinball->bend);
}

/* Steps are in units of the labels' spread, and longer at the ends, where few labels lie: a second
 * derivative of 1 would hardly get there. */
static int pinball_round(const struct pinball *pinball, struct boost *boost,
                         struct boost_rows *rows)
{
    bst_ulong count;
    const float *said;
    double level = pinball->level, corner = CORNER * pinball->spread + 1e-12;
    double step = pinball->spread / (2 * sqrt(level * (1 - level)));
    if (XGBoosterPredict(boost->booster, rows->matrix, 1, 0, 1, &count, &said) != 0)
        return -1;
    CHECK(count == pinball->count);
    for (uint64_t i = 0; i < pinball->count; i++) {
        double weight = pinball->weight != NULL ? (double)pinball->weight[i] : 1;
        double below = 1 / (1 + exp(((double)pinball->label[i] - (double)said[i]) / corner));
        pinball->slope[i] = (float)(weight * step * (below - level));
        pinball->bend[i] = (float)weight;
    }
    return XGBoosterBoostOneIter(boost->booster, rows->matrix, pinball->slope, pinball->bend,
                                 pinball->count);
}

static enum fw_err train_quantile(struct boost *boost, struct boost_rows *rows,
                                  const struct boost_settings *settings, struct fw_detail *detail)
{
    struct pinball pinball;
    enum fw_err err = pinball_init(&pinball, rows, settings->quantile, detail);
    if (err == FW_OK && configure(boost->booster, settings, pinball.start) != 0)
        err = failed(detail);
    for (int round = 0; round < settings->rounds && err == FW_OK; round++)
        if (pinball_round(&pinball, boost, rows) != 0)
            err = failed(detail);
    pinball_fini(&pinball);
    return err;
}

static enum fw_err train(struct boost *boost, struct boost_rows *rows,
                         const struct boost_settings *settings, struct fw_detail *detail)
{
    if (XGBoosterCreate(&rows->matrix, 1, &boost->booster) != 0)
        return failed(detail);
    if (settings->quantile > 0)
        return train_quantile(boost, rows, settings, detail);
    double start = strncmp(settings->objective, "binary:", 7) == 0 ? .5 : 0;
    int failures = configure(boost->booster, settings, start);
    for (int round = 0; round < settings->rounds && failures == 0; round++)
        failures = XGBoosterUpdateOneIter(boost->booster, round, rows->matrix);
    return failures == 0 ? FW_OK : failed(detail);
}

enum fw_err boost_train(struct boost **out, struct boost_rows *rows,
                        const struct boost_settings *settings, struct fw_detail *detail)
{
    struct boost *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    enum fw_err err = train(made, rows, settings, detail);
    if (err != FW_OK) {
        boost_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}

void boost_free(struct boost **boost)
{
    if (*boost == NULL)
        return;
    if ((*boost)->booster != NULL)
        (void)XGBoosterFree((*boost)->booster);
    free(*boost);
    *boost = NULL;
}

enum fw_err boost_predict(struct boost *boost, const float *values, uint64_t rows, uint64_t columns,
                          float *out, struct fw_detail *detail)
{
    static const char settings[] = "{\"type\":0,\"training\":false,\"iteration_begin\":0,"
                                   "\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,"
                                   "\"cache_id\":0}";
    char array[160];
    const bst_ulong *shape;
    bst_ulong dimensions;
    const float *result;
    (void)snprintf(array, sizeof array,
                   "{\"data\":[%llu,true],\"shape\":[%llu,%llu],\"typestr\":\"<f4\",\"version\":3}",
                   (unsigned long long)(uintptr_t)values, (unsigned long long)rows,
                   (unsigned long long)columns);
    if (XGBoosterPredictFromDense(boost->booster, array, settings, NULL, &shape, &dimensions,
                                  &result) != 0)
        return failed(detail);
    CHECK(dimensions >= 1 && shape[0] == rows);
    memcpy(out, result, rows * sizeof *out);
    return FW_OK;
}

enum fw_err boost_columns(struct boost *boost, uint64_t *columns, struct fw_detail *detail)
{
    bst_ulong count;
    if (XGBoosterGetNumFeature(boost->booster, &count) != 0)
        return failed(detail);
    *columns = count;
    return FW_OK;
}

enum fw_err boost_save(struct boost *boost, struct buf *out, struct fw_detail *detail)
{
    bst_ulong size;
    const char *bytes;
    if (XGBoosterSaveModelToBuffer(boost->booster, "{\"format\":\"ubj\"}", &size, &bytes) != 0)
        return failed(detail);
    buf_add(out, bytes, size);
    return FW_OK;
}

enum fw_err boost_load(struct boost **out, const void *bytes, uint64_t size, int threads,
                       struct fw_detail *detail)
{
    struct boost *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    if (XGBoosterCreate(NULL, 0, &made->booster) != 0 ||
        XGBoosterLoadModelFromBuffer(made->booster, bytes, size) != 0 ||
        set_number(made->booster, "nthread", threads) != 0) {
        enum fw_err err = failed(detail);
        boost_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}
