/* SPDX-License-Identifier: MIT */
#include "learn/recall.h"
#include "base/time.h"
#include <math.h>

bool recall_instant(struct buf_reader *in, int64_t *at_ns)
{
    *at_ns = buf_get_i64(in);
    return !in->failed && *at_ns >= -RECALL_INSTANT_MAX && *at_ns <= RECALL_INSTANT_MAX;
}

bool recall_deadline(struct buf_reader *in, int64_t *at_ns)
{
    return recall_instant(in, at_ns) || (!in->failed && *at_ns == TIME_NEVER);
}

bool recall_duration(struct buf_reader *in, int64_t *duration_ns)
{
    return recall_deadline(in, duration_ns) && *duration_ns >= 0;
}

bool recall_positive(struct buf_reader *in, double *value)
{
    *value = buf_get_double(in);
    return !in->failed && isfinite(*value) && *value >= 0;
}

bool recall_count(struct buf_reader *in, float *value)
{
    *value = buf_get_float(in);
    return !in->failed && isfinite(*value) && *value >= 0;
}

bool recall_flag(struct buf_reader *in, bool *value)
{
    uint8_t byte = buf_get_u8(in);
    *value = byte != 0;
    return !in->failed && byte <= 1;
}

bool recall_u16(struct buf_reader *in, uint16_t *value)
{
    uint32_t word = buf_get_u32(in);
    *value = (uint16_t)word;
    return !in->failed && word <= UINT16_MAX;
}
