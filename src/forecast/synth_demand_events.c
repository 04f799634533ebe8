/* SPDX-License-Identifier: MIT
 * Events of the synthetic demand: how large, how long, when. Sizes and lengths are those of the
 * classes of event_class.h; the course after the rise loses half its height in a third of its
 * length, as planned events are expected to. */
#include "base/check.h"
#include "forecast/synth_demand_part.h"
#include <stdlib.h>
#include <string.h>

const char *const synth_demand_class_names[SYNTH_DEMAND_CLASSES] = {
    "feature_launch", "viral_event", "api_abuse", "gradual_growth", "holiday", "quarter_end"};

struct span {
    double low, high;
};
struct kind {
    struct span multiplier, hours, rise_hours, tokens;
    double in_two_years;
};
static const struct kind kinds[SYNTH_DEMAND_GROWTH + 1] = {
    {{5, 7}, {72, 336}, {1, 1}, {1, 1.15}, 8},
    {{2, 4}, {24, 96}, {2, 8}, {.92, 1.08}, 15},
    {{2, 5}, {1, 6}, {0, 0}, {1.8, 2.6}, 24},
    {{1.5, 1.8}, {504, 672}, {504, 672}, {1, 1}, 2},
};
static const double short_tokens = .45, plan_error = .15;
enum {
    TRIES = 5000,
    APART_HOURS = 48,
    QUIET_HOURS = 28 * 24,
    QUIET_PART = 4, /* the beginning has no events: 28 days, or a quarter of a short series */
    LAUNCH_HOUR = 9,
    SATURDAY = 5,
};

uint32_t synth_demand_default_events(int class, int64_t span_ns, double trend_ratio)
{
    double two_years = (double)span_ns / (double)(730 * TIME_DAY);
    double count = kinds[class].in_two_years * two_years + .5;
    if (class == SYNTH_DEMAND_GROWTH) { /* of a trend no more may be sudden than there is */
        double most = trend_ratio >= 4 ? 2 : trend_ratio >= 2 ? 1 : 0;
        count = count < most ? count : most;
    }
    return count < SYNTH_DEMAND_EVENTS_MAX ? (uint32_t)count : SYNTH_DEMAND_EVENTS_MAX;
}

static double draw(struct prng *prng, struct span span)
{
    return span.low + (span.high - span.low) * prng_uniform(prng);
}

/* 2^-x, x >= 0: exact at whole x, within 3 in a thousand between them. */
static double halve(double x)
{
    int whole = (int)x;
    double value = 1, rest = x - whole;
    for (int i = 0; i < whole; i++)
        value *= .5;
    return value / (1 + rest * (2 + rest) / 3);
}

double synth_demand_lift(const struct synth_demand_event *event, size_t row)
{
    if (row < event->begin)
        return 1;
    if (row >= event->end)
        return event->class == SYNTH_DEMAND_GROWTH ? event->multiplier : 1;
    double passed = (double)(row - event->begin) + 1, level = 1;
    if (passed < event->rise_rows)
        level = passed / event->rise_rows;
    else if (event->class == SYNTH_DEMAND_LAUNCH || event->class == SYNTH_DEMAND_VIRAL) {
        double rows = (double)(event->end - event->begin);
        double part =
            passed > event->rise_rows && event->rise_rows > 0 ? passed - event->rise_rows : 0;
        level = (halve(3 * part / rows) - .125) / .875; /* nothing is left at the end */
    }
    return 1 + (event->multiplier - 1) * level;
}

static struct synth_demand_event draw_event(const struct synth_demand_settings *settings, int class,
                                            struct prng *prng)
{
    const struct kind *kind = &kinds[class];
    struct synth_demand_event event = {.class = class};
    event.multiplier = draw(prng, kind->multiplier);
    event.end = synth_demand_rows(settings, draw(prng, kind->hours));
    event.rise_rows = (double)synth_demand_rows(settings, draw(prng, kind->rise_hours));
    if (class == SYNTH_DEMAND_GROWTH)
        event.rise_rows = (double)event.end;
    event.tokens = draw(prng, kind->tokens);
    if (class == SYNTH_DEMAND_ABUSE && prng_below(prng, 2) == 0)
        event.tokens = short_tokens * draw(prng, (struct span){.8, 1.2});
    double error = plan_error * (2 * prng_uniform(prng) - 1);
    event.expected = class == SYNTH_DEMAND_LAUNCH ? event.multiplier * (1 + error) : 0;
    return event;
}

