/* SPDX-License-Identifier: MIT
 * What demand was and will be, while the daemon runs: requests counted by resource and in total,
 * forecasts made anew every hour, models trained every day and held against what happened every
 * week, anomalies looked for every ten minutes, and the calendar of planned events.
 *
 * It belongs to one thread (the brain's), has no clock and no thread of its own: it is told of
 * requests and of the time, hands out work that may run anywhere (foresight_run), and takes it
 * back. One piece of work is out at a time. Memory is bounded: `demand_resources` series of about
 * 35 KB, FORESIGHT_PLANS_MAX events, FORESIGHT_ANOMALIES_MAX anomalies. */
#ifndef FOREWARM_EDGE_FORESIGHT_H
#define FOREWARM_EDGE_FORESIGHT_H

#include "edge/demand/counts.h"
#include "edge/store/store.h"
#include "forecast/demand.h"
#include "plan/capacity.h"

enum {
    FORESIGHT_ID_MAX = 256,
    FORESIGHT_SERIES_MAX = 10000, /* `demand_resources` at most */
    FORESIGHT_PLANS_MAX = 4096,
    FORESIGHT_ANOMALIES_MAX = 256,
    FORESIGHT_HOURS_MIN = 3,    /* known hours before anything is foretold */
    FORESIGHT_TRAIN_HOURS = 48, /* known hours before a model is trained, and the engine is told */
    FORESIGHT_VALID_HOURS = 84, /* hours that were foretold and came, before that is judged */
    FORESIGHT_TELL_HOURS = 72,  /* as far ahead the engine hears */
    FORESIGHT_HISTORY_HOURS = 1440, /* that a forecast is made from */
    FORESIGHT_PATHS = 200,          /* joint paths that capacity is planned from */
    FORESIGHT_REASON_MAX = 300,
    FORESIGHT_TOTAL = 0, /* number of the series of all requests */
    FORESIGHT_NONE = UINT32_MAX,
};
#define FORESIGHT_REFRESH_NS  TIME_HOUR
#define FORESIGHT_TRAIN_NS    TIME_DAY
#define FORESIGHT_VALIDATE_NS (7 * TIME_DAY)
#define FORESIGHT_RETRY_NS    (5 * TIME_MINUTE)  /* after what failed */
#define FORESIGHT_STALE_NS    (2 * TIME_HOUR)    /* a forecast this old is not fresh any more */
#define FORESIGHT_FEED_NS     (10 * TIME_MINUTE) /* so long an hour that is over is waited for */
#define FORESIGHT_FLUSH_NS    (15 * TIME_SECOND) /* counts go into the store */

struct foresight_settings {
    int64_t series_max;   /* resources whose requests are counted one by one */
    int64_t forecast_max; /* of them, the most demanded: these are foretold; 0: nothing is */
    int64_t horizon_ns;
    double capacity_buffer;
};

/* ---- planned events ---- */

enum plan_origin { PLAN_CONFIG, PLAN_API };
struct plan_item {
    uint64_t number;                 /* never given twice */
    char resource[FORESIGHT_ID_MAX]; /* "": all */
    char name[CALENDAR_NAME_MAX];    /* the source that is believed or not */
    char class_name[CALENDAR_CLASS_MAX];
    int64_t start_ns, end_ns;
    double requests; /* expected; with `multiplier`: times the usual */
    bool multiplier;
    uint8_t origin; /* enum plan_origin */
};

/* ---- anomalies ---- */

struct anomaly_record {
    uint64_t number;                     /* never given twice, also over restarts */
    char resource[FORESIGHT_ID_MAX];     /* "": all requests together */
    char class_name[CALENDAR_CLASS_MAX]; /* "none": fits none */
    bool open, planned;
    int64_t began_ns, opened_ns, resolved_ns; /* 0: not yet */
    double value, usual;                      /* requests in ten minutes, where it opened */
    double multiplier;                        /* the most it came to; below 1: demand fell */
    double score, p, probability;
    char reason[400];
};
enum anomaly_change { ANOMALY_OPENED, ANOMALY_CHANGED, ANOMALY_RESOLVED };
/* Called on the owner's thread; the record is valid for the call. */
typedef void foresight_watch_fn(void *context, const struct anomaly_record *anomaly,
                                enum anomaly_change change);

