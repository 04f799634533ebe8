/* SPDX-License-Identifier: MIT */
#include "forecast/boost.h"
#include "forecast/spikes_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void spikes_rows_free(struct spikes_rows *rows)
{
    free(rows->columns);
    free(rows->came);
    free(rows->over);
    *rows = (struct spikes_rows){0};
}

enum fw_err spikes_rows_alloc(struct spikes_rows *rows, uint64_t most)
{
    *rows = (struct spikes_rows){0};
    rows->columns = malloc((most + 1) * SPIKES_COLUMNS * sizeof *rows->columns);
    rows->came = malloc((most + 1) * sizeof *rows->came);
    rows->over = malloc((most + 1) * sizeof *rows->over);
    return rows->columns != NULL && rows->came != NULL && rows->over != NULL ? FW_OK : FW_NOMEM;
}

/* The rows whose target lies in [from, to). */
static void add(struct spikes_rows *rows, const struct spikes_series *series,
                const struct spikes_rules *rules, int from, int to)
{
    for (int target = from; target < to; target++) {
        int known = target - rules->ahead + 1;
        float *columns = rows->columns + rows->count * SPIKES_COLUMNS;
        if (known < 1 || !isfinite(series->y[target]) ||
            !spikes_columns(series->y, known, rules, columns))
            continue;
        double limit = rules->times * spikes_reference(series->y, known, rules);
        bool spike = series->y[target] > limit;
        rows->came[rows->count] = spike ? 1 : 0;
        rows->over[rows->count++] = spike ? (float)log(series->y[target] / limit) : 0;
        rows->hits += spike;
    }
}

enum fw_err spikes_rows_gather(struct spikes_rows *rows, const struct spikes_series *series,
                               int count, const struct spikes_rules *rules, int calibrate,
                               bool last)
{
    uint64_t most = 0;
    for (int i = 0; i < count; i++)
        most += (uint64_t)series[i].n;
    FW_TRY(spikes_rows_alloc(rows, most));
    for (int i = 0; i < count; i++) {
        int cut = series[i].n > calibrate ? series[i].n - calibrate : 0;
        add(rows, &series[i], rules, last ? cut : 0, last ? series[i].n : cut);
    }
    return FW_OK;
}

void spikes_rows_only_hits(struct spikes_rows *rows)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < rows->count; i++) {
        if (!(rows->came[i] > 0))
            continue;
        memmove(rows->columns + kept * SPIKES_COLUMNS, rows->columns + i * SPIKES_COLUMNS,
                SPIKES_COLUMNS * sizeof *rows->columns);
        rows->came[kept] = 1;
        rows->over[kept++] = rows->over[i];
    }
    rows->count = kept;
}

/* ---- as bytes ---- */

void spikes_rules_save(const struct spikes_rules *rules, struct buf *out)
{
    buf_put_double(out, rules->times);
    buf_put_u32(out, (uint32_t)rules->ahead);
    buf_put_u32(out, (uint32_t)rules->day);
}

enum fw_err spikes_rules_load(struct spikes_rules *rules, struct buf_reader *in,
                              struct fw_detail *detail)
{
    double times = buf_get_double(in);
    uint32_t ahead = buf_get_u32(in), day = buf_get_u32(in);
    bool known = !in->failed && isfinite(times) && times > 1 && day >= SPIKES_DAY_MIN &&
                 day <= SPIKES_DAY_MAX && day % 4 == 0 && ahead >= 1 && ahead <= day;
    if (!known)
        return err_set(detail, FW_CORRUPT, "the model's rules of a spike cannot be read");
    *rules = (struct spikes_rules){times, (int)ahead, (int)day};
    return FW_OK;
}

enum fw_err spikes_trees_save(struct boost *trees, struct buf *out, struct fw_detail *detail)
{
    struct buf bytes;
    buf_init(&bytes, SPIKES_MODEL_BYTES_MAX);
    enum fw_err err = boost_save(trees, &bytes, detail);
    if (err == FW_OK && bytes.failed)
        err = FW_NOMEM;
    if (err == FW_OK)
        buf_put_str(out, buf_str(&bytes));
    buf_fini(&bytes);
    return err;
}

enum fw_err spikes_trees_load(struct boost **trees, struct buf_reader *in, struct fw_detail *detail)
{
    uint64_t columns = 0;
    struct str bytes = buf_get_str(in);
    if (in->failed)
        return err_set(detail, FW_CORRUPT, "the model ends early");
    FW_TRY(boost_load(trees, bytes.data, bytes.len, 1, detail));
    FW_TRY(boost_columns(*trees, &columns, detail));
    return columns == SPIKES_COLUMNS
               ? FW_OK
               : err_set(detail, FW_CORRUPT, "the model looks at %llu columns, not at %d",
                         (unsigned long long)columns, SPIKES_COLUMNS);
}
