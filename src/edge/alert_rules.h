/* SPDX-License-Identifier: MIT
 * What alerts: a table of rules. Each watches one condition of one subject (a resource, a server,
 * the whole daemon); an alert opens when it has held for `for`, and is over when it has not held
 * for `resolve_after`. The thresholds and times are the defaults of the configuration
 * (`alerts: {rules: {NAME: ...}}`). */
#ifndef FOREWARM_EDGE_ALERT_RULES_H
#define FOREWARM_EDGE_ALERT_RULES_H

/* X(severity, name): PagerDuty's four; Alertmanager's label. */
#define ALERT_SEVERITIES(X)                                                                        \
    X(ALERT_CRITICAL, "critical")                                                                  \
    X(ALERT_ERROR, "error")                                                                        \
    X(ALERT_WARNING, "warning")                                                                    \
    X(ALERT_INFO, "info")
enum alert_severity {
#define X(severity, name) severity,
    ALERT_SEVERITIES(X)
#undef X
        ALERT_SEVERITY_COUNT
};
extern const char *const alert_severity_names[]; /* ends with NULL */

/* X(rule, name, Alertmanager's alertname, severity, threshold, for, resolve_after, sentence).
 * threshold "": the rule has none. */
#define ALERT_RULES(X)                                                                             \
    X(ALERT_BREAKER, "breaker_open", "ForewarmBreakerOpen", ALERT_CRITICAL, "", "0s", "0s",        \
      "Warm-ups of several resources of one server failed in a row, and no more are tried but "    \
      "one at a time.")                                                                            \
    X(ALERT_FAILED, "warmup_failed", "ForewarmWarmupFailed", ALERT_ERROR, "", "0s", "0s",          \
      "A resource's warm-up failed, and none has succeeded since.")                                \
    X(ALERT_MEMORY, "memory_pressure", "ForewarmMemoryPressure", ALERT_WARNING, "0.5", "5m", "5m", \
      "Loads stood in a queue for room or a loader for more than this share of the last hour.")    \
    X(ALERT_COLD, "cold_starts", "ForewarmColdStarts", ALERT_WARNING, "0.2", "5m", "10m",          \
      "More than this share of the last hour's requests, of 20 at least, met a resource that was " \
      "not warm.")                                                                                 \
    X(ALERT_ANOMALY, "anomaly", "ForewarmDemandAnomaly", ALERT_WARNING, "", "0s", "0s",            \
      "Demand does what it never did: an anomaly that is not a planned event.")                    \
    X(ALERT_FORECAST, "forecast_stale", "ForewarmForecastStale", ALERT_WARNING, "", "1h", "0s",    \
      "The demand forecast could not be made anew; the last good one is used.")                    \
    X(ALERT_SOURCE, "source_stale", "ForewarmSourceStale", ALERT_WARNING, "", "15m", "0s",         \
      "The Prometheus that demand is read from does not answer, or its newest value is old.")
enum alert_rule {
#define X(rule, name, alertname, severity, threshold, hold, resolve, sentence) rule,
    ALERT_RULES(X)
#undef X
        ALERT_RULE_COUNT
};

struct alert_rule_row {
    const char *name, *alertname;
    enum alert_severity severity;
    const char *threshold, *hold, *resolve; /* as the configuration would write them */
    const char *sentence;
};
extern const struct alert_rule_row alert_rule_rows[ALERT_RULE_COUNT];

/* X(kind, name, sentence): who is told. */
#define ALERT_KINDS(X)                                                                             \
    X(ALERT_ALERTMANAGER, "alertmanager", "Prometheus Alertmanager, POST /api/v2/alerts")          \
    X(ALERT_SLACK, "slack", "a Slack incoming webhook")                                            \
    X(ALERT_PAGERDUTY, "pagerduty", "PagerDuty Events API v2")                                     \
    X(ALERT_WEBHOOK, "webhook", "any server that takes our JSON")
enum alert_kind {
#define X(kind, name, sentence) kind,
    ALERT_KINDS(X)
#undef X
        ALERT_KIND_COUNT
};
extern const char *const alert_kind_names[]; /* ends with NULL */

#endif
