/* SPDX-License-Identifier: MIT
 * What learning whether (spikes.h) and how high (spikes_size.h) a series spikes share: the rows. */
#ifndef FOREWARM_FORECAST_SPIKES_PART_H
#define FOREWARM_FORECAST_SPIKES_PART_H

#include "base/buf.h"
#include "forecast/spikes.h"

struct spikes_rows {
    float *columns; /* SPIKES_COLUMNS a row */
    float *came;    /* 1: a spike, 0: none */
    float *over;    /* of a spike: ln of how many times what makes one it was; else 0 */
    uint64_t count, hits;
};

FW_MUST_CHECK enum fw_err spikes_rows_alloc(struct spikes_rows *rows, uint64_t most);
void spikes_rows_free(struct spikes_rows *rows);
/* Every step of the series that has a reference: the last `calibrate` of each, or those before
 * them. Free them whatever it returns. */
FW_MUST_CHECK enum fw_err spikes_rows_gather(struct spikes_rows *rows,
                                             const struct spikes_series *series, int count,
                                             const struct spikes_rules *rules, int calibrate,
                                             bool last);
/* Keeps those of spikes alone. */
void spikes_rows_only_hits(struct spikes_rows *rows);

/* Rules as bytes; FW_CORRUPT when what is read are none. */
void spikes_rules_save(const struct spikes_rules *rules, struct buf *out);
FW_MUST_CHECK enum fw_err spikes_rules_load(struct spikes_rules *rules, struct buf_reader *in,
                                            struct fw_detail *detail);

struct boost;
/* A model over the spikes' columns as bytes. FW_CORRUPT: ends early or has other columns. */
enum { SPIKES_MODEL_BYTES_MAX = 1 << 26 };
FW_MUST_CHECK enum fw_err spikes_trees_save(struct boost *trees, struct buf *out,
                                            struct fw_detail *detail);
FW_MUST_CHECK enum fw_err spikes_trees_load(struct boost **trees, struct buf_reader *in,
                                            struct fw_detail *detail);

#endif