/* Launches begin in the morning of a working day. */
static bool launch_row(const struct synth_demand_settings *settings, size_t *row)
{
    struct time_civil day = time_civil(synth_demand_at_ns(settings, *row));
    bool works = day.weekday < SATURDAY;
    day.hour = LAUNCH_HOUR;
    day.minute = day.second = 0;
    day.nanosecond = 0;
    int64_t after_ns = time_from_civil(&day) - settings->start_ns;
    *row = after_ns < 0 ? 0 : (size_t)(after_ns / settings->step_ns);
    return works && after_ns >= 0;
}

static bool fits(const struct synth_demand *demand, size_t begin, size_t end)
{
    size_t apart = synth_demand_rows(&demand->settings, APART_HOURS);
    for (size_t i = 0; i < demand->event_count; i++)
        if (begin < demand->events[i].end + apart && demand->events[i].begin < end + apart)
            return false;
    return true;
}

static bool place(struct synth_demand *demand, int class, struct prng *prng)
{
    const struct synth_demand_settings *settings = &demand->settings;
    struct synth_demand_event event = draw_event(settings, class, prng);
    size_t length = event.end, quiet = synth_demand_rows(settings, QUIET_HOURS);
    if (quiet > settings->rows / QUIET_PART)
        quiet = settings->rows / QUIET_PART;
    if (quiet + length > settings->rows)
        return false;
    for (int i = 0; i < TRIES; i++) {
        size_t begin = quiet + (size_t)prng_below(prng, settings->rows - length - quiet + 1);
        if (class == SYNTH_DEMAND_LAUNCH && !launch_row(settings, &begin))
            continue;
        if (begin < quiet || begin + length > settings->rows ||
            !fits(demand, begin, begin + length))
            continue;
        event.begin = begin;
        event.end = begin + length;
        demand->events[demand->event_count++] = event;
        return true;
    }
    return false;
}

static int by_time(const void *a, const void *b)
{
    const struct synth_demand_event *one = a, *other = b;
    return one->begin < other->begin ? -1 : one->begin > other->begin;
}

/* Days in a row of one class are one event. */
static void add_calendar(struct synth_demand *demand)
{
    const struct synth_demand_settings *settings = &demand->settings;
    struct synth_demand_event *open = NULL;
    for (size_t row = 0; row < settings->rows; row++) {
        int class = synth_demand_day_class(synth_demand_at_ns(settings, row));
        if (open && open->class == class) {
            open->end = row + 1;
            continue;
        }
        open = NULL;
        if (class < 0)
            continue;
        open = &demand->events[demand->event_count++];
        *open = (struct synth_demand_event){.class = class,
                                            .begin = row,
                                            .end = row + 1,
                                            .multiplier = synth_demand_day_factor(class),
                                            .tokens = 1};
    }
}

enum fw_err synth_demand_place(struct synth_demand *demand, struct fw_detail *detail)
{
    static const int order[] = {SYNTH_DEMAND_GROWTH, SYNTH_DEMAND_LAUNCH, SYNTH_DEMAND_VIRAL,
                                SYNTH_DEMAND_ABUSE}; /* what is long has to find its place first */
    const struct synth_demand_settings *settings = &demand->settings;
    size_t most = settings->rows / (size_t)(TIME_DAY / settings->step_ns) + 2;
    struct prng prng;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        most += settings->events[order[i]];
    demand->events = calloc(most, sizeof *demand->events);
    if (!demand->events)
        return FW_NOMEM;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        prng_init(&prng, prng_mix(settings->seed, (uint64_t)order[i]));
        for (uint32_t k = 0; k < settings->events[order[i]]; k++)
            if (!place(demand, order[i], &prng))
                return err_set(
                    detail, FW_INPUT,
                    "%u events of class %s: found room for %u beside the others, expected "
                    "fewer or a longer series",
                    settings->events[order[i]], synth_demand_class_names[order[i]], k);
    }
    demand->chance_count = demand->event_count;
    if (demand->event_count > 0)
        qsort(demand->events, demand->event_count, sizeof *demand->events, by_time);
    add_calendar(demand);
    CHECK(demand->event_count <= most);
    for (size_t i = 0; i < demand->event_count; i++)
        demand->events[i].number = (uint32_t)++demand->of_class[demand->events[i].class];
    return FW_OK;
}
