/* SPDX-License-Identifier: MIT */
#include "plan/capacity_words.h"

#include "base/buf.h"
#include "base/time.h"
#include <math.h>

const char *const capacity_section_names[CAPACITY_SECTIONS] = {
    "capacity_planning", "cost_analysis", "immediate", "short_term", "long_term"};
const char *const capacity_section_titles[CAPACITY_SECTIONS] = {
    "Capacity planning", "Cost analysis", "Scaling strategy: immediate",
    "Scaling strategy: short-term", "Scaling strategy: long-term"};

struct speaker {
    const struct capacity_question *question;
    const struct capacity_row *rows;
    const struct capacity_report *report;
    const struct capacity_scaling *scaling;
    capacity_say_fn *say;
    void *context;
    enum capacity_section section;
    char at[TIME_TEXT_MAX];
    struct buf text;
};

static void speak(const struct speaker *speaker)
{
    if (!speaker->text.failed)
        speaker->say(speaker->context, speaker->section, speaker->text.data);
}

#define SAY(speaker, ...)                                                                          \
    do {                                                                                           \
        buf_clear(&(speaker)->text);                                                               \
        buf_printf(&(speaker)->text, __VA_ARGS__);                                                 \
        speak(speaker);                                                                            \
    } while (0)

static const char *when(struct speaker *speaker, int step)
{
    const struct capacity_demand *demand = speaker->question->demand;
    return time_format_iso(demand->start_ns + step * demand->step_ns, speaker->at);
}

static const struct capacity_account *fleet(const struct speaker *speaker,
                                            enum capacity_fleet number)
{
    return &speaker->report->fleets[number];
}

/* ---- capacity ---- */

static void tell_rule(struct speaker *speaker)
{
    const struct capacity_settings *settings = speaker->question->settings;
    char lead[TIME_TEXT_MAX];
    time_format_duration(settings->lead_time_ns, lead);
    if (settings->buffer > 0)
        SAY(speaker, "Rule: %g times P95, the highest within %s of each row.", settings->buffer,
            lead);
    else
        SAY(speaker,
            "Rule: the demand that is not exceeded within %s of each row with a probability of %g "
            "%% (%s), at no more than %g %% use; and no more than %g %% use at the expected "
            "demand.",
            lead, 100 * settings->service_level,
            speaker->question->demand->peak_service != NULL ? "as past windows of this series show"
                                                            : "of the joint paths",
            100 * settings->warning_utilization, 100 * settings->target_utilization);
}

static void tell_capacity(struct speaker *speaker)
{
    const struct capacity_account *base = fleet(speaker, CAPACITY_FLEET_BASELINE);
    const struct capacity_account *best = fleet(speaker, CAPACITY_FLEET_RECOMMENDED);
    const struct capacity_account *burst = fleet(speaker, CAPACITY_FLEET_BURST);
    const struct capacity_row *peak = &speaker->rows[best->peak_step];
    speaker->section = CAPACITY_SECTION_CAPACITY;
    tell_rule(speaker);
    SAY(speaker, "Baseline (trend and seasons alone): %.1f GPUs on average, %d at most, at %s.",
        base->average, base->peak, when(speaker, base->peak_step));
    SAY(speaker,
        "Recommended: %.1f GPUs on average, %d at most, at %s, for a demand of %.6g (decided by: "
        "%s).",
        best->average, best->peak, when(speaker, best->peak_step), peak->planned,
        capacity_reason_names[peak->reason]);
    SAY(speaker, "Buffer over the baseline: %.1f GPUs on average, %+.1f %%.",
        best->average - base->average,
        base->average > 0 ? 100 * (best->average / base->average - 1) : 0);
    SAY(speaker, "Burst-ready: %d GPUs at most, at %s: %d more than run then.", burst->peak,
        when(speaker, burst->peak_step), burst->peak - speaker->rows[burst->peak_step].recommended);
    SAY(speaker,
        "Expected use of the recommended: %.1f %% on average; %.2f of %.4g hours above the warning "
        "of %g %%, %.3f hours short, a shortage at any time with a probability of %.1f %%.",
        100 * best->utilization, best->strained_hours, best->hours,
        100 * speaker->question->settings->warning_utilization, best->short_hours,
        100 * best->short_chance);
    if (best->unmet_peak > 0)
        SAY(speaker, "The offers do not have enough: %d GPUs are missing at the worst.",
            best->unmet_peak);
}

/* ---- cost ---- */

static void tell_now(struct speaker *speaker)
{
    const struct capacity_report *report = speaker->report;
    const struct capacity_account *now = fleet(speaker, CAPACITY_FLEET_NOW);
    const struct capacity_account *best = fleet(speaker, CAPACITY_FLEET_RECOMMENDED);
    if (report->current_told)
        SAY(speaker, "Now: %d GPUs, %.2f USD a month, %.2f hours short in the %.4g ahead.",
            now->peak, now->cost_month, now->short_hours, now->hours);
    else
        SAY(speaker, "What runs now was not told (--current-gpus); the baseline stands for it.");
    SAY(speaker, "Against that: %+.2f USD over the %.4g hours, %.2f hours of shortage avoided.",
        report->extra_cost, best->hours, report->avoided_short_hours);
    if (isfinite(report->cost_per_avoided_hour) && report->extra_cost > 0)
        SAY(speaker, "Cost per avoided hour of shortage: %.2f USD.", report->cost_per_avoided_hour);
    if (isfinite(report->returns))
        SAY(speaker,
            "Return on that investment: %+.0f %%, with an hour of a missing GPU at %.2f USD (%s).",
            100 * report->returns, report->short_price,
            report->short_price_told ? "as told" : "what the service level implies");
}

