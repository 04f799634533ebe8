/* SPDX-License-Identifier: MIT */
#include "learn/clock.h"
#include "base/time.h"
#include "learn/recall.h"

enum {
    UNITS = 64, /* in one gap, while shift is 0 */
    SHIFT_MAX = 6,
    EPOCH_WEEKDAY = 3, /* 1970-01-01 was a Thursday */
    WEEK_SEEN = 8      /* days after which the shape of the week counts */
};
#define KEPT         (27.0 / 28) /* of a count, a day later */
#define FLAT         48.0        /* gaps that everybody's shape is drawn towards a flat one by */
#define DAY_SEEN_MIN 0.5         /* a profile is never taken for younger, in days */

int64_t clock_slot(int64_t at_ns)
{
    return at_ns > 0 ? at_ns / CLOCK_SLOT_NS : 0;
}

static uint32_t day_of(int64_t slot)
{
    int64_t day = slot / CLOCK_SLOTS;
    return day < UINT16_MAX ? (uint32_t)day : UINT16_MAX;
}

static uint32_t weekday_of(int64_t slot)
{
    return (uint32_t)((slot / CLOCK_SLOTS + EPOCH_WEEKDAY) % CLOCK_WEEKDAYS);
}

static void fade(uint16_t *counts, int count, uint32_t days)
{
    for (; days > 0; days--)
        for (int i = 0; i < count; i++)
            counts[i] = (uint16_t)(counts[i] * 27u / 28);
}

static void halve(struct clock_profile *profile)
{
    for (int i = 0; i < CLOCK_SLOTS; i++)
        profile->hours[i] /= 2;
    for (int i = 0; i < CLOCK_WEEKDAYS; i++)
        profile->weekdays[i] /= 2;
    profile->shift++;
}

void clock_learn(struct clock_profile *profile, int64_t at_ns)
{
    int64_t slot = clock_slot(at_ns);
    uint32_t day = day_of(slot);
    if (!profile->started) {
        profile->since_day = profile->faded_day = (uint16_t)day;
        profile->started = true;
    }
    if (day > profile->faded_day) {
        uint32_t days = day - profile->faded_day;
        days = days < 400 ? days : 400; /* nothing is left by then */
        fade(profile->hours, CLOCK_SLOTS, days);
        fade(profile->weekdays, CLOCK_WEEKDAYS, days);
        profile->faded_day = (uint16_t)day;
    }
    uint16_t *in_day = &profile->hours[slot % CLOCK_SLOTS],
             *in_week = &profile->weekdays[weekday_of(slot)];
    if (*in_week > UINT16_MAX - UNITS || *in_day > UINT16_MAX - UNITS) {
        if (profile->shift == SHIFT_MAX)
            return; /* 65,000 gaps a weekday: it is known well enough */
        halve(profile);
    }
    *in_day = (uint16_t)(*in_day + (UNITS >> profile->shift));
    *in_week = (uint16_t)(*in_week + (UNITS >> profile->shift));
}

void clock_pool_learn(struct clock_pool *pool, int64_t at_ns)
{
    int64_t slot = clock_slot(at_ns);
    uint32_t day = day_of(slot);
    if (!pool->started)
        pool->since_day = pool->faded_day = day;
    pool->started = true;
    for (; pool->faded_day < day; pool->faded_day++) {
        for (int i = 0; i < CLOCK_SLOTS; i++)
            pool->hours[i] *= KEPT;
        for (int i = 0; i < CLOCK_WEEKDAYS; i++)
            pool->weekdays[i] *= KEPT;
    }
    pool->hours[slot % CLOCK_SLOTS] += 1;
    pool->weekdays[weekday_of(slot)] += 1;
}

uint32_t clock_days(const struct clock_profile *profile)
{
    return profile->started ? (uint32_t)(profile->faded_day - profile->since_day) : 0;
}

/* Days seen, faded as the counts are: sum of KEPT^i, and what has passed of today. */
static double days_seen(const struct clock_profile *profile, int64_t now_ns)
{
    uint32_t days = clock_days(profile);
    double left = 1, power = KEPT;
    for (uint32_t n = days; n > 0; n >>= 1, power *= power)
        if (n & 1)
            left *= power;
    double seen = (1 - left) / (1 - KEPT);
    double today = time_to_seconds(now_ns) / time_to_seconds(TIME_DAY) - profile->faded_day;
    seen += today > 0 ? today : 0; /* silent days since: the rate falls */
    return seen > DAY_SEEN_MIN ? seen : DAY_SEEN_MIN;
}

