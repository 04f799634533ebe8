/* SPDX-License-Identifier: MIT
 * What the members have fitted, as bytes and back. The harmonics are not among them: they are
 * learned again from the series in no time. */
#include "forecast/members_part.h"
#include "forecast/prophet_store.h"

enum fw_err members_save(const struct members *members, struct buf *out, struct fw_detail *detail)
{
    struct buf part;
    enum fw_err err = FW_OK;
    buf_put_u32(out, (uint32_t)members->prophet_made);
    buf_put_u32(out, (uint32_t)members->stack_made);
    buf_put_u8(out, members->prophet != NULL);
    buf_put_u8(out, members->stack != NULL);
    buf_init(&part, PROPHET_STORE_BYTES_MAX);
    if (members->prophet != NULL) {
        prophet_save(members->prophet, &part);
        buf_put_str(out, buf_str(&part));
    }
    out->failed = out->failed || part.failed;
    buf_fini(&part);
    if (members->stack != NULL)
        err = stack_save(members->stack, out, detail);
    if (err == FW_OK && out->failed)
        err = err_set(detail, FW_LIMIT, "the model is larger than memory allows");
    return err;
}

static enum fw_err load_prophet(struct members *members, struct buf_reader *in,
                                struct fw_detail *detail)
{
    struct str bytes = buf_get_str(in);
    if (in->failed)
        return err_set(detail, FW_CORRUPT, "the model ends early");
    return prophet_load(bytes, &members->prophet, detail);
}

enum fw_err members_load(struct members *members, struct buf_reader *in, struct fw_detail *detail)
{
    uint32_t prophet_made = buf_get_u32(in), stack_made = buf_get_u32(in);
    uint8_t prophet = buf_get_u8(in), stack = buf_get_u8(in);
    uint32_t most = (uint32_t)members->n;
    if (in->failed || prophet_made > most || stack_made > most || prophet > 1 || stack > 1)
        return err_set(detail, FW_CORRUPT, "the model is damaged: its fits are of no such series");
    members->prophet_made = (int)prophet_made;
    members->stack_made = (int)stack_made;
    if (prophet == 1)
        FW_TRY(load_prophet(members, in, detail));
    return stack == 1 ? stack_load(&members->stack, in, 1, detail) : FW_OK;
}
