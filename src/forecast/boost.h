/* SPDX-License-Identifier: MIT
 * Gradient boosted trees, through XGBoost's C API (Chen and Guestrin, KDD 2016). One thread unless
 * asked otherwise: two that spin on a busy machine are slower than one. The same rows, settings and
 * seed give the same bytes, whatever the number of threads. */
#ifndef FOREWARM_FORECAST_BOOST_H
#define FOREWARM_FORECAST_BOOST_H

#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

struct boost_settings {
    const char *objective; /* XGBoost's name: "reg:pseudohubererror", "binary:logistic", ... */
    double quantile;       /* in (0, 1): this quantile is learned, `objective` is not asked: the
                              pinball loss (Koenker and Bassett, Econometrica 46, 1978), its corner
                              rounded off (Zheng, Int. J. Machine Learning and Cybernetics 2,
                              2011), all second derivatives 1. What comes of it covers a little
                              less than it should: make it conformal. 0: none */
    int rounds, depth, max_bin, threads;
    double eta, subsample, colsample, min_child_weight, lambda;
    uint32_t seed;
};

/* Rows that several models learn from: what they are to learn may change between them. */
struct boost_rows;
FW_MUST_CHECK enum fw_err boost_rows_create(struct boost_rows **out, const float *values,
                                            uint64_t rows, uint64_t columns, int threads,
                                            struct fw_detail *detail);
void boost_rows_free(struct boost_rows **rows);
/* One number a row; weights may be NULL. */
FW_MUST_CHECK enum fw_err boost_rows_label(struct boost_rows *rows, const float *labels,
                                           const float *weights, struct fw_detail *detail);

struct boost;
FW_MUST_CHECK enum fw_err boost_train(struct boost **out, struct boost_rows *rows,
                                      const struct boost_settings *settings,
                                      struct fw_detail *detail);
void boost_free(struct boost **boost);
/* out[i] for each row; NaN among the values is "missing". */
FW_MUST_CHECK enum fw_err boost_predict(struct boost *boost, const float *values, uint64_t rows,
                                        uint64_t columns, float *out, struct fw_detail *detail);
/* Columns that the model looks at. */
FW_MUST_CHECK enum fw_err boost_columns(struct boost *boost, uint64_t *columns,
                                        struct fw_detail *detail);
/* The model as bytes (XGBoost's UBJSON), and back. */
FW_MUST_CHECK enum fw_err boost_save(struct boost *boost, struct buf *out,
                                     struct fw_detail *detail);
FW_MUST_CHECK enum fw_err boost_load(struct boost **out, const void *bytes, uint64_t size,
                                     int threads, struct fw_detail *detail);

#endif
