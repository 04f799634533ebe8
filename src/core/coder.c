/* SPDX-License-Identifier: MIT */
#include "core/coder.h"

void code_u8(struct coder *coder, uint8_t *value)
{
    if (coder->in)
        *value = buf_get_u8(coder->in);
    else
        buf_put_u8(coder->out, *value);
}

void code_bool(struct coder *coder, bool *value)
{
    uint8_t byte = *value;
    code_u8(coder, &byte);
    if (byte > 1)
        coder_fail(coder);
    *value = byte == 1;
}

void code_u16(struct coder *coder, uint16_t *value)
{
    uint32_t wide = *value;
    code_u32(coder, &wide);
    if (wide > UINT16_MAX)
        coder_fail(coder);
    *value = (uint16_t)wide;
}

void code_u32(struct coder *coder, uint32_t *value)
{
    if (coder->in)
        *value = buf_get_u32(coder->in);
    else
        buf_put_u32(coder->out, *value);
}

void code_u64(struct coder *coder, uint64_t *value)
{
    if (coder->in)
        *value = buf_get_u64(coder->in);
    else
        buf_put_u64(coder->out, *value);
}

void code_i64(struct coder *coder, int64_t *value)
{
    if (coder->in)
        *value = buf_get_i64(coder->in);
    else
        buf_put_i64(coder->out, *value);
}

void code_float(struct coder *coder, float *value)
{
    if (coder->in)
        *value = buf_get_float(coder->in);
    else
        buf_put_float(coder->out, *value);
}

void code_count(struct coder *coder, uint32_t *value, uint32_t max)
{
    code_u32(coder, value);
    if (*value > max) {
        coder_fail(coder);
        *value = 0;
    }
}

void code_double(struct coder *coder, double *value)
{
    if (coder->in)
        *value = buf_get_double(coder->in);
    else
        buf_put_double(coder->out, *value);
}