static void tell_cost(struct speaker *speaker)
{
    const struct capacity_report *report = speaker->report;
    const struct capacity_account *base = fleet(speaker, CAPACITY_FLEET_BASELINE);
    const struct capacity_account *best = fleet(speaker, CAPACITY_FLEET_RECOMMENDED);
    speaker->section = CAPACITY_SECTION_COST;
    SAY(speaker,
        "Baseline: %.2f USD a month; recommended: %.2f USD a month (730 hours at the mean "
        "of recommended_cost_per_hour).",
        base->cost_month, best->cost_month);
    if (isfinite(report->increase))
        SAY(speaker, "Increase over the baseline: %+.1f %%.", 100 * report->increase);
    if (isfinite(report->premium))
        SAY(speaker, "Premium for protection against spikes, over the expected case: %+.1f %%.",
            100 * report->premium);
    tell_now(speaker);
    if (isfinite(report->on_demand_cost) && report->on_demand_cost > best->cost)
        SAY(speaker,
            "All of it on demand would cost %.2f USD over the same hours: the tiers save "
            "%.1f %%.",
            report->on_demand_cost, 100 * (1 - best->cost / report->on_demand_cost));
    if (report->purchase.interruptions > 0)
        SAY(speaker, "Interruptions of spot units to expect: %.2f; they are counted in.",
            report->purchase.interruptions);
}

/* ---- what to do ---- */

static void tell_immediate(struct speaker *speaker)
{
    const struct capacity_row *row = &speaker->rows[0];
    speaker->section = CAPACITY_SECTION_IMMEDIATE;
    SAY(speaker, "Run %d GPUs from %s on, %d ready to burst.", row->recommended, when(speaker, 0),
        row->burst_ready);
    if (speaker->report->current_told && speaker->question->current < row->recommended)
        SAY(speaker, "Order %d now: %d run.", row->recommended - speaker->question->current,
            speaker->question->current);
    for (int t = 1; t < speaker->question->demand->steps; t++)
        if (speaker->rows[t].recommended > row->recommended) {
            SAY(speaker, "The next rise is to %d GPUs, at %s.", speaker->rows[t].recommended,
                when(speaker, t));
            break;
        }
}

static void tell_policy(struct speaker *speaker, const char *name,
                        const struct scaling_policy *policy, const struct scaling_result *result)
{
    SAY(speaker,
        "%s (up above %g %%, down below %g %%, cool-downs %lld s and %lld s, at most %g times): "
        "%.1f GPUs on average, %.2f USD an hour, %.3f %% of the time short, used %.1f %%, %d times "
        "up and %d down.",
        name, 100 * policy->up, 100 * policy->down,
        (long long)(policy->cooldown_up_ns / TIME_SECOND),
        (long long)(policy->cooldown_down_ns / TIME_SECOND), policy->factor,
        result->unit_hours / result->hours, result->cost / result->hours,
        100 * result->short_hours / result->hours, 100 * result->utilization, result->ups,
        result->downs);
}

static void tell_short_term(struct speaker *speaker)
{
    const struct capacity_scaling *scaling = speaker->scaling;
    const struct offers *offers = speaker->question->offers;
    const struct purchase *purchase = &speaker->report->purchase;
    speaker->section = CAPACITY_SECTION_SHORT_TERM;
    if (scaling != NULL && scaling->before.hours > 0) {
        tell_policy(speaker, "Scaling policy on the history's later part", &scaling->policy,
                    &scaling->before);
        tell_policy(speaker, "Tuned on the part before it", &scaling->tuned, &scaling->after);
    }
    for (int i = 0; i < offers->count; i++) {
        const struct offer *offer = &offers->rows[i];
        double sum = 0;
        for (int t = 0; t < purchase->steps; t++)
            sum += purchase->units[(long)t * purchase->offer_count + i];
        if (offers->count > 1 && sum > 0)
            SAY(speaker, "%s in %s: %.1f GPUs on average.", offers_tier_names[offer->tier],
                offer->region, sum / purchase->steps);
    }
}

/* Half against half, by what each case needs; the trend of the baseline in days to come. */
static void tell_long_term(struct speaker *speaker)
{
    int steps = speaker->question->demand->steps, half = steps / 2;
    const struct capacity_report *report = speaker->report;
    double first = 0, last = 0;
    int least = fleet(speaker, CAPACITY_FLEET_RECOMMENDED)->peak;
    speaker->section = CAPACITY_SECTION_LONG_TERM;
    for (int t = 0; t < steps; t++) {
        int units = speaker->rows[t].recommended;
        least = units < least ? units : least;
        first += t < half ? units : 0;
        last += t >= steps - half ? units : 0;
    }
    SAY(speaker, "%d GPUs are needed at every hour: own or reserve these; the others come and go.",
        least);
    if (half > 0 && first > 0)
        SAY(speaker, "The second half of the time ahead takes %+.1f %% GPUs against the first.",
            100 * (last / first - 1));
    SAY(speaker, "A GPU that did 10 %% more through larger batches would save %.2f USD a month.",
        report->batching_saving_month);
    SAY(speaker, "Make the plan again when actual demand leaves the bounds: what never happened "
                 "before is in no quantile.");
}

void capacity_words(const struct capacity_question *question, const struct capacity_row *rows,
                    const struct capacity_report *report, const struct capacity_scaling *scaling,
                    capacity_say_fn *say_fn, void *context)
{
    struct speaker speaker = {question, rows, report, scaling, say_fn, context, 0, "", {0}};
    buf_init(&speaker.text, 4096);
    tell_capacity(&speaker);
    tell_cost(&speaker);
    tell_immediate(&speaker);
    tell_short_term(&speaker);
    tell_long_term(&speaker);
    buf_fini(&speaker.text);
}
