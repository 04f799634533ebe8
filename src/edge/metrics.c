/* SPDX-License-Identifier: MIT */
#include "edge/metrics.h"
#include "edge/hint_inject.h"
#include "edge/server.h"
#include "base/check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

const struct metric_row metric_rows[] = {
#define X(id, name, type, labels, buckets, help) {#id, name, #type, labels, #buckets, help},
    METRICS(X)
#undef X
};
const size_t metric_row_count = sizeof metric_rows / sizeof *metric_rows;

/* Bucket bounds in the unit that is observed, and how many of them make one of the unit
 * that is shown (divided by: 30 s must not become 30.000000000000004). */
#define METRICS_WASTE_BOUNDS                                                                       \
    {                                                                                              \
        1000, 5000, 10000, 30000, 60000, 300000                                                    \
    }
#define METRICS_SECONDS_BOUNDS                                                                     \
    {                                                                                              \
        500000, 1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000, 250000000,     \
            500000000, 1000000000, 2500000000, 5000000000, 10000000000, 30000000000, 60000000000,  \
            120000000000, 300000000000                                                             \
    }
static const int64_t waste_bounds[] = METRICS_WASTE_BOUNDS;
static const int64_t seconds_bounds[] = METRICS_SECONDS_BOUNDS;

struct bucket_list {
    const char *name;
    const int64_t *bounds;
    size_t count;
    double per_shown;
};
static const struct bucket_list bucket_lists[] = {
    {"WASTE", waste_bounds, sizeof waste_bounds / sizeof *waste_bounds, 1},
    {"SECONDS", seconds_bounds, sizeof seconds_bounds / sizeof *seconds_bounds, 1e9},
};

