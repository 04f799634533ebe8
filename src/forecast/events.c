/* SPDX-License-Identifier: MIT */
#include "forecast/events.h"

#include "base/time.h"
#include "forecast/prophet.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 20000, LIVES = 6 /* durations after which nothing of an event is left */ };

/* What a class usually does, where the calendar does not tell: the middle of its range (D6). */
static const struct {
    const char *name;
    double multiplier, hours;
} usual[] = {
    {"feature_launch", 6, 168},
    {"viral_event", 3, 48},
    {"api_abuse", 3, 3},
    {"gradual_growth", 1.75, 720},
};
static const double other_multiplier = 2, other_hours = 24;

static double usual_of(const char *class_name, bool hours)
{
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i].name, class_name) == 0)
            return hours ? usual[i].hours : usual[i].multiplier;
    return hours ? other_hours : other_multiplier;
}

static double hours_of(const struct calendar_event *event)
{
    return event->duration_ns > 0 ? (double)event->duration_ns / (double)TIME_HOUR
                                  : usual_of(event->class_name, true);
}

/* An event without a class is a class of its own. */
static const char *class_of(const struct calendar_event *event)
{
    return event->class_name[0] != '\0' ? event->class_name : event->name;
}

static struct events_class *find_class(struct events_effect *effect,
                                       const struct calendar_event *event)
{
    const char *name = class_of(event);
    for (int i = 0; i < effect->class_count; i++)
        if (strncmp(effect->classes[i].name, name, CALENDAR_CLASS_MAX - 1) == 0)
            return &effect->classes[i];
    if (effect->class_count == EVENTS_CLASSES_MAX)
        return NULL;
    struct events_class *made = &effect->classes[effect->class_count++];
    *made = (struct events_class){0};
    (void)snprintf(made->name, sizeof made->name, "%.*s", CALENDAR_CLASS_MAX - 1, name);
    return made;
}

/* Counts an event to its class; NULL if it touches nothing. */
static enum fw_err count_event(struct events_effect *effect, const struct series *series,
                               const struct calendar_event *event, struct events_class **class_out,
                               struct fw_detail *detail)
{
    int64_t end_ns = series_at_ns(series, series->count);
    int64_t last_ns = end_ns + effect->horizon * series->step_ns;
    int64_t gone_ns = event->at_ns + (int64_t)(LIVES * hours_of(event) * (double)TIME_HOUR);
    *class_out = NULL;
    if (event->at_ns >= last_ns || gone_ns <= series->start_ns) {
        effect->outside++;
        return FW_OK;
    }
    struct events_class *class = find_class(effect, event);
    if (class == NULL)
        return err_set(detail, FW_LIMIT, "events of more than %d classes", EVENTS_CLASSES_MAX);
    double multiplier =
        event->multiplier > 0 ? event->multiplier : usual_of(event->class_name, false);
    class->expected += log(multiplier);
    if (event->at_ns < end_ns)
        class->past++;
    else
        class->planned++;
    *class_out = class;
    return FW_OK;
}

/* The regression's events: those of one class share their name, and so their multiplier. */
static enum fw_err gather(struct events_effect *effect, const struct series *series,
                          const struct calendar *calendar, struct prophet_event *events,
                          size_t *count, struct fw_detail *detail)
{
    *count = 0;
    for (size_t i = 0; i < calendar->count; i++) {
        struct events_class *class;
        FW_TRY(count_event(effect, series, &calendar->events[i], &class, detail));
        if (class == NULL)
            continue;
        events[(*count)++] =
            (struct prophet_event){.name = class->name,
                                   .at_ns = calendar->events[i].at_ns,
                                   .expected_duration_hours = hours_of(&calendar->events[i]),
                                   .log_sd = EVENTS_SPREAD};
    }
    for (int i = 0; i < effect->class_count; i++) {
        struct events_class *class = &effect->classes[i];
        class->expected = exp(class->expected / (class->past + class->planned));
        class->log_sd = EVENTS_SPREAD * sqrt(1 + 1. / (1 + class->past));
    }
    for (size_t i = 0; i < *count; i++) {
        for (int j = 0; j < effect->class_count; j++)
            if (strcmp(effect->classes[j].name, events[i].name) == 0)
                events[i].expected_multiplier = effect->classes[j].expected;
    }
    return FW_OK;
}

/* ---- the regression ---- */

