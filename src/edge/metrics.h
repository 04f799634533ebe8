/* SPDX-License-Identifier: MIT
 * Metrics: one row each, from which /metrics, `forewarm metrics` and docs/reference/metrics.md are
 * made. Threads count in their own shard; the control plane adds the shards up. Prometheus text
 * format 0.0.4. */
#ifndef FOREWARM_EDGE_METRICS_H
#define FOREWARM_EDGE_METRICS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* X(id, name, type, labels, buckets, help). buckets: name of a bucket list, NONE for others. */
#define METRICS(X)                                                                                 \
    X(METRIC_PREWARM_HITS, "prewarm_hits_total", COUNTER, "", NONE,                                \
      "Prewarmed resources that were used.")                                                       \
    X(METRIC_PREWARM_WASTE, "prewarm_waste_ms", HISTOGRAM, "", WASTE,                              \
      "Warm time in milliseconds of prewarms that expired unused.")                                \
    X(METRIC_REQUESTS, "forewarm_requests_total", COUNTER, "resource,state", NONE,                 \
      "Requests by the state their resource was in: warm, cold or fallback.")                      \
    X(METRIC_RESPONSES, "forewarm_responses_total", COUNTER, "code", NONE,                         \
      "Answers to clients by status class.")                                                       \
    X(METRIC_COLD_WAIT, "forewarm_cold_wait_seconds", HISTOGRAM, "", SECONDS,                      \
      "How long requests were held for a resource to become warm.")                                \
    X(METRIC_PROXY, "forewarm_proxy_seconds", HISTOGRAM, "", SECONDS,                              \
      "Time from a request's last byte to its answer's first byte, without the hold.")             \
    X(METRIC_WARMUPS, "forewarm_warmups_total", COUNTER, "resource,cause,result", NONE,            \
      "Finished warm-ups by cause and result.")                                                    \
    X(METRIC_WARMUP_SECONDS, "forewarm_warmup_seconds", HISTOGRAM, "", SECONDS,                    \
      "From the start of a warm-up to the proof.")                                                 \
    X(METRIC_IDLE, "forewarm_idle_warm_seconds_total", COUNTER, "resource", NONE,                  \
      "Warm with nothing running.")                                                                \
    X(METRIC_REGRET, "forewarm_regret_seconds_total", COUNTER, "resource", NONE,                   \
      "Waiting that keeping or warming the resource would have avoided.")                          \
    X(METRIC_COST, "forewarm_warmup_cost_usd_total", COUNTER, "resource", NONE,                    \
      "Loading time of all devices at the configured price of an hour.")                           \
    X(METRIC_DECLINED, "forewarm_warmups_declined_total", COUNTER, "resource,reason", NONE,        \
      "Warm-ups that did not begin: cooldown, budget, breaker or traffic.")                        \
    X(METRIC_OPTION_CONFLICTS, "forewarm_option_conflicts_total", COUNTER, "resource", NONE,       \
      "Requests whose options differ from the one before, so that the server loads anew.")         \
    X(METRIC_DOUBTED, "forewarm_doubted_total", COUNTER, "resource", NONE,                         \
      "Requests that were answered at cold speed by what was believed warm.")                      \
    X(METRIC_PREFILLS, "forewarm_prefills_total", COUNTER, "resource,result", NONE,                \
      "Prompts read again ahead of their sessions' next request: used, unused, cancelled by a "    \
      "request, failed.")                                                                          \
    X(METRIC_PREFILL_SECONDS, "forewarm_prefill_seconds_total", COUNTER, "resource", NONE,         \
      "Time of servers that read prompts again.")                                                  \
    X(METRIC_STATE, "forewarm_resource_state", GAUGE, "resource,state", NONE,                      \
      "1 for the state the resource is in.")                                                       \
    X(METRIC_MEMORY, "forewarm_memory_bytes", GAUGE, "kind", NONE,                                 \
      "Memory: used by resources, budget, wanted by what was asked for within an hour, host "      \
      "memory used by half warm ones.")                                                            \
    X(METRIC_DEVICE_MEMORY, "forewarm_device_memory_bytes", GAUGE, "device,kind", NONE,            \
      "Memory of each named device: used by resources, and budget.")                               \
    X(METRIC_OVERLOADED, "forewarm_overloaded", GAUGE, "", NONE,                                   \
      "1 while memory or loading is short: requests waited for a load or for room for 95 % of "    \
      "the last hour, and loads stood in a queue.")                                                \
    X(METRIC_HELD, "forewarm_held_requests", GAUGE, "", NONE,                                      \
      "Requests that wait for a resource now.")                                                    \
    X(METRIC_CONNECTIONS, "forewarm_connections", GAUGE, "plane", NONE,                            \
      "Open client connections.")                                                                  \
    X(METRIC_UPSTREAM_ERRORS, "forewarm_upstream_errors_total", COUNTER, "resource,error", NONE,   \
      "Requests that an upstream failed.")                                                         \
    X(METRIC_CLIENT_GONE, "forewarm_client_gone_total", COUNTER, "", NONE,                         \
      "Clients that left before their answer was complete.")                                       \
    X(METRIC_REFUSED, "forewarm_refused_total", COUNTER, "reason", NONE,                           \
      "Connections and requests to the data plane that were not taken: limits, TLS, tokens, "      \
      "signatures.")                                                                               \
    X(METRIC_EVENTS, "forewarm_engine_events_total", COUNTER, "", NONE,                            \
      "Events the engine has handled.")                                                            \
    X(METRIC_FLEET_CONNECTED, "forewarm_fleet_connected", GAUGE, "", NONE,                         \
      "1 while the Redis of the fleet answers; absent without one.")                               \
    X(METRIC_FLEET_ARRIVALS, "forewarm_fleet_arrivals_total", COUNTER, "way", NONE,                \
      "Arrivals told to other forewarms, heard from them, and dropped.")                           \
    X(METRIC_FLEET_LOADS, "forewarm_fleet_loads_total", COUNTER, "result", NONE,                   \
      "Loads of shared resources: lease granted, joined another's, lease lost, alone without "     \
      "Redis.")                                                                                    \
    X(METRIC_CALL_HINTS, "forewarm_call_hints_total", COUNTER, "outcome", NONE,                    \
      "Requests to upstreams that want call hints, by what became of them: injected, stripped of " \
      "the client's, unknown call, or why the request was left as it was.")                        \
    X(METRIC_RUNS, "forewarm_runs_total", COUNTER, "result", NONE,                                 \
      "Runs of agents: learned, known_again (sent twice), refused, dropped, too_long, crowded "    \
      "(ended because too many were open).")                                                       \
    X(METRIC_RUNS_OPEN, "forewarm_runs_open", GAUGE, "", NONE,                                     \
      "Runs of agents that go on now, as the proxy sees them.")                                    \
    X(METRIC_RUN_PATHS, "forewarm_run_paths", GAUGE, "", NONE,                                     \
      "Places in agents' call paths that are remembered.")                                         \
    X(METRIC_RUN_GUESSES, "forewarm_run_guesses_total", COUNTER, "", NONE,                         \
      "Next calls of running agents that the planner was told of.")                                \
    X(METRIC_PREFETCH_ISSUED, "forewarm_prefetch_issued_total", COUNTER, "", NONE,                 \
      "Pages that were fetched ahead.")                                                            \
    X(METRIC_PREFETCH_USED, "forewarm_prefetch_used_total", COUNTER, "", NONE,                     \
      "Pages fetched ahead that were there when they were asked for.")                             \
    X(METRIC_PREFETCH_LATE, "forewarm_prefetch_late_total", COUNTER, "", NONE,                     \
      "Pages that were asked for while they were being fetched ahead.")                            \
    X(METRIC_PREFETCH_UNUSED, "forewarm_prefetch_unused_total", COUNTER, "", NONE,                 \
      "Pages fetched ahead that nobody asked for in time, or that were not to be had or kept.")    \
    X(METRIC_PAGES, "forewarm_page_requests_total", COUNTER, "result", NONE,                       \
      "Requests for pages by where their answer came from.")                                       \
    X(METRIC_PAGE_CACHE, "forewarm_page_cache_bytes", GAUGE, "", NONE,                             \
      "Memory that kept pages take.")                                                              \
    X(METRIC_DEMAND_SERIES, "forewarm_demand_series", GAUGE, "", NONE,                             \
      "Resources whose requests are counted one by one.")                                          \
    X(METRIC_DEMAND_DROPPED, "forewarm_demand_dropped_total", COUNTER, "", NONE,                   \
      "Requests counted in the total alone: demand_resources was reached.")                        \
    X(METRIC_DEMAND_KEPT, "forewarm_demand_kept_timestamp_seconds", GAUGE, "", NONE,               \
      "Until when demand is in the store; absent with state: memory:.")                            \
    X(METRIC_FORECAST, "forewarm_forecast_requests", GAUGE, "resource,quantile", NONE,             \
      "Requests foretold for the hour under way; resource is empty for all together.")             \
    X(METRIC_FORECAST_AGE, "forewarm_forecast_age_seconds", GAUGE, "resource", NONE,               \
      "Since the forecast was made.")                                                              \
    X(METRIC_FORECAST_STALE, "forewarm_forecast_stale", GAUGE, "resource", NONE,                   \
      "1 while the forecast was not made anew in time, or the latest attempt failed.")             \
    X(METRIC_FORECAST_RATIO, "forewarm_forecast_mase_ratio", GAUGE, "resource", NONE,              \
      "Error of what was said a day ahead over that of the last week again, at the last "          \
      "validation; above 1 the latter was better.")                                                \
    X(METRIC_FORECAST_COVERAGE, "forewarm_forecast_coverage", GAUGE, "resource", NONE,             \
      "Share of hours between P5 and P95 at the last validation; .9 is right.")                    \
    X(METRIC_FORECASTS, "forewarm_forecasts_total", COUNTER, "work", NONE,                         \
      "Forecasts refreshed, models trained, validations, and what of these failed.")               \
    X(METRIC_ANOMALIES, "forewarm_anomalies_total", COUNTER, "", NONE,                             \
      "Anomalies of demand that opened.")                                                          \
    X(METRIC_ANOMALY, "forewarm_anomaly_open", GAUGE, "resource,class", NONE,                      \
      "1 while demand is not as usual; absent otherwise.")                                         \
    X(METRIC_SOURCE_AGE, "forewarm_demand_source_age_seconds", GAUGE, "resource", NONE,            \
      "Age of the newest demand that came from Prometheus.")                                       \
    X(METRIC_REPLICAS, "forewarm_replicas_wanted", GAUGE, "resource", NONE,                        \
      "Replicas that the resource needs within scale_lead_time, as /v1/scale says.")               \
    X(METRIC_ALERTS, "forewarm_alerts", GAUGE, "rule", NONE, "Alerts that are open.")              \
    X(METRIC_ALERT_NOTICES, "forewarm_alert_notices_total", COUNTER, "receiver,result", NONE,      \
      "Notices to receivers of alerts: sent, tried in vain, refused for good.")                    \
    X(METRIC_ALERTS_WAITING, "forewarm_alert_notices_waiting", GAUGE, "receiver", NONE,            \
      "Alerts that the receiver is still to be told something of.")                                \
    X(METRIC_ALERTS_DROPPED, "forewarm_alerts_dropped_total", COUNTER, "", NONE,                   \
      "Conditions for which there was no room among the alerts.")

