/* SPDX-License-Identifier: MIT */
#include "edge/demand/sources.h"
#include "base/check.h"
#include "base/time.h"
#include "edge/alert_book.h"
#include "edge/log.h"
#include "edge/prometheus.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_NS TIME_SECOND
/* A slot is asked for when it is over for so long, and its neighbours again, for what came late. */
#define LAG_NS (15 * TIME_SECOND)
enum { AGAIN_SLOTS = 2, QUERY_MAX = PROMETHEUS_QUERY_MAX + 1 };

struct source {
    const struct config_source *config;
    int64_t due_ns;                    /* monotonic */
    int64_t fed_to[COUNT_GRAIN_COUNT]; /* the first slot that is not known yet; 0: all are not */
    int64_t newest_ns;                 /* end of the newest slot that is known; 0: none */
    bool failing;
};

struct sources {
    struct brain *brain;
    struct jobs *jobs;
    struct alerts *alerts;
    struct job job;
    atomic_bool stopping;
    struct source items[DEMAND_SOURCES_MAX]; /* the job's, but newest_ns */
    struct config *config;                   /* that the items point into; the job's */
    pthread_mutex_t lock;                    /* of what follows, and of newest_ns and count */
    struct config *next;                     /* NULL: nothing new */
    uint32_t count;
};

static const char *subject_of(const struct source *source)
{
    return source->config->resource[0] ? source->config->resource : "all";
}

/* ---- on the brain thread ---- */

struct feeding {
    const struct source *source;
    enum count_grain grain;
    int64_t first;
    double *requests;
    size_t count;
    const char *reason; /* instead of requests */
    bool begins;
};

static void feed(struct brain *brain, void *context)
{
    const struct feeding *feeding = context;
    const char *id = feeding->source->config->resource;
    struct foresight *foresight = brain_foresight(brain);
    if (feeding->reason)
        foresight_feed_failed(foresight, id, feeding->reason);
    else if (!feeding->begins)
        foresight_feed(foresight, id, feeding->grain, feeding->first, feeding->requests,
                       feeding->count, brain_now_ns(brain));
    else if (foresight_feed_begin(foresight, str_of(id), brain_now_ns(brain)) == FORESIGHT_NONE)
        log_warn("demand of a Prometheus has no place: demand_resources is reached",
                 LOG_TEXT("resource", id));
}

static void leave(struct brain *brain, void *context)
{
    const struct source *source = context;
    foresight_feed_end(brain_foresight(brain), source->config->resource);
}

/* ---- asking ---- */

/* The mean over the slot, of what is said every minute. */
static void write_query(const char *query, int64_t step_ns, char text[QUERY_MAX])
{
    if (step_ns <= TIME_MINUTE)
        (void)snprintf(text, QUERY_MAX, "%s", query);
    else
        (void)snprintf(text, QUERY_MAX, "avg_over_time((%s)[%lldm:1m])", query,
                       (long long)(step_ns / TIME_MINUTE));
}

static void take_points(struct sources *sources, struct source *source, enum count_grain grain,
                        const struct prometheus_points *points, struct feeding *feeding)
{
    int64_t step_ns = count_grains[grain].step_ns, newest_ns = 0;
    for (size_t i = 0; i < feeding->count; i++)
        feeding->requests[i] = NAN;
    for (size_t i = 0; i < points->count; i++) {
        int64_t slot = points->at_ns[i] / step_ns - 1 - feeding->first;
        if (slot < 0 || slot >= (int64_t)feeding->count || !isfinite(points->value[i]))
            continue;
        feeding->requests[slot] = points->value[i] * time_to_seconds(step_ns);
        newest_ns = points->at_ns[i];
    }
    pthread_mutex_lock(&sources->lock);
    if (grain == COUNT_MINUTE && newest_ns > source->newest_ns)
        source->newest_ns = newest_ns;
    pthread_mutex_unlock(&sources->lock);
}

