/* SPDX-License-Identifier: MIT */
#include "plan/capacity_report.h"

#include <math.h>
#include <stdlib.h>

static const double HOUR_NS = 3600e9;
static const double MORE_BY_BATCHING = 1.1;

const char *const capacity_fleet_names[CAPACITY_FLEETS] = {
    "now", "baseline", "expected", "recommended", "conservative", "emergency", "burst"};

static int units_of(const struct capacity_question *question, const struct capacity_row *row,
                    enum capacity_fleet fleet)
{
    switch (fleet) {
    case CAPACITY_FLEET_NOW:
        return question->current >= 0 ? question->current : row->gpus[CAPACITY_BASELINE];
    case CAPACITY_FLEET_BASELINE:
        return row->gpus[CAPACITY_BASELINE];
    case CAPACITY_FLEET_EXPECTED:
        return row->gpus[CAPACITY_EXPECTED];
    case CAPACITY_FLEET_CONSERVATIVE:
        return row->gpus[CAPACITY_CONSERVATIVE];
    case CAPACITY_FLEET_EMERGENCY:
        return row->gpus[CAPACITY_EMERGENCY];
    case CAPACITY_FLEET_BURST:
        return row->burst_ready;
    default:
        return row->recommended;
    }
}

/* ---- on the paths ---- */

static void judge_step(const struct capacity_question *question, int units, int t, double hours,
                       char *missed, struct capacity_account *account)
{
    const struct capacity_demand *demand = question->demand;
    double unit = capacity_of_unit(question->settings), can = units * unit;
    double strained = can * question->settings->warning_utilization, done = 0;
    double share = hours / demand->path_count;
    const double *path = demand->paths + (size_t)t * (size_t)demand->path_count;
    for (int p = 0; p < demand->path_count; p++) {
        double wanted = path[p] > 0 ? path[p] : 0;
        done += share * (wanted < can ? wanted : can) / unit;
        account->strained_hours += wanted > strained ? share : 0;
        if (wanted > can * (1 + 1e-12)) {
            account->short_hours += share;
            account->missing_hours += share * (wanted - can) / unit;
            missed[p] = 1;
        }
    }
    account->utilization += done; /* for now: unit hours in use */
}

static enum fw_err account_of(const struct capacity_question *question, const int *units,
                              const struct purchase *purchase, struct capacity_account *account)
{
    const struct capacity_demand *demand = question->demand;
    double hours = (double)demand->step_ns / HOUR_NS;
    char *missed = calloc((size_t)demand->path_count, 1);
    *account = (struct capacity_account){.hours = hours * demand->steps};
    if (missed == NULL)
        return FW_NOMEM;
    for (int t = 0; t < demand->steps; t++) {
        account->cost += hours * purchase->cost_per_hour[t];
        account->unit_hours += hours * units[t];
        if (units[t] > account->peak) {
            account->peak = units[t];
            account->peak_step = t;
        }
        if (purchase->unmet[t] > account->unmet_peak)
            account->unmet_peak = purchase->unmet[t];
        judge_step(question, units[t] - purchase->unmet[t], t, hours, missed, account);
    }
    for (int p = 0; p < demand->path_count; p++)
        account->short_chance += (double)missed[p] / demand->path_count;
    free(missed);
    account->cost_month = account->cost / account->hours * CAPACITY_MONTH_HOURS;
    account->average = account->unit_hours / account->hours;
    account->utilization = account->unit_hours > 0 ? account->utilization / account->unit_hours : 0;
    return FW_OK;
}

static enum fw_err buy(const struct capacity_question *question, const struct offers *offers,
                       const int *units, struct purchase *purchase, struct fw_detail *detail)
{
    const struct capacity_demand *demand = question->demand;
    return offers_buy(offers, units, demand->steps, demand->start_ns, demand->step_ns, purchase,
                      detail);
}

static enum fw_err account_fleet(const struct capacity_question *question,
                                 const struct capacity_row *rows, enum capacity_fleet fleet,
                                 int *units, struct capacity_report *report,
                                 struct fw_detail *detail)
{
    struct purchase purchase = {0};
    for (int t = 0; t < question->demand->steps; t++)
        units[t] = units_of(question, &rows[t], fleet);
    FW_TRY(buy(question, question->offers, units, &purchase, detail));
    enum fw_err err = account_of(question, units, &purchase, &report->fleets[fleet]);
    if (err == FW_OK && fleet == CAPACITY_FLEET_RECOMMENDED)
        report->purchase = purchase;
    else
        purchase_fini(&purchase);
    return err;
}

/* ---- prices ---- */

/* Mean over the steps of the cheapest unit on demand; of all there is where none is on demand. */
static double unit_price(const struct capacity_question *question)
{
    const struct capacity_demand *demand = question->demand;
    const struct offers *offers = question->offers;
    double sum = 0;
    bool rented = false;
    for (int i = 0; i < offers->count; i++)
        rented = rented || offers->rows[i].tier == OFFERS_ON_DEMAND;
    for (int t = 0; t < demand->steps; t++) {
        int64_t from_ns = demand->start_ns + t * demand->step_ns;
        double least = INFINITY;
        for (int i = 0; i < offers->count; i++)
            if (!rented || offers->rows[i].tier == OFFERS_ON_DEMAND)
                least =
                    fmin(least, offers_price(&offers->rows[i], from_ns, from_ns + demand->step_ns));
        sum += least;
    }
    return sum / demand->steps;
}