static const char *const state_labels[] = {
#define X(id, value) value,
    METRIC_LABELS_STATE(X)
#undef X
};
static const char *const error_labels[] = {
#define X(id, value) value,
    METRIC_LABELS_ERROR(X)
#undef X
};
static const char *const code_labels[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
static const char *const plane_labels[] = {"data"};
static const char *const refusal_labels[] = {
#define X(id, name) name,
    SERVER_REFUSALS(X)
#undef X
};

static const char *const hint_labels[] = {
#define X(id, name) name,
    HINT_OUTCOMES(X)
#undef X
};

/* Which second label a metric's shard series have. */
struct label_list {
    const char *labels; /* as in the row */
    const char *const *values;
    size_t count;
};
static const struct label_list label_lists[] = {
    {"resource,state", state_labels, sizeof state_labels / sizeof *state_labels},
    {"resource,error", error_labels, sizeof error_labels / sizeof *error_labels},
    {"code", code_labels, sizeof code_labels / sizeof *code_labels},
    {"reason", refusal_labels, sizeof refusal_labels / sizeof *refusal_labels},
    {"outcome", hint_labels, sizeof hint_labels / sizeof *hint_labels},
    {"plane", plane_labels, sizeof plane_labels / sizeof *plane_labels},
};

enum { LABELS_MAX = 8, BUCKETS_MAX = 20, RESOURCE_PAGE = 64, RESOURCE_PAGES = 1 << 14 };

struct histogram {
    _Atomic uint64_t counts[BUCKETS_MAX + 1]; /* the last one: beyond every bound */
    _Atomic uint64_t sum;
};
struct resource_counters {
    _Atomic uint64_t values[METRIC_COUNT][4]; /* label */
};
struct resource_page {
    struct resource_counters resources[RESOURCE_PAGE];
};
struct metrics_shard {
    _Atomic uint64_t values[METRIC_COUNT][LABELS_MAX]; /* metrics without a resource */
    struct histogram histograms[METRIC_COUNT];
    _Atomic(struct resource_page *) pages[RESOURCE_PAGES];
};

enum { SHARDS_MAX = 64 };
struct metrics {
    pthread_mutex_t lock; /* for taking a shard */
    _Atomic unsigned count;
    struct metrics_shard *shards[SHARDS_MAX];
};

enum fw_err metrics_create(struct metrics **metrics)
{
    *metrics = calloc(1, sizeof **metrics);
    if (!*metrics)
        return FW_NOMEM;
    CHECK(pthread_mutex_init(&(*metrics)->lock, NULL) == 0);
    return FW_OK;
}

void metrics_destroy(struct metrics **out)
{
    struct metrics *metrics = *out;
    if (!metrics)
        return;
    for (unsigned i = 0; i < metrics->count; i++) {
        for (unsigned page = 0; page < RESOURCE_PAGES; page++)
            free(metrics->shards[i]->pages[page]);
        free(metrics->shards[i]);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
    *out = NULL;
}

struct metrics_shard *metrics_shard(struct metrics *metrics)
{
    struct metrics_shard *shard = calloc(1, sizeof *shard);
    pthread_mutex_lock(&metrics->lock);
    unsigned count = metrics->count;
    if (shard && count < SHARDS_MAX) {
        metrics->shards[count] = shard;
        metrics->count = count + 1;
    } else {
        free(shard);
        shard = NULL;
    }
    pthread_mutex_unlock(&metrics->lock);
    return shard;
}

/* One thread writes, so that no locked instruction is needed; readers see whole values. */
static void bump(_Atomic uint64_t *value, uint64_t amount)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

static bool has_resource(enum metric_id metric)
{
    return strncmp(metric_rows[metric].labels, "resource", 8) == 0;
}

static struct resource_page *page_of(struct metrics_shard *shard, uint32_t resource)
{
    uint32_t number = resource / RESOURCE_PAGE;
    if (number >= RESOURCE_PAGES)
        return NULL; /* past a million resources: not counted one by one */
    struct resource_page *page = atomic_load_explicit(&shard->pages[number], memory_order_relaxed);
    if (!page) {
        page = calloc(1, sizeof *page);
        atomic_store_explicit(&shard->pages[number], page, memory_order_release);
    }
    return page;
}

void metrics_add(struct metrics_shard *shard, enum metric_id metric, uint32_t resource,
                 unsigned label, uint64_t amount)
{
    if (!has_resource(metric)) {
        CHECK(label < LABELS_MAX);
        bump(&shard->values[metric][label], amount);
        return;
    }
    CHECK(label < 4);
    struct resource_page *page = page_of(shard, resource);
    if (page)
        bump(&page->resources[resource % RESOURCE_PAGE].values[metric][label], amount);
}

void metrics_move(struct metrics_shard *shard, enum metric_id metric, int64_t change)
{
    bump(&shard->values[metric][0], (uint64_t)change);
}

static const struct bucket_list *buckets_of(enum metric_id metric)
{
    for (size_t i = 0; i < sizeof bucket_lists / sizeof *bucket_lists; i++) {
        if (strcmp(metric_rows[metric].buckets, bucket_lists[i].name) == 0)
            return &bucket_lists[i];
    }
    return NULL;
}

void metrics_observe(struct metrics_shard *shard, enum metric_id metric, int64_t value)
{
    const struct bucket_list *list = buckets_of(metric);
    CHECK(list && list->count <= BUCKETS_MAX);
    if (value < 0)
        value = 0;
    size_t bucket = 0;
    while (bucket < list->count && value > list->bounds[bucket])
        bucket++;
    bump(&shard->histograms[metric].counts[bucket], 1);
    bump(&shard->histograms[metric].sum, (uint64_t)value);
}

/* --- the page --- */

struct metrics_writer {
    struct buf *out;
    const struct metric_row *row;
    size_t samples; /* of this metric, so far */
};

static void add_number(struct buf *out, double value)
{
    char text[STR_NUMBER_MAX];
    buf_add_text(out, str_from_double(value, text));
    buf_add_char(out, '\n');
}

/* Prometheus: backslash, quote and line feed are escaped. */
static void add_label_value(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c == '\\' || c == '"')
            buf_add_char(out, '\\');
        if (c == '\n')
            buf_add_text(out, "\\n");
        else
            buf_add_char(out, c);
    }
}

void metrics_sample(struct metrics_writer *writer, const struct str *labels, size_t count,
                    double value)
{
    struct str names = str_of(writer->row->labels), name;
    writer->samples++;
    buf_add_text(writer->out, writer->row->name);
    for (size_t i = 0; i < count; i++) {
        CHECK(str_cut(&names, ',', &name)); /* as many values as the row has labels */
        buf_add_char(writer->out, i == 0 ? '{' : ',');
        buf_add_str(writer->out, name);
        buf_add_text(writer->out, "=\"");
        add_label_value(writer->out, labels[i]);
        buf_add_char(writer->out, '"');
    }
    if (count > 0)
        buf_add_char(writer->out, '}');
    buf_add_char(writer->out, ' ');
    add_number(writer->out, value);
}