/* ---- forecasts ---- */

/* What training found best for a series, by its own past. */
struct foresight_model {
    int64_t trained_ns;        /* 0: never */
    bool naive;                /* nothing beat the last week or day again */
    bool boosted;              /* boosted trees say the first two days */
    double error, naive_error; /* mean absolute, over the origins walked */
    uint32_t trainings;
};
/* What was said a day ahead, against what came. */
struct foresight_validity {
    int64_t at_ns; /* 0: never */
    uint32_t hours;
    double mase, naive_mase; /* of the model and of the seasonal naive, in one unit */
    double ratio;            /* of both: above 1 the naive was better; NAN: cannot be told */
    double coverage;         /* share of hours between P5 and P95; right is .9 */
    uint32_t validations;
    bool lost; /* until the next validation the naive is what is said */
};
struct foresight_forecast {
    int64_t made_ns, tried_ns; /* 0: never */
    bool failed;               /* the latest attempt; what stands here is the last good one */
    char reason[512];
    bool naive; /* as said, for whatever reason */
    bool boosted;
    uint32_t refreshes;
    struct demand_forecast table; /* count 0: none yet */
};
/* GPUs and money, by the forecast's steps; with the latest good forecast. */
struct foresight_capacity {
    bool asked, failed; /* failed: the latest attempt; the rows are of the last good one */
    char reason[512];
    struct capacity_settings settings;
    double unit_cost; /* USD an hour */
    int64_t made_ns, start_ns, step_ns;
    int steps; /* 0: none yet */
    struct capacity_row *rows;
    double *cost_per_hour;
    struct buf words; /* a JSON object: fleets, comparison, recommendations */
};
/* The quantiles of the tables, ascending. */
enum {
    FORESIGHT_P5,
    FORESIGHT_P50,
    FORESIGHT_P75,
    FORESIGHT_P90,
    FORESIGHT_P95,
    FORESIGHT_P99,
    FORESIGHT_QUANTILES
};
extern const char *const foresight_quantile_names[FORESIGHT_QUANTILES];

/* What of a series can be seen; pointers are valid until the next call that changes anything. */
struct foresight_view {
    const char *id; /* "": the total */
    bool foretold;  /* among the most demanded */
    const struct counts *counts;
    const struct foresight_forecast *forecast;
    const struct foresight_model *model;
    const struct foresight_validity *validity;
    const struct foresight_capacity *capacity;
};
struct foresight_stats {
    uint32_t series;  /* counted one by one */
    uint64_t dropped; /* requests of resources that had no series */
    uint64_t refreshes, trainings, validations, failures;
    uint64_t opened; /* anomalies */
    uint32_t open;
};

/* ---- life ---- */

struct foresight;
FW_MUST_CHECK enum fw_err foresight_create(struct foresight **foresight,
                                           const struct foresight_settings *settings);
void foresight_destroy(struct foresight **foresight);
/* forecast_max, horizon_ns and capacity_buffer; the number of series stays. */
void foresight_set(struct foresight *foresight, const struct foresight_settings *settings);
/* Once, before anything else: what was kept, and from when on is counted. */
FW_MUST_CHECK enum fw_err foresight_load(struct foresight *foresight, struct store *store,
                                         int64_t now_ns, struct fw_detail *detail);

/* ---- telling it ---- */

/* The resource's series, made where there is room: FORESIGHT_NONE if not (then its requests count
 * in the total alone). One without a request for a week makes room. */
uint32_t foresight_series(struct foresight *foresight, struct str id, int64_t now_ns);
void foresight_request(struct foresight *foresight, uint32_t series, int64_t now_ns);
/* Time goes on: slots close, resources are chosen, what is due is noted. */
void foresight_tick(struct foresight *foresight, int64_t now_ns);
/* The requests of a resource ("" all) come from elsewhere from now on, and what is seen here does
 * not count for it. FORESIGHT_NONE: there is no room. */
