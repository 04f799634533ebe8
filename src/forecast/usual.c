/* SPDX-License-Identifier: MIT */
#include "forecast/usual.h"
#include "base/check.h"
#include <math.h>
#include <stdlib.h>

enum fw_err usual_init(struct usual *usual, uint32_t day_rows, uint32_t days)
{
    *usual = (struct usual){0};
    if (day_rows <= 1 || day_rows > USUAL_DAY_ROWS_MAX)
        return FW_OK;
    usual->day_rows = day_rows;
    CHECK(days >= USUAL_DAYS && days <= USUAL_DAYS_MAX);
    usual->size = days * day_rows + 1;
    usual->ring = malloc(usual->size * sizeof *usual->ring);
    return usual->ring ? FW_OK : FW_NOMEM;
}

void usual_fini(struct usual *usual)
{
    free(usual->ring);
    *usual = (struct usual){0};
}

bool usual_known(const struct usual *usual)
{
    return usual->ring && usual->rows >= 2 * (uint64_t)usual->day_rows;
}

/* What came `from` to `to` days back, in order of size. */
static uint32_t collect(const struct usual *usual, uint32_t from, uint32_t to,
                        double near[3 * USUAL_DAYS])
{
    uint32_t count = 0, day = usual->day_rows;
    for (uint32_t days = from; days <= to; days++) {
        for (uint32_t back = days * day - 1; back <= days * day + 1; back++) {
            if (back == 0 || back > usual->rows || back > usual->size)
                continue;
            double value = usual->ring[(usual->next + usual->size - back) % usual->size];
            if (isnan(value))
                continue;
            uint32_t at = count++;
            for (; at > 0 && near[at - 1] > value; at--)
                near[at] = near[at - 1];
            near[at] = value;
        }
    }
    return count;
}

double usual_value(const struct usual *usual, double otherwise)
{
    double near[3 * USUAL_DAYS];
    uint32_t count = collect(usual, 1, USUAL_DAYS, near);
    return count > 0 ? near[count / 2] : otherwise;
}

double usual_week(const struct usual *usual, double otherwise)
{
    double near[3 * USUAL_DAYS];
    uint32_t count = collect(usual, USUAL_DAYS, USUAL_DAYS, near);
    if (count == 0)
        count = collect(usual, 2 * USUAL_DAYS, 2 * USUAL_DAYS, near);
    return count > 0 ? near[count / 2] : otherwise;
}

void usual_add(struct usual *usual, double value)
{
    usual->rows++;
    if (!usual->ring)
        return;
    usual->ring[usual->next] = value;
    usual->next = usual->next + 1 == usual->size ? 0 : usual->next + 1;
}
