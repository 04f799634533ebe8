/* SPDX-License-Identifier: MIT
 * Pages that are kept and fetched ahead, as the control plane tells of them: what each upstream's
 * account says, what a session will ask for next, and the metrics. */
#include "edge/control_part.h"

static void write_account(struct json *json, const struct prefetcher_account *account)
{
    json_key(json, "prefetch");
    json_object(json);
    json_key_uint(json, "issued", account->issued);
    json_key_uint(json, "in_time", account->in_time);
    json_key_uint(json, "late", account->late);
    json_key_uint(json, "evicted", account->evicted);
    json_key_uint(json, "expired", account->expired);
    json_key_uint(json, "cancelled", account->cancelled);
    json_key_uint(json, "failed", account->failed);
    json_key_uint(json, "pending", account->pending);
    json_object_end(json);
}

static void write_site(void *context, const char *upstream, const char *paths,
                       const struct page_site_stats *stats)
{
    struct json *json = context;
    json_object(json);
    json_key_text(json, "upstream", upstream);
    json_key_text(json, "paths", paths);
    json_key_uint(json, "kept", stats->machine.held);
    json_key_uint(json, "kept_bytes", stats->machine.held_bytes);
    json_key(json, "requests");
    json_object(json);
    for (int i = 0; i < PAGE_RESULT_COUNT; i++)
        json_key_uint(json, page_result_names[i], stats->results[i]);
    json_object_end(json);
    write_account(json, &stats->machine.ahead);
    json_object_end(json);
}

void control_write_pages(struct control *control, struct json *json)
{
    json_key(json, "pages");
    json_array(json);
    page_sites_each(slots_pages(control->setup.slots), write_site, json);
    json_array_end(json);
}

static void write_expected(void *context, const char *upstream, const struct page_wish *wish,
                           bool held)
{
    struct json *json = context;
    json_object(json);
    json_key_text(json, "upstream", upstream);
    json_key_str(json, "target", (struct str){wish->target, wish->len});
    json_key_fixed(json, "probability", wish->probability, 4);
    json_key_text(json, "strategy", page_strategy_names[wish->strategy]);
    json_key_bool(json, "kept", held);
    json_object_end(json);
}

void control_write_next_pages(struct control *control, uint64_t session, struct json *json)
{
    json_key(json, "pages");
    json_array(json);
    page_sites_expect(slots_pages(control->setup.slots), session, write_expected, json);
    json_array_end(json);
}

/* ---- metrics ---- */

struct sums {
    struct page_site_stats all;
    uint32_t sites;
};

static void add_up(void *context, const char *upstream, const char *paths,
                   const struct page_site_stats *stats)
{
    struct sums *sums = context;
    struct prefetcher_account *sum = &sums->all.machine.ahead;
    const struct prefetcher_account *one = &stats->machine.ahead;
    (void)upstream, (void)paths;
    sums->sites++;
    sum->issued += one->issued;
    sum->in_time += one->in_time;
    sum->late += one->late;
    sum->expired += one->evicted + one->expired + one->cancelled + one->failed;
    sums->all.machine.held_bytes += stats->machine.held_bytes;
    for (int i = 0; i < PAGE_RESULT_COUNT; i++)
        sums->all.results[i] += stats->results[i];
}

void control_collect_pages(struct control *control, enum metric_id metric,
                           struct metrics_writer *writer)
{
    struct sums sums = {.sites = 0};
    page_sites_each(slots_pages(control->setup.slots), add_up, &sums);
    const struct prefetcher_account *ahead = &sums.all.machine.ahead;
    if (metric == METRIC_PREFETCH_ISSUED)
        metrics_sample(writer, NULL, 0, (double)ahead->issued);
    else if (metric == METRIC_PREFETCH_USED)
        metrics_sample(writer, NULL, 0, (double)ahead->in_time);
    else if (metric == METRIC_PREFETCH_LATE)
        metrics_sample(writer, NULL, 0, (double)ahead->late);
    else if (metric == METRIC_PREFETCH_UNUSED)
        metrics_sample(writer, NULL, 0, (double)ahead->expired);
    else if (metric == METRIC_PAGE_CACHE)
        metrics_sample(writer, NULL, 0, (double)sums.all.machine.held_bytes);
    for (int i = 0; metric == METRIC_PAGES && sums.sites > 0 && i < PAGE_RESULT_COUNT; i++) {
        const struct str result = str_of(page_result_names[i]);
        metrics_sample(writer, &result, 1, (double)sums.all.results[i]);
    }
}