uint32_t foresight_feed_begin(struct foresight *foresight, struct str id, int64_t now_ns);
/* They are counted here again. */
void foresight_feed_end(struct foresight *foresight, const char *id);
/* What came in slots that are over, from slot `first` on; NAN: not known. */
void foresight_feed(struct foresight *foresight, const char *id, enum count_grain grain,
                    int64_t first, const double *requests, size_t count, int64_t now_ns);
/* Where it comes from does not answer: said of forecasts that cannot be made for that. */
void foresight_feed_failed(struct foresight *foresight, const char *id, const char *reason);
/* Makes the forecasts of this resource ("" and all) due at once. */
void foresight_hurry(struct foresight *foresight, const char *id);

/* FW_LIMIT: FORESIGHT_PLANS_MAX events. One of the same resource, name and start takes the other's
 * place; 0 requests take it back. `number` may be NULL. */
FW_MUST_CHECK enum fw_err foresight_plan(struct foresight *foresight, const struct plan_item *item,
                                         uint64_t *number);
bool foresight_unplan(struct foresight *foresight, uint64_t number);
/* All of an origin are gone. */
void foresight_forget_plans(struct foresight *foresight, enum plan_origin origin);
/* By start; NULL past the last. */
const struct plan_item *foresight_plan_at(const struct foresight *foresight, size_t at);

/* ---- work ---- */

struct foresight_work;
/* The next piece that is due; NULL: nothing is, or one is out already. */
struct foresight_work *foresight_next(struct foresight *foresight, int64_t now_ns);
/* Whose demand it is about; "": the total. */
const char *foresight_work_id(const struct foresight_work *work);
/* Of a forecast: plan capacity, too, from units that do so many requests an hour. */
void foresight_ask_capacity(struct foresight_work *work, const struct capacity_settings *settings,
                            double unit_cost);
/* Slow; on any thread; touches nothing but the work. */
void foresight_run(struct foresight_work *work);
/* What became of it: the number of the series that has a new forecast, or FORESIGHT_NONE. The work
 * is gone. */
uint32_t foresight_take(struct foresight *foresight, struct foresight_work *work, int64_t now_ns);
/* For one whose work will not run any more. */
void foresight_drop(struct foresight *foresight, struct foresight_work *work);

/* What changed since it was last asked, for store_ops.put_parts; NULL: nothing, or no memory. The
 * caller's. */
struct foresight_parts {
    struct store_part *parts;
    size_t count;
    struct buf bytes;
};
struct foresight_parts *foresight_changed(struct foresight *foresight, int64_t now_ns);
void foresight_parts_free(struct foresight_parts **parts);
#define FORESIGHT_KIND "demand" /* of the parts */
/* They could not be written: all of it counts as changed again. */
void foresight_not_kept(struct foresight *foresight);

/* ---- seeing ---- */

/* "": the total. FORESIGHT_NONE: nothing is known of it. */
uint32_t foresight_find(const struct foresight *foresight, const char *id);
bool foresight_see(const struct foresight *foresight, uint32_t series, struct foresight_view *view);
/* The forecast cannot be relied on as it stands: too old, or the latest attempt failed. */
bool foresight_is_stale(const struct foresight_forecast *forecast, int64_t now_ns);
/* The highest value of a quantile in the steps that reach into [now, now + lead), a second; NAN:
 * no forecast reaches there. */
double foresight_rate(const struct foresight_forecast *forecast, int quantile, int64_t now_ns,
                      int64_t lead_ns);
void foresight_count(const struct foresight *foresight, struct foresight_stats *stats);
/* The latest first; NULL past the last. */
const struct anomaly_record *foresight_anomaly(const struct foresight *foresight, size_t at);
/* NULL: nobody is told any more. What is open is told of at once as ANOMALY_CHANGED. */
void foresight_watch(struct foresight *foresight, foresight_watch_fn *fn, void *context);

#endif