static enum fw_err ask(struct sources *sources, struct source *source, enum count_grain grain,
                       const struct prometheus_range *range, struct feeding *feeding,
                       struct fw_detail *detail)
{
    char query[QUERY_MAX];
    const struct config_source *config = source->config;
    const struct prometheus_source server = {.url = config->url,
                                             .query = query,
                                             .token_file = config->token_file,
                                             .ca_file = config->ca_file,
                                             .timeout_ns = config->timeout_ns};
    struct prometheus_points points = {0};
    write_query(config->query, range->step_ns, query);
    feeding->requests = calloc(feeding->count, sizeof *feeding->requests);
    if (!feeding->requests)
        return err_set(detail, FW_NOMEM, "no memory for %zu slots", feeding->count);
    enum fw_err err = prometheus_query(&server, range, &sources->stopping, &points, detail);
    if (err == FW_OK) {
        take_points(sources, source, grain, &points, feeding);
        (void)brain_call_and_wait(sources->brain, feed, feeding);
    }
    free(feeding->requests);
    prometheus_points_fini(&points);
    return err;
}

static enum fw_err fetch_grain(struct sources *sources, struct source *source,
                               enum count_grain grain, int64_t wall_ns, struct fw_detail *detail)
{
    const struct count_grain_row *row = &count_grains[grain];
    int64_t last = (wall_ns - LAG_NS) / row->step_ns - 1;
    int64_t slots = source->config->history_ns / row->step_ns;
    int64_t oldest = last + 1 - (slots < row->slots - 1 ? slots : row->slots - 1);
    int64_t first = source->fed_to[grain] - AGAIN_SLOTS;
    /* The minutes are asked for every time: whether the server is there shows in it. */
    if (slots == 0 || (source->fed_to[grain] > last && grain != COUNT_MINUTE))
        return FW_OK;
    first = first > oldest ? first : oldest;
    const struct prometheus_range range = {(first + 1) * row->step_ns, (last + 1) * row->step_ns,
                                           row->step_ns};
    struct feeding feeding = {
        .source = source, .grain = grain, .first = first, .count = (size_t)(last - first + 1)};
    FW_TRY(ask(sources, source, grain, &range, &feeding, detail));
    source->fed_to[grain] = last + 1;
    return FW_OK;
}

/* ---- what became of it ---- */

static void note(struct sources *sources, struct source *source, enum fw_err err,
                 const struct fw_detail *detail)
{
    char words[ALERT_WORDS_MAX], age[TIME_TEXT_MAX];
    int64_t old_ns = jobs_wall_ns() - source->newest_ns;
    bool old = source->newest_ns > 0 && old_ns > 5 * TIME_MINUTE;
    bool failing = err != FW_OK || source->newest_ns == 0 || old;
    if (err != FW_OK)
        (void)snprintf(words, sizeof words, "%.380s", detail->text);
    else if (source->newest_ns == 0)
        (void)snprintf(words, sizeof words, "%.200s: nothing comes of the query %.150s",
                       source->config->url.text, source->config->query);
    else
        (void)snprintf(words, sizeof words, "%.300s: the newest value is %s old",
                       source->config->url.text, time_format_human(old_ns, age));
    alerts_set(sources->alerts, ALERT_SOURCE, str_of(subject_of(source)), failing, words);
    if (failing && !source->failing)
        log_warn("demand is not known from Prometheus; what was stays",
                 LOG_TEXT("resource", subject_of(source)), LOG_TEXT("reason", words));
    else if (!failing && source->failing)
        log_info("demand is known from Prometheus again", LOG_TEXT("resource", subject_of(source)));
    source->failing = failing;
    struct feeding failed = {.source = source, .reason = words};
    if (failing)
        (void)brain_call_and_wait(sources->brain, feed, &failed);
}

static void fetch_all(struct sources *sources, struct source *source)
{
    static const enum count_grain order[] = {COUNT_MINUTE, COUNT_TEN, COUNT_HOUR};
    struct fw_detail detail = {""};
    enum fw_err err = FW_OK;
    for (size_t i = 0; i < sizeof order / sizeof order[0] && err == FW_OK; i++)
        err = fetch_grain(sources, source, order[i], jobs_wall_ns(), &detail);
    if (err != FW_CANCELLED)
        note(sources, source, err, &detail);
    source->due_ns = time_add(jobs_now_ns(), source->config->every_ns);
}