void clock_rates(const struct clock_profile *profile, const struct clock_pool *pool, int64_t now_ns,
                 struct clock_rates *rates)
{
    double unit = (double)(1u << profile->shift) / UNITS, own = 0, all = 0, all_week = 0;
    for (int i = 0; i < CLOCK_SLOTS; i++) {
        own += profile->hours[i] * unit;
        all += pool->hours[i];
    }
    double mean = own / days_seen(profile, now_ns), scale = mean / (own + CLOCK_PSEUDO);
    double lean = CLOCK_PSEUDO / (all + FLAT);
    for (int i = 0; i < CLOCK_SLOTS; i++)
        rates->hours[i] =
            scale * (profile->hours[i] * unit + lean * (pool->hours[i] + FLAT / CLOCK_SLOTS));
    bool own_week = clock_days(profile) >= WEEK_SEEN,
         any_week = pool->faded_day - pool->since_day >= WEEK_SEEN;
    for (int i = 0; i < CLOCK_WEEKDAYS; i++)
        all_week += pool->weekdays[i];
    for (int i = 0; i < CLOCK_WEEKDAYS; i++) {
        double week = any_week ? (pool->weekdays[i] + FLAT / CLOCK_WEEKDAYS) * CLOCK_PSEUDO /
                                     (all_week + FLAT)
                               : CLOCK_PSEUDO / CLOCK_WEEKDAYS;
        double counted = own_week ? profile->weekdays[i] * unit : own / CLOCK_WEEKDAYS;
        rates->weekdays[i] = (counted + week) * CLOCK_WEEKDAYS / (own + CLOCK_PSEUDO);
    }
}

double clock_rate(const struct clock_rates *rates, int64_t slot)
{
    return rates->hours[slot % CLOCK_SLOTS] * rates->weekdays[weekday_of(slot)];
}

void clock_save(const struct clock_profile *profile, struct buf *out)
{
    buf_put_u8(out, profile->started);
    if (!profile->started)
        return;
    buf_put_u32(out, profile->since_day);
    buf_put_u32(out, profile->faded_day);
    buf_put_u8(out, profile->shift);
    for (int i = 0; i < CLOCK_SLOTS; i++)
        buf_put_u32(out, profile->hours[i]);
    for (int i = 0; i < CLOCK_WEEKDAYS; i++)
        buf_put_u32(out, profile->weekdays[i]);
}

bool clock_load(struct clock_profile *profile, struct buf_reader *in)
{
    *profile = (struct clock_profile){0};
    if (!recall_flag(in, &profile->started) || !profile->started)
        return !in->failed;
    if (!recall_u16(in, &profile->since_day) || !recall_u16(in, &profile->faded_day))
        return false;
    profile->shift = buf_get_u8(in);
    for (int i = 0; i < CLOCK_SLOTS; i++)
        if (!recall_u16(in, &profile->hours[i]))
            return false;
    for (int i = 0; i < CLOCK_WEEKDAYS; i++)
        if (!recall_u16(in, &profile->weekdays[i]))
            return false;
    return profile->shift <= SHIFT_MAX && profile->since_day <= profile->faded_day;
}

void clock_pool_save(const struct clock_pool *pool, struct buf *out)
{
    buf_put_u8(out, pool->started);
    buf_put_u32(out, pool->since_day);
    buf_put_u32(out, pool->faded_day);
    for (int i = 0; i < CLOCK_SLOTS; i++)
        buf_put_double(out, pool->hours[i]);
    for (int i = 0; i < CLOCK_WEEKDAYS; i++)
        buf_put_double(out, pool->weekdays[i]);
}

bool clock_pool_load(struct clock_pool *pool, struct buf_reader *in)
{
    if (!recall_flag(in, &pool->started))
        return false;
    pool->since_day = buf_get_u32(in);
    pool->faded_day = buf_get_u32(in);
    for (int i = 0; i < CLOCK_SLOTS; i++)
        if (!recall_positive(in, &pool->hours[i]))
            return false;
    for (int i = 0; i < CLOCK_WEEKDAYS; i++)
        if (!recall_positive(in, &pool->weekdays[i]))
            return false;
    return !in->failed && pool->since_day <= pool->faded_day && pool->faded_day <= UINT16_MAX;
}