/* One class's shares of the trend, as logarithms. */
static void add_effect(struct events_effect *effect, struct events_class *class,
                       const double *shares, int count, int from)
{
    double most = 0;
    for (int t = 0; t < count; t++)
        if (fabs(log1p(shares[t])) > fabs(most))
            most = log1p(shares[t]);
    class->learned = most;
    for (int t = 0; t < count && fabs(most) > 1e-9; t++) {
        double added = log1p(shares[t]), *sd = &effect->sd[from + t];
        effect->logs[from + t] += added;
        *sd = hypot(*sd, added / most * class->log_sd);
    }
}

static void take_effects(struct events_effect *effect, const struct prophet *prophet,
                         const struct prophet_forecast *forecast, int from)
{
    for (size_t i = 0; i < prophet_components(prophet); i++) {
        const struct prophet_component *component = prophet_component(prophet, i);
        if (component->kind != PROPHET_EVENT)
            continue;
        for (int j = 0; j < effect->class_count; j++) {
            struct events_class *class = &effect->classes[j];
            if (strncmp(class->name, component->name, PROPHET_NAME_MAX - 1) != 0)
                continue;
            add_effect(effect, class, forecast->component + i * forecast->count,
                       (int)forecast->count, from);
        }
    }
}

static enum fw_err regress(struct events_effect *effect, const struct series *series,
                           const struct prophet_event *events, size_t count,
                           struct fw_detail *detail)
{
    struct prophet_options options = prophet_defaults();
    struct prophet_forecast forecast;
    struct prophet *prophet = NULL;
    int from = effect->known > ROWS_MAX ? effect->known - ROWS_MAX : 0;
    size_t rows = (size_t)(effect->known - from), all = rows + (size_t)effect->horizon;
    int64_t *at_ns = malloc(all * sizeof *at_ns);
    enum fw_err err = at_ns != NULL ? FW_OK : FW_NOMEM;
    for (size_t t = 0; t < all && err == FW_OK; t++)
        at_ns[t] = series_at_ns(series, (size_t)from + t);
    options.events = events;
    options.event_count = count;
    options.uncertainty_samples = 0;
    options.logarithm = true;
    if (err == FW_OK) {
        struct prophet_rows fitted = {.count = rows, .at_ns = at_ns, .y = series->value + from};
        err = prophet_fit(&options, &fitted, &prophet, detail);
    }
    if (err == FW_OK) {
        struct prophet_rows asked = {.count = all, .at_ns = at_ns};
        err = prophet_predict(prophet, &asked, &forecast, detail);
    }
    if (err == FW_OK) {
        take_effects(effect, prophet, &forecast, from);
        prophet_forecast_fini(&forecast);
    }
    prophet_destroy(&prophet);
    free(at_ns);
    return err;
}

enum fw_err events_learn(const struct series *series, int horizon, const struct calendar *calendar,
                         struct events_effect *effect, struct fw_detail *detail)
{
    size_t all = series->count + (size_t)horizon, count;
    *effect = (struct events_effect){.known = (int)series->count, .horizon = horizon};
    for (size_t t = 0; t < series->count; t++)
        if (series->value[t] < 0)
            return err_set(detail, FW_INPUT,
                           "events multiply demand, and %g at step %zu cannot be multiplied: "
                           "forecast this series without events",
                           series->value[t], t + 1);
    struct prophet_event *events = calloc(calendar->count + 1, sizeof *events);
    effect->logs = calloc(2 * all, sizeof *effect->logs);
    enum fw_err err = events != NULL && effect->logs != NULL ? FW_OK : FW_NOMEM;
    if (err == FW_OK) {
        effect->sd = effect->logs + all;
        err = gather(effect, series, calendar, events, &count, detail);
    }
    if (err == FW_OK && count > 0)
        err = regress(effect, series, events, count, detail);
    free(events);
    if (err != FW_OK)
        events_fini(effect);
    return err;
}

void events_fini(struct events_effect *effect)
{
    free(effect->logs);
    effect->logs = effect->sd = NULL;
}

void events_describe(const struct events_effect *effect, struct buf *out)
{
    for (int i = 0; i < effect->class_count; i++) {
        const struct events_class *class = &effect->classes[i];
        double learned = exp(class->learned), spread = exp(1.645 * class->log_sd);
        buf_printf(
            out,
            "%s: %d past, %d planned; expected x%.3g, taken for x%.3g (90 %%: x%.3g to x%.3g)\n",
            class->name, class->past, class->planned, class->expected, learned, learned / spread,
            learned * spread);
    }
    if (effect->outside > 0)
        buf_printf(out, "%d events lie outside the series and the horizon, and change nothing\n",
                   effect->outside);
}
