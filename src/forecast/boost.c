/* SPDX-License-Identifier: MIT */
#include "forecast/boost.h"

#include "base/check.h"
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

static int configure(BoosterHandle booster, const struct boost_settings *settings)
{
    return XGBoosterSetParam(booster, "objective", settings->objective) |
           XGBoosterSetParam(booster, "tree_method", "hist") |
           XGBoosterSetParam(booster, "verbosity", "0") |
           set_number(booster, "base_score",
                      strncmp(settings->objective, "binary:", 7) == 0 ? .5 : 0) |
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

enum fw_err boost_train(struct boost **out, struct boost_rows *rows,
                        const struct boost_settings *settings, struct fw_detail *detail)
{
    struct boost *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    int failures = XGBoosterCreate(&rows->matrix, 1, &made->booster);
    if (failures == 0)
        failures = configure(made->booster, settings);
    for (int round = 0; round < settings->rounds && failures == 0; round++)
        failures = XGBoosterUpdateOneIter(made->booster, round, rows->matrix);
    if (failures != 0) {
        enum fw_err err = failed(detail);
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
