/* SPDX-License-Identifier: MIT
 * What a plan reads: offers, which are then bought from, and forecasts in a file, which are then
 * planned for. A sentence with a place, or numbers within their bounds. */
#include "base/time.h"
#include "cli/offer_file.h"
#include "cli/plan_input.h"
#include <math.h>
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void buy(const struct offers *offers)
{
    static const int units[] = {0, 3, 7, 1};
    struct purchase purchase;
    struct fw_detail detail = {""};
    enum fw_err err =
        offers_buy(offers, units, 4, 1774742400 * TIME_SECOND, TIME_HOUR, &purchase, &detail);
    require(err == FW_OK || detail.text[0] != '\0');
    for (int t = 0; err == FW_OK && t < 4; t++)
        require(isfinite(purchase.cost_per_hour[t]) && purchase.cost_per_hour[t] >= 0 &&
                purchase.unmet[t] >= 0 && purchase.unmet[t] <= units[t]);
    purchase_fini(&purchase);
}

static void plan(const struct plan_input *input)
{
    struct capacity_settings settings = capacity_defaults;
    struct fw_detail detail = {""};
    struct capacity_row *rows = calloc((size_t)input->demand.steps, sizeof *rows);
    if (rows == NULL)
        return;
    settings.lead_time_ns = 3 * TIME_DAY;
    enum fw_err err = capacity_plan(&input->demand, &settings, rows, &detail);
    require(err == FW_OK || detail.text[0] != '\0');
    for (int t = 0; err == FW_OK && t < input->demand.steps; t++)
        require(rows[t].recommended >= 0 && rows[t].burst_ready >= rows[t].recommended &&
                rows[t].utilization >= 0 && rows[t].utilization <= 1 &&
                rows[t].gpus[CAPACITY_EMERGENCY] >= rows[t].gpus[CAPACITY_CONSERVATIVE]);
    free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct offers offers;
    if (len == 0 || len > 1 << 13)
        return 0;
    struct str text = {(const char *)data + 1, len - 1};
    struct fw_detail detail = {""};
    if (data[0] % 2 == 0) {
        offers = (struct offers){
            .spot_share = .5, .service_level = .95, .lead_time_ns = 600 * TIME_SECOND};
        if (offer_file_parse(&offers, "fuzz.yaml", text, &detail) == FW_OK)
            buy(&offers);
        else
            require(detail.text[0] != '\0');
        return 0;
    }
    struct plan_input input;
    struct plan_input_how how = {.forecast = demand_defaults,
                                 .service_level = .95,
                                 .lead_time_ns = 3 * TIME_DAY,
                                 .error_memory_ns = 6 * TIME_DAY};
    how.forecast.path_count = PATHS_LEAST;
    how.forecast.horizon_ns = TIME_DAY;
    how.forecast.model = DEMAND_NAIVE;
    how.series.every_ns = TIME_DAY;
    if (plan_input_parse(&input, "fuzz.csv", text, &how, &detail) == FW_OK) {
        if (input.demand.steps <= 1000)
            plan(&input);
        plan_input_fini(&input);
    } else {
        require(detail.text[0] != '\0');
    }
    return 0;
}
