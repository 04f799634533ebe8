/* SPDX-License-Identifier: MIT
 * One function writes and reads a structure, so that the two cannot differ: with `out` set the
 * value is written, with `in` set it is read. */
#ifndef FOREWARM_CORE_CODER_H
#define FOREWARM_CORE_CODER_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct coder {
    struct buf *out;
    struct buf_reader *in;
};

static inline bool coder_failed(const struct coder *coder)
{
    return coder->in ? coder->in->failed : coder->out->failed;
}
static inline void coder_fail(struct coder *coder)
{
    if (coder->in)
        coder->in->failed = true;
    else
        coder->out->failed = true;
}
void code_u8(struct coder *coder, uint8_t *value);
void code_bool(struct coder *coder, bool *value); /* anything but 0 and 1 is damage */
void code_u16(struct coder *coder, uint16_t *value);
void code_u32(struct coder *coder, uint32_t *value);
void code_u64(struct coder *coder, uint64_t *value);
void code_i64(struct coder *coder, int64_t *value);
void code_float(struct coder *coder, float *value);
void code_double(struct coder *coder, double *value);
/* A number of items that must not exceed `max`; reads as 0 on damage, so that loops end. */
void code_count(struct coder *coder, uint32_t *value, uint32_t max);

#endif
