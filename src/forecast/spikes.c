/* SPDX-License-Identifier: MIT */
#include "forecast/spikes.h"

#include "forecast/boost.h"
#include "forecast/isotonic.h"
#include "forecast/spikes_part.h"
#include <math.h>
#include <stdlib.h>

enum { VERSION = 1 };
#define OWN_WORD .01

struct spikes {
    struct spikes_settings settings;
    struct boost *trees;
    struct isotonic curve;
};

const struct spikes_settings spikes_defaults = {
    .rules = {.times = 2, .ahead = 1, .day = 144},
    .calibrate = 2 * 144,
    .rounds = 150,
    .depth = 6,
    .eta = .08,
    .subsample = .8,
    .min_child_weight = 1,
    .seed = 1,
};

/* Rows to learn from, or those after them to calibrate on. */
static enum fw_err gather(struct spikes_rows *rows, const struct spikes_series *series, int count,
                          const struct spikes_settings *settings, bool last,
                          struct fw_detail *detail)
{
    FW_TRY(spikes_rows_gather(rows, series, count, &settings->rules, settings->calibrate, last));
    if (rows->hits == 0 || rows->hits == rows->count)
        return err_set(detail, FW_INPUT,
                       "%llu spikes in %llu steps to %s from: some with and some without are "
                       "needed",
                       (unsigned long long)rows->hits, (unsigned long long)rows->count,
                       last ? "calibrate" : "learn");
    return FW_OK;
}

static enum fw_err learn(struct spikes *spikes, const struct spikes_rows *rows,
                         struct fw_detail *detail)
{
    const struct spikes_settings *settings = &spikes->settings;
    struct boost_settings how = {.objective = "binary:logistic",
                                 .rounds = settings->rounds,
                                 .depth = settings->depth,
                                 .max_bin = 256,
                                 .threads = 1,
                                 .eta = settings->eta,
                                 .subsample = settings->subsample,
                                 .colsample = 1,
                                 .min_child_weight = settings->min_child_weight,
                                 .lambda = 1,
                                 .seed = settings->seed};
    struct boost_rows *learned = NULL;
    enum fw_err err =
        boost_rows_create(&learned, rows->columns, rows->count, SPIKES_COLUMNS, 1, detail);
    if (err == FW_OK)
        err = boost_rows_label(learned, rows->came, NULL, detail);
    if (err == FW_OK)
        err = boost_train(&spikes->trees, learned, &how, detail);
    boost_rows_free(&learned);
    return err;
}

static enum fw_err calibrate(struct spikes *spikes, const struct spikes_rows *rows,
                             struct fw_detail *detail)
{
    float *said = malloc(rows->count * sizeof *said);
    double *pairs = malloc(2 * rows->count * sizeof *pairs);
    enum fw_err err = said != NULL && pairs != NULL ? FW_OK : FW_NOMEM;
    if (err == FW_OK)
        err =
            boost_predict(spikes->trees, rows->columns, rows->count, SPIKES_COLUMNS, said, detail);
    for (uint64_t i = 0; i < rows->count && err == FW_OK; i++) {
        pairs[i] = (double)said[i];
        pairs[rows->count + i] = (double)rows->came[i];
    }
    if (err == FW_OK)
        err = isotonic_fit(&spikes->curve, pairs, pairs + rows->count, (int)rows->count);
    free(said);
    free(pairs);
    return err;
}

enum fw_err spikes_train(struct spikes **out, const struct spikes_series *series, int count,
                         const struct spikes_settings *settings, struct fw_detail *detail)
{
    struct spikes *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    made->settings = *settings;
    struct spikes_rows rows;
    enum fw_err err = gather(&rows, series, count, settings, false, detail);
    if (err == FW_OK)
        err = learn(made, &rows, detail);
    spikes_rows_free(&rows);
    if (err == FW_OK) {
        err = gather(&rows, series, count, settings, true, detail);
        if (err == FW_OK)
            err = calibrate(made, &rows, detail);
        spikes_rows_free(&rows);
    }
    if (err != FW_OK) {
        spikes_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}

void spikes_free(struct spikes **spikes)
{
    if (*spikes == NULL)
        return;
    boost_free(&(*spikes)->trees);
    isotonic_fini(&(*spikes)->curve);
    free(*spikes);
    *spikes = NULL;
}

/* The curve is flat within its ends: a little of the trees' own word keeps what lies there in
 * order.
 */
static double probability_of(const struct spikes *spikes, double said)
{
    return (1 - OWN_WORD) * isotonic_at(&spikes->curve, said) + OWN_WORD * said;
}

enum fw_err spikes_predict(struct spikes *spikes, const double *y, int first, int count, double *p,
                           struct fw_detail *detail)
{
    struct spikes_rows rows;
    float *said = calloc((size_t)count + 1, sizeof *said);
    enum fw_err err = spikes_rows_alloc(&rows, (uint64_t)count);
    for (int i = 0; i < count && err == FW_OK; i++) {
        bool known = spikes_columns(y, first + i, &spikes->settings.rules,
                                    rows.columns + rows.count * SPIKES_COLUMNS);
        p[i] = known ? 0 : NAN;
        rows.count += known;
    }
    if (err == FW_OK && said == NULL)
        err = FW_NOMEM;
    if (err == FW_OK && rows.count > 0)
        err = boost_predict(spikes->trees, rows.columns, rows.count, SPIKES_COLUMNS, said, detail);
    uint64_t next = 0;
    for (int i = 0; i < count && err == FW_OK; i++)
        if (!isnan(p[i]))
            p[i] = probability_of(spikes, (double)said[next++]);
    spikes_rows_free(&rows);
    free(said);
    return err;
}

/* ---- as bytes ---- */

enum fw_err spikes_save(struct spikes *spikes, struct buf *out, struct fw_detail *detail)
{
    buf_put_u32(out, VERSION);
    spikes_rules_save(&spikes->settings.rules, out);
    isotonic_save(&spikes->curve, out);
    FW_TRY(spikes_trees_save(spikes->trees, out, detail));
    return out->failed ? FW_NOMEM : FW_OK;
}

enum fw_err spikes_load(struct spikes **out, struct buf_reader *in, struct fw_detail *detail)
{
    uint32_t version = buf_get_u32(in);
    if (version != VERSION)
        return err_set(detail, FW_VERSION, "a model of spikes of version %u, this is %d", version,
                       VERSION);
    struct spikes *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    enum fw_err err = spikes_rules_load(&made->settings.rules, in, detail);
    if (err == FW_OK)
        err = isotonic_load(&made->curve, in, detail);
    if (err == FW_OK)
        err = spikes_trees_load(&made->trees, in, detail);
    if (err != FW_OK) {
        spikes_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}

const struct spikes_rules *spikes_rules_of(const struct spikes *spikes)
{
    return &spikes->settings.rules;
}