static void write_histogram(struct metrics *metrics, enum metric_id metric, struct buf *out)
{
    const struct bucket_list *list = buckets_of(metric);
    uint64_t counts[BUCKETS_MAX + 1] = {0}, sum = 0, total = 0;
    unsigned shards = atomic_load(&metrics->count);
    for (unsigned i = 0; i < shards; i++) {
        struct histogram *histogram = &metrics->shards[i]->histograms[metric];
        for (size_t b = 0; b <= list->count; b++)
            counts[b] += atomic_load_explicit(&histogram->counts[b], memory_order_relaxed);
        sum += atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    }
    const char *name = metric_rows[metric].name;
    char text[STR_NUMBER_MAX];
    for (size_t b = 0; b <= list->count; b++) {
        total += counts[b];
        const char *bound = b < list->count
                                ? str_from_double((double)list->bounds[b] / list->per_shown, text)
                                : "+Inf";
        buf_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, bound, (unsigned long long)total);
    }
    buf_printf(out, "%s_sum ", name);
    add_number(out, (double)sum / list->per_shown);
    buf_printf(out, "%s_count %llu\n", name, (unsigned long long)total);
}

static const struct label_list *labels_of(enum metric_id metric)
{
    for (size_t i = 0; i < sizeof label_lists / sizeof *label_lists; i++) {
        if (strcmp(metric_rows[metric].labels, label_lists[i].labels) == 0)
            return &label_lists[i];
    }
    return NULL;
}

static double per_shown(enum metric_id metric)
{
    return strstr(metric_rows[metric].name, "_seconds") ? 1e9 : 1;
}

static void write_plain(struct metrics *metrics, enum metric_id metric,
                        struct metrics_writer *writer)
{
    const struct label_list *list = labels_of(metric);
    bool collected = writer->samples > 0;
    if (!list && metric_rows[metric].labels[0])
        return; /* its labels are the source's */
    size_t count = list ? list->count : 1;
    for (size_t label = 0; label < count; label++) {
        uint64_t value = 0;
        for (unsigned i = 0; i < atomic_load(&metrics->count); i++)
            value += atomic_load_explicit(&metrics->shards[i]->values[metric][label],
                                          memory_order_relaxed);
        if (value == 0 && collected)
            continue; /* counted elsewhere: not doubled here */
        struct str text = list ? str_of(list->values[label]) : (struct str){0};
        metrics_sample(writer, &text, list ? 1 : 0, (double)(int64_t)value / per_shown(metric));
    }
}

static uint64_t resource_sum(struct metrics *metrics, enum metric_id metric, uint32_t resource,
                             size_t label)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < atomic_load(&metrics->count); i++) {
        struct resource_page *page = atomic_load_explicit(
            &metrics->shards[i]->pages[resource / RESOURCE_PAGE], memory_order_acquire);
        if (page)
            value += atomic_load_explicit(
                &page->resources[resource % RESOURCE_PAGE].values[metric][label],
                memory_order_relaxed);
    }
    return value;
}

static bool page_used(struct metrics *metrics, uint32_t page)
{
    for (unsigned i = 0; i < atomic_load(&metrics->count); i++) {
        if (atomic_load_explicit(&metrics->shards[i]->pages[page], memory_order_acquire))
            return true;
    }
    return false;
}

static void write_resource(struct metrics *metrics, enum metric_id metric, uint32_t resource,
                           const struct metrics_source *source, struct metrics_writer *writer)
{
    const struct label_list *list = labels_of(metric);
    for (size_t label = 0; label < (list ? list->count : 1); label++) {
        uint64_t value = resource_sum(metrics, metric, resource, label);
        struct str labels[2] = {{0}, list ? str_of(list->values[label]) : (struct str){0}};
        if (value == 0)
            continue;
        labels[0] = source->resource(source->context, resource);
        if (labels[0].data)
            metrics_sample(writer, labels, list ? 2 : 1, (double)value / per_shown(metric));
    }
}

void metrics_write(struct metrics *metrics, const struct metrics_source *source, struct buf *out)
{
    for (enum metric_id metric = 0; metric < METRIC_COUNT; metric++) {
        const struct metric_row *row = &metric_rows[metric];
        struct metrics_writer writer = {out, row, 0};
        const char *type = row->type[0] == 'C'   ? "counter"
                           : row->type[0] == 'G' ? "gauge"
                                                 : "histogram";
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, type);
        if (row->type[0] == 'H') {
            write_histogram(metrics, metric, out);
            continue;
        }
        if (source->collect)
            source->collect(source->context, metric, &writer);
        if (!has_resource(metric))
            write_plain(metrics, metric, &writer);
        for (uint32_t page = 0; has_resource(metric) && page < RESOURCE_PAGES; page++) {
            for (uint32_t i = 0; page_used(metrics, page) && i < RESOURCE_PAGE; i++)
                write_resource(metrics, metric, page * RESOURCE_PAGE + i, source, &writer);
        }
    }
}
