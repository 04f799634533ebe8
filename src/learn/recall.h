/* SPDX-License-Identifier: MIT
 * Reading learned state back with suspicion: each returns false when the value cannot have been
 * written by us. What passes can be calculated with without overflow; whether it makes sense is for
 * the reader to say. */
#ifndef FOREWARM_LEARN_RECALL_H
#define FOREWARM_LEARN_RECALL_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

/* 146 years from 1970: no trace gets there, and the difference of two instants still fits. */
#define RECALL_INSTANT_MAX (INT64_MAX / 2 - 1)

bool recall_instant(struct buf_reader *in, int64_t *at_ns);        /* |at| <= RECALL_INSTANT_MAX */
bool recall_deadline(struct buf_reader *in, int64_t *at_ns);       /* or TIME_NEVER */
bool recall_duration(struct buf_reader *in, int64_t *duration_ns); /* >= 0, TIME_NEVER too */
bool recall_positive(struct buf_reader *in, double *value);        /* finite and >= 0 */
bool recall_count(struct buf_reader *in, float *value);            /* finite and >= 0 */
bool recall_flag(struct buf_reader *in, bool *value);
bool recall_u16(struct buf_reader *in, uint16_t *value); /* written as u32 */

#endif
