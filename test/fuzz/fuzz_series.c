/* SPDX-License-Identifier: MIT
 * Series as CSV: whatever the text, a sentence or values on one grid, never an infinity. */
#include "cli/series_read.h"
#include <math.h>
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_series(const struct series *series, const struct series *grid)
{
    require(series->count == grid->count && series->start_ns == grid->start_ns &&
            series->step_ns == grid->step_ns && series->count > 0 && series->step_ns > 0);
    for (size_t i = 0; i < series->count; i++)
        require(!isinf(series->value[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct series_read read;
    if (len < 1 || len > 1 << 14)
        return 0;
    struct fw_detail detail = {""};
    struct series_read_options options = {.every_ns = data[0] & 2 ? INT64_C(3600000000000) : 0,
                                          .covariates = data[0] & 1};
    struct str text = {(const char *)data + 1, len - 1};
    enum fw_err err = series_read_memory(&read, "fuzz.csv", text, &options, &detail);
    if (err != FW_OK) {
        require((err == FW_INPUT || err == FW_LIMIT || err == FW_NOMEM) && detail.text[0] != '\0');
        return 0;
    }
    check_series(&read.value, &read.value);
    for (uint32_t i = 0; i < read.covariate_count; i++)
        check_series(&read.covariates[i].series, &read.value);
    struct buf out;
    buf_init(&out, 1 << 16);
    series_read_describe(&read, &out);
    require(out.len > 0);
    buf_fini(&out);
    series_read_fini(&read);
    return 0;
}