/* The recommended, all of it from the offers on demand. */
static enum fw_err all_on_demand(const struct capacity_question *question, const int *units,
                                 double *cost, struct fw_detail *detail)
{
    struct offers *rented = malloc(sizeof *rented);
    struct purchase purchase = {0};
    *cost = NAN;
    if (rented == NULL)
        return FW_NOMEM;
    *rented = *question->offers;
    rented->count = 0;
    for (int i = 0; i < question->offers->count; i++)
        if (question->offers->rows[i].tier == OFFERS_ON_DEMAND) {
            rented->rows[rented->count] = question->offers->rows[i];
            rented->rows[rented->count++].most = 0; /* as many as are needed */
        }
    enum fw_err err = rented->count > 0 ? buy(question, rented, units, &purchase, detail) : FW_OK;
    if (err == FW_OK && rented->count > 0) {
        *cost = 0;
        for (int t = 0; t < question->demand->steps; t++)
            *cost += purchase.cost_per_hour[t] * (double)question->demand->step_ns / HOUR_NS;
    }
    purchase_fini(&purchase);
    free(rented);
    return err;
}

/* What larger batches would save, were a unit to do a tenth more. */
static enum fw_err batching(const struct capacity_question *question, struct capacity_row *rows,
                            int *units, struct capacity_report *report, struct fw_detail *detail)
{
    struct capacity_settings settings = *question->settings;
    struct purchase purchase = {0};
    double cost = 0;
    settings.batching_gain *= MORE_BY_BATCHING;
    FW_TRY(capacity_plan(question->demand, &settings, rows, detail));
    for (int t = 0; t < question->demand->steps; t++)
        units[t] = rows[t].recommended;
    FW_TRY(buy(question, question->offers, units, &purchase, detail));
    for (int t = 0; t < question->demand->steps; t++)
        cost += purchase.cost_per_hour[t] / question->demand->steps;
    purchase_fini(&purchase);
    report->batching_saving_month =
        report->fleets[CAPACITY_FLEET_RECOMMENDED].cost_month - cost * CAPACITY_MONTH_HOURS;
    return FW_OK;
}

/* ---- together ---- */

static double over(double a, double b)
{
    return b > 0 ? a / b - 1 : NAN;
}

static void compare(const struct capacity_question *question, struct capacity_report *report)
{
    const struct capacity_account *now = &report->fleets[CAPACITY_FLEET_NOW];
    const struct capacity_account *then = &report->fleets[CAPACITY_FLEET_RECOMMENDED];
    double level = question->settings->service_level;
    report->current_told = question->current >= 0;
    report->short_price_told = question->short_price >= 0;
    report->unit_price = unit_price(question);
    report->short_price =
        report->short_price_told ? question->short_price : report->unit_price * level / (1 - level);
    report->increase = over(then->cost, report->fleets[CAPACITY_FLEET_BASELINE].cost);
    report->premium = over(then->cost, report->fleets[CAPACITY_FLEET_EXPECTED].cost);
    report->extra_cost = then->cost - now->cost;
    report->avoided_short_hours = now->short_hours - then->short_hours;
    report->avoided_missing_hours = now->missing_hours - then->missing_hours;
    report->cost_per_avoided_hour =
        report->avoided_short_hours > 0 ? report->extra_cost / report->avoided_short_hours : NAN;
    report->gain = report->avoided_missing_hours * report->short_price - report->extra_cost;
    report->returns = report->extra_cost > 0 ? report->gain / report->extra_cost : NAN;
}

enum fw_err capacity_report(const struct capacity_question *question,
                            const struct capacity_row *rows, struct capacity_report *report,
                            struct fw_detail *detail)
{
    size_t steps = (size_t)question->demand->steps;
    int *units = calloc(steps, sizeof *units);
    struct capacity_row *others = calloc(steps, sizeof *others);
    enum fw_err err = units != NULL && others != NULL ? FW_OK : FW_NOMEM;
    *report = (struct capacity_report){.current_told = false};
    for (int i = 0; err == FW_OK && i < CAPACITY_FLEETS; i++)
        err = account_fleet(question, rows, (enum capacity_fleet)i, units, report, detail);
    if (err == FW_OK) {
        compare(question, report);
        for (size_t t = 0; t < steps; t++)
            units[t] = rows[t].recommended;
        err = all_on_demand(question, units, &report->on_demand_cost, detail);
    }
    if (err == FW_OK)
        err = batching(question, others, units, report, detail);
    free(units);
    free(others);
    if (err != FW_OK)
        capacity_report_fini(report);
    return err;
}

void capacity_report_fini(struct capacity_report *report)
{
    purchase_fini(&report->purchase);
}
