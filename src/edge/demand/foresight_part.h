/* SPDX-License-Identifier: MIT
 * Inside foresight: what its files share. */
#ifndef FOREWARM_EDGE_FORESIGHT_PART_H
#define FOREWARM_EDGE_FORESIGHT_PART_H

#include "base/table.h"
#include "edge/demand/foresight.h"
#include "forecast/detect.h"
#include "forecast/event_class.h"

enum { SAID_HOURS = 336, SAID_AHEAD = 24, SAID_MORE = 5 };

/* What was said a day ahead of an hour: by the model, also while the naive was published. */
struct foresight_said {
    int64_t hour; /* since 1970; 0: nothing was said */
    float mean, low, high;
};

enum work_kind { WORK_REFRESH, WORK_TRAIN, WORK_WATCH, WORK_KINDS };
struct foresight_series {
    char id[FORESIGHT_ID_MAX]; /* "": the total */
    struct counts counts;
    int64_t asked_ns; /* its latest request */
    bool foretold, hurried;
    int64_t due_ns[WORK_KINDS];
    struct foresight_forecast forecast;
    struct foresight_model model;
    struct foresight_validity validity;
    struct foresight_capacity capacity;
    int64_t said_since_ns; /* since then is said what will be validated; 0: nothing was */
    struct foresight_said said[SAID_HOURS]; /* by hour, modulo */
    char feed_reason[FORESIGHT_REASON_MAX]; /* why nothing comes from elsewhere; "" it does */
    bool learned;                           /* what is above changed since it was written */
};

struct foresight_work {
    enum work_kind kind;
    uint32_t series;
    uint32_t generation;
    char id[FORESIGHT_ID_MAX];
    struct series known; /* hours, or tens of minutes */
    struct calendar calendar;
    struct demand_settings settings;
    bool naive, boosted; /* what the model is */
    struct event_classes classes;
    /* what it came to */
    enum fw_err err;
    struct fw_detail detail;
    struct demand_forecast model_said, published; /* published: only where it is another */
    struct demand_forecast near;                  /* the first two days; count 0: none */
    struct foresight_capacity capacity;
    struct foresight_model trained;
    struct detection detection;
};

struct foresight {
    struct foresight_settings settings;
    struct foresight_series **series; /* [0] is the total */
    uint32_t series_count, series_capacity;
    uint32_t *generations; /* by series: another resource has it since */
    struct table ids;      /* of all that ever had a series -> place in `of_id` */
    uint32_t *of_id;
    int64_t now_ns, chosen_ns, flushed_ns;
    bool loaded;
    struct foresight_work *out; /* the piece that is out */
    bool idle;     /* nothing was due when last looked at, nor can be before it is false */
    uint32_t next; /* series that is looked at first */
    struct plan_item *plans;
    size_t plan_count;
    uint64_t plan_number;
    bool plans_changed;
    struct anomaly_record *anomalies; /* a ring: the latest is at `anomaly_count - 1` */
    uint64_t anomaly_count;           /* ever since the records here began */
    uint64_t anomaly_number;
    bool anomalies_changed;
    foresight_watch_fn *watch;
    void *watch_context;
    struct foresight_stats stats;
};

/* foresight.c */
struct foresight_series *foresight_add(struct foresight *foresight, struct str id);
/* foresight_work.c */
void foresight_work_free(struct foresight_work **work);
/* foresight_capacity.c */
void foresight_plan_capacity(struct foresight_work *work, const struct demand_forecast *table);
void foresight_capacity_fini(struct foresight_capacity *capacity); /* fine on a zeroed one */
/* foresight_take.c */
void foresight_validate(struct foresight *foresight, struct foresight_series *series);
/* foresight_anomaly.c */
void foresight_take_detection(struct foresight *foresight, struct foresight_series *series,
                              const struct foresight_work *work);
struct anomaly_record *foresight_anomaly_place(struct foresight *foresight, uint64_t at);
/* foresight_plans.c */
/* The events that matter for a series, as a calendar; the caller's. */
enum fw_err foresight_calendar(const struct foresight *foresight,
                               const struct foresight_series *series, struct calendar *calendar);
/* foresight_feed.c */
/* A forecast would be made without the latest hours, which are still to come from elsewhere: not
 * yet, or it counts as one that failed. */
bool foresight_feed_lacks(struct foresight *foresight, struct foresight_series *series,
                          int64_t now_ns);
/* foresight_keep.c */
bool foresight_get_learned(struct foresight_series *series, struct str bytes);

#endif
