/* SPDX-License-Identifier: MIT
 * Series whose requests come from elsewhere: slots are known when they are put, and a forecast
 * waits for them, but not for ever. */
#include "edge/demand/foresight_part.h"
#include <math.h>
#include <stdio.h>

uint32_t foresight_feed_begin(struct foresight *foresight, struct str id, int64_t now_ns)
{
    uint32_t at = id.len == 0 ? FORESIGHT_TOTAL : foresight_series(foresight, id, now_ns);
    if (at == FORESIGHT_NONE)
        return at;
    struct foresight_series *series = foresight->series[at];
    series->asked_ns = now_ns;
    if (series->counts.fed)
        return at;
    series->counts.fed = true;
    for (int grain = 0; grain < COUNT_GRAIN_COUNT; grain++) /* what is open was not seen whole */
        counts_put(&series->counts, (enum count_grain)grain, series->counts.slot[grain],
                   COUNT_MISSING);
    return at;
}

static struct foresight_series *find(struct foresight *foresight, const char *id)
{
    uint32_t at = foresight_find(foresight, id);
    return at == FORESIGHT_NONE ? NULL : foresight->series[at];
}

void foresight_feed_end(struct foresight *foresight, const char *id)
{
    struct foresight_series *series = find(foresight, id);
    if (!series)
        return;
    series->counts.fed = false;
    series->feed_reason[0] = '\0';
}

static uint32_t whole(double requests)
{
    if (!(requests >= 0) || isinf(requests))
        return COUNT_MISSING;
    double most = (double)COUNT_MISSING - 1;
    return (uint32_t)round(requests < most ? requests : most);
}

void foresight_feed(struct foresight *foresight, const char *id, enum count_grain grain,
                    int64_t first, const double *requests, size_t count, int64_t now_ns)
{
    struct foresight_series *series = find(foresight, id);
    if (!series || !series->counts.fed || !foresight->loaded)
        return;
    counts_move(&series->counts, now_ns);
    series->asked_ns = now_ns;
    series->feed_reason[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        int64_t slot = first + (int64_t)i;
        uint32_t value = whole(requests[i]);
        if (slot < series->counts.slot[grain] && value != COUNT_MISSING)
            counts_put(&series->counts, grain, slot, value);
    }
    /* What waited for it, or was made without it, need not wait for the next hour. */
    if (grain == COUNT_HOUR && (series->forecast.failed || series->forecast.table.count == 0))
        series->hurried = true;
}

void foresight_feed_failed(struct foresight *foresight, const char *id, const char *reason)
{
    struct foresight_series *series = find(foresight, id);
    if (series)
        (void)snprintf(series->feed_reason, sizeof series->feed_reason, "%.*s",
                       FORESIGHT_REASON_MAX - 1, reason);
}

bool foresight_feed_lacks(struct foresight *foresight, struct foresight_series *series,
                          int64_t now_ns)
{
    struct counts *counts = &series->counts;
    struct foresight_forecast *forecast = &series->forecast;
    int64_t hour_ns = now_ns / TIME_HOUR * TIME_HOUR;
    counts_move(counts, now_ns);
    if (!counts->fed ||
        counts_get(counts, COUNT_HOUR, counts->slot[COUNT_HOUR] - 1) != COUNT_MISSING)
        return false;
    if (now_ns - hour_ns < FORESIGHT_FEED_NS)
        return true;
    series->due_ns[WORK_REFRESH] = now_ns + FORESIGHT_RETRY_NS;
    series->hurried = false;
    series->learned = true;
    forecast->tried_ns = now_ns;
    forecast->failed = true;
    (void)snprintf(forecast->reason, sizeof forecast->reason,
                   "the latest hour's demand is not known: %s",
                   series->feed_reason[0] ? series->feed_reason : "nothing came of the query");
    foresight->stats.failures++;
    return true;
}
