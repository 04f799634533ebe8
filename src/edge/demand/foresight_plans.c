/* SPDX-License-Identifier: MIT
 * The calendar of planned events: by start, and what it means for a series. */
#include "edge/demand/foresight_part.h"
#include <stdlib.h>

enum { USUAL_HOURS = 168 };

static bool same(const struct plan_item *a, const struct plan_item *b)
{
    return a->start_ns == b->start_ns && a->origin == b->origin &&
           strcmp(a->resource, b->resource) == 0 && strcmp(a->name, b->name) == 0;
}

static void remove_at(struct foresight *foresight, size_t at)
{
    foresight->plans_changed |= foresight->plans[at].origin == PLAN_API; /* what is kept */
    memmove(&foresight->plans[at], &foresight->plans[at + 1],
            (foresight->plan_count - at - 1) * sizeof *foresight->plans);
    foresight->plan_count--;
}

/* What is over longest makes room: it has taught what it could. */
static bool make_room(struct foresight *foresight)
{
    if (foresight->plan_count < FORESIGHT_PLANS_MAX)
        return true;
    if (foresight->plans[0].end_ns > foresight->now_ns)
        return false;
    remove_at(foresight, 0);
    return true;
}

enum fw_err foresight_plan(struct foresight *foresight, const struct plan_item *item,
                           uint64_t *number)
{
    uint64_t known = 0;
    for (size_t i = 0; i < foresight->plan_count; i++)
        if (same(&foresight->plans[i], item)) {
            known = foresight->plans[i].number;
            remove_at(foresight, i);
            break;
        }
    if (number)
        *number = known;
    if (item->requests <= 0)
        return FW_OK;
    if (!make_room(foresight))
        return FW_LIMIT;
    size_t at = foresight->plan_count;
    while (at > 0 && foresight->plans[at - 1].start_ns > item->start_ns)
        at--;
    memmove(&foresight->plans[at + 1], &foresight->plans[at],
            (foresight->plan_count - at) * sizeof *foresight->plans);
    foresight->plans[at] = *item;
    foresight->plans[at].number = known != 0          ? known
                                  : item->number != 0 ? item->number
                                                      : ++foresight->plan_number;
    foresight->plan_count++;
    foresight->plans_changed |= item->origin == PLAN_API;
    if (number)
        *number = foresight->plans[at].number;
    return FW_OK;
}

bool foresight_unplan(struct foresight *foresight, uint64_t number)
{
    for (size_t i = 0; i < foresight->plan_count; i++)
        if (foresight->plans[i].number == number) {
            remove_at(foresight, i);
            return true;
        }
    return false;
}

void foresight_forget_plans(struct foresight *foresight, enum plan_origin origin)
{
    for (size_t i = foresight->plan_count; i > 0; i--)
        if (foresight->plans[i - 1].origin == origin)
            remove_at(foresight, i - 1);
}

const struct plan_item *foresight_plan_at(const struct foresight *foresight, size_t at)
{
    return at < foresight->plan_count ? &foresight->plans[at] : NULL;
}

static double weekly(const struct foresight_series *series, uint32_t *known)
{
    return (double)counts_sum(&series->counts, COUNT_HOUR, USUAL_HOURS, known);
}

/* Times the usual of the resource it is planned for: as told, or from the number of requests and
 * the mean of the last week; 0: not known. */
static double multiplier_of(const struct foresight_series *series, const struct plan_item *item)
{
    uint32_t known;
    double sum = weekly(series, &known);
    if (item->multiplier)
        return item->requests;
    if (!(sum > 0))
        return 0;
    double hours = time_to_seconds(item->end_ns - item->start_ns) / 3600;
    return 1 + item->requests / (sum / known * hours);
}

/* The same for the total, in which the resource has its share of the last week. */
static double multiplier_of_total(const struct foresight *foresight, const struct plan_item *item)
{
    uint32_t at = foresight_find(foresight, item->resource), known;
    double all = weekly(foresight->series[FORESIGHT_TOTAL], &known);
    if (at == FORESIGHT_NONE || !(all > 0))
        return 0;
    double times = multiplier_of(foresight->series[at], item);
    return times > 0 ? 1 + (times - 1) * weekly(foresight->series[at], &known) / all : 0;
}

enum fw_err foresight_calendar(const struct foresight *foresight,
                               const struct foresight_series *series, struct calendar *calendar)
{
    bool total = series->id[0] == '\0';
    *calendar = (struct calendar){0};
    calendar->events = calloc(foresight->plan_count + 1, sizeof *calendar->events);
    if (!calendar->events)
        return FW_NOMEM;
    for (size_t i = 0; i < foresight->plan_count; i++) {
        const struct plan_item *item = &foresight->plans[i];
        if (item->resource[0] && !total && strcmp(item->resource, series->id) != 0)
            continue;
        double times = total && item->resource[0] ? multiplier_of_total(foresight, item)
                                                  : multiplier_of(series, item);
        if (total && item->resource[0] && !(times > 0))
            continue;
        struct calendar_event *event = &calendar->events[calendar->count++];
        /* A row holds what comes in its hour; the model speaks of an instant, the hour's middle. */
        *event = (struct calendar_event){.at_ns = item->start_ns - TIME_HOUR / 2,
                                         .duration_ns = item->end_ns - item->start_ns,
                                         .multiplier = times};
        memcpy(event->name, item->name, sizeof event->name);
        memcpy(event->class_name, item->class_name, sizeof event->class_name);
    }
    return FW_OK;
}
