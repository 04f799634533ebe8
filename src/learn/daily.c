/* SPDX-License-Identifier: MIT */
#include "learn/daily.h"
#include "base/time.h"
#include "learn/decay.h"
#include "learn/recall.h"

#define TAU_NS (28 * TIME_DAY)
#define STEP_NS                                                                                    \
    TIME_HOUR /* counts fade in steps of this: one exponential an hour, not one a request */
#define EPOCH_WEEKDAY 3   /* 1970-01-01 was a Thursday */
#define PSEUDO        1.0 /* requests an hour, and a weekday, are credited with */

static void fade(float *counts, int count, float by)
{
    for (int i = 0; i < count; i++)
        counts[i] *= by;
}

void daily_learn(struct daily *daily, int64_t at_ns)
{
    if (daily->requests == 0) {
        daily->since_ns = daily->faded_ns = at_ns;
    } else if (at_ns - daily->faded_ns >= STEP_NS) {
        float by = (float)decay_over(at_ns - daily->faded_ns, TAU_NS);
        fade(daily->hours, DAILY_HOURS, by);
        fade(daily->weekdays, DAILY_WEEKDAYS, by);
        daily->faded_ns = at_ns;
    }
    int64_t day = at_ns / TIME_DAY - (at_ns % TIME_DAY < 0),
            hour = (at_ns - day * TIME_DAY) / TIME_HOUR;
    daily->hours[hour] += 1;
    daily->weekdays[((day + EPOCH_WEEKDAY) % DAILY_WEEKDAYS + DAILY_WEEKDAYS) % DAILY_WEEKDAYS] +=
        1;
    daily->requests++;
}

static double factor(const float *counts, int count, int which)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += (double)counts[i];
    return ((double)counts[which] + PSEUDO) * count / (sum + PSEUDO * count);
}

double daily_hour_factor(const struct daily *daily, int hour)
{
    if (daily->faded_ns - daily->since_ns < 2 * TIME_DAY)
        return 1;
    return factor(daily->hours, DAILY_HOURS, hour);
}

double daily_weekday_factor(const struct daily *daily, int weekday)
{
    if (daily->faded_ns - daily->since_ns < 14 * TIME_DAY)
        return 1;
    return factor(daily->weekdays, DAILY_WEEKDAYS, weekday);
}

double daily_rate(const struct daily *daily, int64_t at_ns)
{
    if (daily->requests == 0)
        return 0;
    double sum = 0;
    for (int i = 0; i < DAILY_HOURS; i++)
        sum += (double)daily->hours[i];
    sum *= decay_over(at_ns - daily->faded_ns, TAU_NS);
    /* Seconds seen, faded alike; at least an hour, or one request would look like a flood. */
    int64_t seen_ns = at_ns - daily->since_ns;
    double seen_s =
        time_to_seconds(TAU_NS) * (1 - decay_over(seen_ns > STEP_NS ? seen_ns : STEP_NS, TAU_NS));
    struct time_civil civil = time_civil(at_ns);
    return sum / seen_s * daily_hour_factor(daily, civil.hour) *
           daily_weekday_factor(daily, civil.weekday);
}

void daily_save(const struct daily *daily, struct buf *out)
{
    buf_put_i64(out, daily->since_ns);
    buf_put_i64(out, daily->faded_ns);
    buf_put_u64(out, daily->requests);
    for (int i = 0; i < DAILY_HOURS; i++)
        buf_put_float(out, daily->hours[i]);
    for (int i = 0; i < DAILY_WEEKDAYS; i++)
        buf_put_float(out, daily->weekdays[i]);
}

static bool load_counts(float *counts, int count, struct buf_reader *in)
{
    for (int i = 0; i < count; i++)
        if (!recall_count(in, &counts[i]))
            return false;
    return true;
}

bool daily_load(struct daily *daily, struct buf_reader *in)
{
    if (!recall_instant(in, &daily->since_ns) || !recall_instant(in, &daily->faded_ns))
        return false;
    daily->requests = buf_get_u64(in);
    return load_counts(daily->hours, DAILY_HOURS, in) &&
           load_counts(daily->weekdays, DAILY_WEEKDAYS, in) && daily->faded_ns >= daily->since_ns;
}
