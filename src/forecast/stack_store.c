/* SPDX-License-Identifier: MIT
 * The model as bytes. */
#include "forecast/stack_part.h"
#include <stdlib.h>

enum { STACK_VERSION = 2, STACK_BYTES_MAX = 1 << 28 };

static enum fw_err save(struct boost *model, struct buf *out, struct fw_detail *detail)
{
    struct buf bytes;
    buf_init(&bytes, STACK_BYTES_MAX);
    enum fw_err err = boost_save(model, &bytes, detail);
    if (err == FW_OK)
        buf_put_str(out, buf_str(&bytes));
    buf_fini(&bytes);
    return err;
}

enum fw_err stack_save(struct stack *stack, struct buf *out, struct fw_detail *detail)
{
    bool quantiles = stack->quantiles[0] != NULL;
    buf_put_u32(out, STACK_VERSION);
    buf_put_u32(out, STACK_COLUMNS);
    buf_put_u32(out, quantiles ? STACK_SEEN : 0);
    for (int i = 0; i < STACK_BLOCKS; i++)
        buf_put_double(out, stack->settings.widths[i]);
    for (int i = 0; i < STACK_MODELS; i++)
        FW_TRY(save(stack->models[i], out, detail));
    for (int i = 0; i < STACK_LEVELS && quantiles; i++)
        FW_TRY(save(stack->quantiles[i], out, detail));
    return out->failed ? FW_NOMEM : FW_OK;
}

static enum fw_err load(struct boost **model, struct buf_reader *in, uint64_t columns, int threads,
                        struct fw_detail *detail)
{
    uint64_t found = 0;
    struct str bytes = buf_get_str(in);
    if (in->failed)
        return err_set(detail, FW_CORRUPT, "the model ends early");
    FW_TRY(boost_load(model, bytes.data, bytes.len, threads, detail));
    FW_TRY(boost_columns(*model, &found, detail));
    return found == columns ? FW_OK
                            : err_set(detail, FW_CORRUPT,
                                      "the model looks at %llu columns, not at "
                                      "%llu",
                                      (unsigned long long)found, (unsigned long long)columns);
}

enum fw_err stack_load(struct stack **out, struct buf_reader *in, int threads,
                       struct fw_detail *detail)
{
    uint32_t version = buf_get_u32(in), columns = buf_get_u32(in), seen = buf_get_u32(in);
    if (version != STACK_VERSION || columns != STACK_COLUMNS || (seen != 0 && seen != STACK_SEEN))
        return err_set(detail, FW_VERSION,
                       "a model of version %u with %u columns, this is %d with %d", version,
                       columns, STACK_VERSION, STACK_COLUMNS);
    struct stack *made = calloc(1, sizeof *made);
    if (made == NULL)
        return FW_NOMEM;
    made->settings = stack_defaults;
    made->settings.threads = threads;
    for (int i = 0; i < STACK_BLOCKS; i++)
        made->settings.widths[i] = buf_get_double(in);
    enum fw_err err = FW_OK;
    for (int i = 0; i < STACK_MODELS && err == FW_OK; i++)
        err = load(&made->models[i], in, STACK_COLUMNS, threads, detail);
    for (int i = 0; i < STACK_LEVELS && seen > 0 && err == FW_OK; i++)
        err = load(&made->quantiles[i], in, STACK_SEEN, threads, detail);
    if (err != FW_OK) {
        stack_free(&made);
        return err;
    }
    *out = made;
    return FW_OK;
}