enum metric_id {
#define X(id, name, type, labels, buckets, help) id,
    METRICS(X)
#undef X
        METRIC_COUNT
};

struct metric_row {
    const char *id, *name, *type, *labels, *buckets, *help;
};
extern const struct metric_row metric_rows[];
extern const size_t metric_row_count;

/* Values of the label that is not the resource. X(id, value) */
#define METRIC_LABELS_STATE(X)                                                                     \
    X(METRIC_WARM, "warm")                                                                         \
    X(METRIC_COLD, "cold")                                                                         \
    X(METRIC_FALLBACK, "fallback")
enum metric_request_state {
#define X(id, value) id,
    METRIC_LABELS_STATE(X)
#undef X
};
#define METRIC_LABELS_ERROR(X)                                                                     \
    X(METRIC_CONNECT, "connect")                                                                   \
    X(METRIC_BROKEN, "broken")                                                                     \
    X(METRIC_TIMEOUT, "timeout")
enum metric_upstream_error {
#define X(id, value) id,
    METRIC_LABELS_ERROR(X)
#undef X
};

/* All shards, and the threads' common door to them. One thread writes a shard; any thread may read
 * while it does. */
struct metrics;
struct metrics_shard;
FW_MUST_CHECK enum fw_err metrics_create(struct metrics **metrics);
void metrics_destroy(struct metrics **metrics);
/* A shard for the calling thread's use; lives as long as the metrics. NULL when memory is short. */
struct metrics_shard *metrics_shard(struct metrics *metrics);

