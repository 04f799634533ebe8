/* SPDX-License-Identifier: MIT */
#include "plan/outlook.h"
#include "base/check.h"
#include "learn/packed.h"

#define HOUR_S     3600.0
#define SLOT_S     (86400.0 / CLOCK_SLOTS)
#define EARLY      0.15
#define S_TO_MS    1e3
#define FACTOR_MAX 50.0 /* an instant is at most so much more likely than usual */
enum { STEP = 2, CELLS_MAX = OUTLOOK_SLOTS + GAPS_BINS / STEP + 1 };

struct cells {
    double end_s[CELLS_MAX]; /* age */
    double ends[CELLS_MAX];  /* P(the gap ends in the cell | it got there) */
    double cold_s[CELLS_MAX];
    int count;
};

/* 1 - exp(-x), near enough: within 0.07, rising, 0 at 0. */
static double chance(double x)
{
    return 1 - 1 / (1 + x + 0.5 * x * x);
}

struct law { /* where the walk along the law's bins is */
    double beyond[GAPS_BINS + 1];
    uint32_t bin;
    double rate; /* a second, in the step that ends at the edge above */
    uint32_t end;
};

static void step(struct law *law, double age_s)
{
    while (law->bin < GAPS_OPEN && gaps_edges_s[law->bin + 1] <= age_s)
        law->bin++;
    law->end = law->bin + STEP < GAPS_BINS ? law->bin + STEP : GAPS_BINS;
    double reach = law->beyond[law->bin], mass = reach - law->beyond[law->end],
           width_s = gaps_edges_s[law->end] - gaps_edges_s[law->bin];
    law->rate = reach > 0 ? mass / (width_s * (reach - 0.5 * mass)) : 0;
}

uint32_t outlook_age(double age_s)
{
    uint32_t place = 0;
    for (double end_s = HOUR_S; place < OUTLOOK_AGES - 1 && age_s >= end_s; end_s *= 2)
        place++;
    return place;
}

static void make_cells(const struct outlook *outlook, const double mass[GAPS_BINS],
                       const double cold_s[GAPS_BINS], struct cells *cells)
{
    struct law law = {.bin = 0};
    double age_s = 0;
    double to_slot_s =
        time_to_seconds((outlook->at_ns / CLOCK_SLOT_NS + 1) * CLOCK_SLOT_NS - outlook->at_ns);
    for (int k = GAPS_BINS - 1; k >= 0; k--)
        law.beyond[k] = law.beyond[k + 1] + mass[k];
    cells->count = 0;
    for (int slot = 0; slot < OUTLOOK_SLOTS && law.end < GAPS_BINS;) {
        if (age_s >= gaps_edges_s[law.end])
            step(&law, age_s);
        double slot_s = to_slot_s + slot * SLOT_S, law_s = gaps_edges_s[law.end];
        double end_s = law_s < slot_s ? law_s : slot_s;
        double usual = outlook->usual[outlook_age(0.5 * (age_s + end_s))];
        double factor = usual > 0 ? outlook->rates[slot] / usual : 1;
        if (age_s < HOUR_S) /* the law is known best here, and the hour says least */
            factor = factor * (1 + EARLY) / (factor + EARLY);
        double hazard = law.rate * (factor < FACTOR_MAX ? factor : FACTOR_MAX);
        cells->end_s[cells->count] = end_s;
        cells->ends[cells->count] = chance(hazard * (end_s - age_s));
        cells->cold_s[cells->count++] = cold_s[law.bin];
        age_s = end_s;
        if (end_s >= slot_s)
            slot++;
    }
}

static void add(struct outlook_plan *plan, double from_s, double to_s)
{
    plan->from[plan->count] = from_s > 0 ? packed_from(from_s * S_TO_MS) : 0;
    plan->to[plan->count++] = packed_from(to_s * S_TO_MS);
}

void outlook_make(const struct outlook *outlook, const double mass[GAPS_BINS],
                  const double cold_s[GAPS_BINS], int64_t load_ns, int64_t hold_ns,
                  struct outlook_plan *plan)
{
    struct cells cells;
    bool unload[CELLS_MAX + 1], load[CELLS_MAX + 1]; /* at the begin of a cell */
    double warm = 0, cold = 0, load_s = time_to_seconds(load_ns), hold_s = time_to_seconds(hold_ns);
    make_cells(outlook, mass, cold_s, &cells);
    unload[cells.count] = true;
    load[cells.count] = false;
    for (int i = cells.count - 1; i >= 0; i--) {
        double from_s = i > 0 ? cells.end_s[i - 1] : 0, p = cells.ends[i];
        double stay = unload[i + 1] ? cold : warm, away = load[i + 1] ? warm + load_s : cold;
        warm = (cells.end_s[i] - from_s) * (1 - 0.5 * p) + (1 - p) * stay;
        cold = p * cells.cold_s[i] + (1 - p) * away;
        unload[i] = warm > cold;
        load[i] = warm + load_s < cold;
    }
    plan->count = 0;
    bool ready = !unload[0] || hold_s > 0;
    double from_s = 0;
    for (int i = 0; i < cells.count && plan->count < OUTLOOK_WINDOWS; i++) {
        double end_s = cells.end_s[i];
        if (ready && unload[i + 1] && end_s >= hold_s) {
            add(plan, from_s, end_s);
            ready = false;
        } else if (!ready && load[i + 1]) {
            from_s = end_s;
            ready = true;
        }
    }
}

static int64_t age_ns(uint16_t packed)
{
    return packed == 0 ? 0 : time_from_seconds(packed_to(packed) / S_TO_MS);
}

void outlook_windows(const struct outlook_plan *outlook_plan, struct keep_plan *plan)
{
    CHECK(outlook_plan->count <= OUTLOOK_WINDOWS);
    plan->count = 0;
    plan->cold_cost_ns = 0;
    for (int i = 0; i < outlook_plan->count; i++)
        CHECK(keep_add(plan, age_ns(outlook_plan->from[i]), age_ns(outlook_plan->to[i])));
}
