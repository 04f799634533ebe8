/* SPDX-License-Identifier: MIT
 * Any bytes as a llama-swap configuration: read and written as ours, or refused with at least one
 * problem in words. */
#include "base/check.h"
#include "cli/import_swap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *environment(const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/home/somebody" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct swap swap;
    struct buf out;
    buf_init(&out, SWAP_TEXT_MAX * 4);
    enum fw_err err =
        swap_read(&swap, "fuzz.yaml", (struct str){(const char *)data, len}, environment);
    CHECK(err == FW_OK || err == FW_NOMEM ||
          (err == FW_INPUT && swap.problems.count > 0 && swap.problems.text.len > 0));
    if (err == FW_OK)
        swap_write(&swap, "tokens", &out);
    CHECK(err != FW_OK || swap.model_count > 0);
    buf_fini(&out);
    swap_fini(&swap);
    return 0;
}