/* Counters. `label`: a value of the enums above for "resource,state", "resource,error" and "code"
 * (status / 100 - 1); else 0. `resource`: the engine's number; else 0. Metrics in seconds count
 * nanoseconds. */
void metrics_add(struct metrics_shard *shard, enum metric_id metric, uint32_t resource,
                 unsigned label, uint64_t amount);
/* Histograms. SECONDS buckets take nanoseconds, WASTE buckets milliseconds. */
void metrics_observe(struct metrics_shard *shard, enum metric_id metric, int64_t value);
/* Gauges that go up and down in one thread ("" and "plane" labels: data); the sum over the shards
 * is shown. */
void metrics_move(struct metrics_shard *shard, enum metric_id metric, int64_t change);

/* What /metrics shows besides the shards. */
struct metrics_writer;
struct metrics_source {
    void *context;
    /* The id of a resource number, for the label; data NULL: the series is left out. */
    struct str (*resource)(void *context, uint32_t resource);
    /* Adds series of this metric through metrics_sample; called once a metric, whatever its type
     * but histograms. May be NULL. */
    void (*collect)(void *context, enum metric_id metric, struct metrics_writer *writer);
};
/* One sample; a value for each of the row's labels, in their order. */
void metrics_sample(struct metrics_writer *writer, const struct str *labels, size_t count,
                    double value);
void metrics_write(struct metrics *metrics, const struct metrics_source *source, struct buf *out);

#endif