/* ---- the job ---- */

static const struct source *find(const struct source *items, uint32_t count, const char *resource)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(items[i].config->resource, resource) == 0)
            return &items[i];
    return NULL;
}

/* A new configuration: each begins anew, for another query may be another past. */
static void take_config(struct sources *sources, struct config *config)
{
    struct source items[DEMAND_SOURCES_MAX] = {{0}};
    uint32_t count = config->source_count;
    for (uint32_t i = 0; i < count; i++) {
        items[i].config = &config->sources[i];
        struct feeding begins = {.source = &items[i], .begins = true};
        (void)brain_call_and_wait(sources->brain, feed, &begins);
    }
    for (uint32_t i = 0; i < sources->count; i++) {
        if (find(items, count, sources->items[i].config->resource))
            continue;
        alerts_set(sources->alerts, ALERT_SOURCE, str_of(subject_of(&sources->items[i])), false,
                   "");
        (void)brain_call_and_wait(sources->brain, leave, &sources->items[i]);
    }
    pthread_mutex_lock(&sources->lock);
    struct config *before = sources->config;
    memcpy(sources->items, items, sizeof items);
    sources->count = count;
    sources->config = config;
    pthread_mutex_unlock(&sources->lock);
    config_free(&before);
}

static struct source *find_due(struct sources *sources)
{
    struct source *due = NULL;
    int64_t now_ns = jobs_now_ns();
    for (uint32_t i = 0; i < sources->count; i++)
        if (sources->items[i].due_ns <= now_ns && (!due || sources->items[i].due_ns < due->due_ns))
            due = &sources->items[i];
    return due;
}

static void run(struct job *job)
{
    struct sources *sources = (struct sources *)((char *)job - offsetof(struct sources, job));
    pthread_mutex_lock(&sources->lock);
    struct config *next = sources->next;
    sources->next = NULL;
    pthread_mutex_unlock(&sources->lock);
    if (next)
        take_config(sources, next);
    struct source *due = find_due(sources);
    if (due)
        fetch_all(sources, due);
    if (!atomic_load(&sources->stopping))
        jobs_submit(sources->jobs, job, find_due(sources) ? 0 : TICK_NS);
}

/* ---- life ---- */

enum fw_err sources_start(struct sources **out, struct config *config, struct brain *brain,
                          struct jobs *jobs, struct alerts *alerts)
{
    struct sources *sources = calloc(1, sizeof *sources);
    *out = sources;
    if (!sources)
        return FW_NOMEM;
    CHECK(pthread_mutex_init(&sources->lock, NULL) == 0);
    sources->brain = brain;
    sources->jobs = jobs;
    sources->alerts = alerts;
    sources->next = config_retain(config);
    sources->job = (struct job){.run = run, .slow = true};
    jobs_submit(jobs, &sources->job, 0);
    return FW_OK;
}

void sources_reload(struct sources *sources, struct config *config)
{
    pthread_mutex_lock(&sources->lock);
    struct config *waiting = sources->next;
    sources->next = config_retain(config);
    pthread_mutex_unlock(&sources->lock);
    config_free(&waiting);
}

void sources_stop(struct sources *sources)
{
    if (sources)
        atomic_store(&sources->stopping, true);
}

void sources_destroy(struct sources **out)
{
    struct sources *sources = *out;
    if (!sources)
        return;
    config_free(&sources->config);
    config_free(&sources->next);
    pthread_mutex_destroy(&sources->lock);
    free(sources);
    *out = NULL;
}

void sources_collect(struct sources *sources, struct metrics_writer *writer)
{
    pthread_mutex_lock(&sources->lock);
    for (uint32_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->items[i];
        const struct str label = str_of(source->config->resource);
        int64_t age_ns = jobs_wall_ns() - source->newest_ns;
        if (source->newest_ns > 0)
            metrics_sample(writer, &label, 1, time_to_seconds(age_ns > 0 ? age_ns : 0));
    }
    pthread_mutex_unlock(&sources->lock);
}
