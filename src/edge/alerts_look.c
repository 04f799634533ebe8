/* SPDX-License-Identifier: MIT
 * The conditions that the daemon finds in its own books, looked at every few seconds: what the
 * brain knows is copied on its thread, the rest is done on a job thread. */
#include "base/table.h"
#include "base/time.h"
#include "edge/alerts_part.h"
#include "edge/log.h"
#include <stdio.h>
#include <stdlib.h>

enum { REQUESTS_MIN = 20 };

struct facts {
    struct alerts *alerts;
    struct accounts totals;
    struct engine_pressure pressure;
    double waiting_most; /* threshold of memory_pressure */
    int64_t now_ns;
};

/* ---- on the brain thread ---- */

static void look_at_resource(struct facts *facts, struct brain *brain,
                             const struct config_resource *config)
{
    struct alerts *alerts = facts->alerts;
    const struct engine *engine = brain_engine(brain);
    struct resource_view view;
    char words[ALERT_WORDS_MAX];
    uint32_t resource = brain_find(brain, str_of(config->id));
    if (resource == TABLE_NONE || !brain_site(brain, resource))
        return;
    engine_view(engine, resource, facts->now_ns, &view);
    uint32_t failures = engine_breaker(engine, resource);
    if (failures > 0) {
        (void)snprintf(words, sizeof words,
                       "%.200s: %u warm-ups in a row failed; one at a time is tried",
                       config->upstream.text, failures);
        alert_book_set(&alerts->book, ALERT_BREAKER, str_of(config->upstream.text), true, words,
                       facts->now_ns);
    }
    if (view.state != RESOURCE_FAILED)
        return;
    (void)snprintf(words, sizeof words, "%.200s: its warm-up failed (%llu so far)", config->id,
                   (unsigned long long)view.accounts.warmups_failed);
    alert_book_set(&alerts->book, ALERT_FAILED, str_of(config->id), true, words, facts->now_ns);
}

static const char *subject_of(const char *id)
{
    return id[0] ? id : "all";
}

/* Forecasts that cannot be relied on, and anomalies that no plan explains. */
static void look_at_demand(struct facts *facts, struct brain *brain)
{
    struct alert_book *book = &facts->alerts->book;
    const struct foresight *foresight = brain_foresight(brain);
    const struct anomaly_record *anomaly;
    struct foresight_view view;
    char words[ALERT_WORDS_MAX], age[TIME_TEXT_MAX];
    alert_book_unset(book, ALERT_ANOMALY);
    alert_book_unset(book, ALERT_FORECAST);
    for (size_t i = 0; (anomaly = foresight_anomaly(foresight, i)) != NULL; i++) {
        if (!anomaly->open || anomaly->planned)
            continue;
        (void)snprintf(words, sizeof words, "demand of %.150s is not as usual (%.60s): %.150s",
                       subject_of(anomaly->resource), anomaly->class_name, anomaly->reason);
        alert_book_set(book, ALERT_ANOMALY, str_of(subject_of(anomaly->resource)), true, words,
                       facts->now_ns);
    }
    for (uint32_t i = 0; foresight_see(foresight, i, &view); i++) {
        if (!view.foretold || !foresight_is_stale(view.forecast, facts->now_ns))
            continue;
        (void)snprintf(words, sizeof words, "the forecast of %.150s is %s old%s%.150s",
                       subject_of(view.id),
                       time_format_human(facts->now_ns - view.forecast->made_ns, age),
                       view.forecast->reason[0] ? ": " : "", view.forecast->reason);
        alert_book_set(book, ALERT_FORECAST, str_of(subject_of(view.id)), true, words,
                       facts->now_ns);
    }
}

/* Failed is only what it says until it tries again; the alert is over when a warm-up succeeded, or
 * the resource is not configured any more. */
static void end_failures(struct facts *facts, struct brain *brain)
{
    struct alert_book *book = &facts->alerts->book;
    struct resource_view view;
    for (uint32_t i = 0; i < book->count; i++) {
        struct alert *alert = &book->alerts[i];
        if (alert->rule != ALERT_FAILED || !alert->held)
            continue;
        uint32_t resource = brain_find(brain, str_of(alert->subject));
        const struct site *site = resource == TABLE_NONE ? NULL : brain_site(brain, resource);
        alert->held = site && site->configured;
        if (!alert->held)
            continue;
        engine_view(brain_engine(brain), resource, facts->now_ns, &view);
        alert->held = view.state != RESOURCE_WARM && view.state != RESOURCE_HALF;
    }
}

static void look_at_brain(struct brain *brain, void *context)
{
    struct facts *facts = context;
    const struct config *config = brain_config(brain);
    facts->now_ns = brain_now_ns(brain);
    engine_totals(brain_engine(brain), facts->now_ns, &facts->totals);
    engine_pressure(brain_engine(brain), facts->now_ns, &facts->pressure);
    pthread_mutex_lock(&facts->alerts->lock);
    alert_book_unset(&facts->alerts->book, ALERT_BREAKER);
    end_failures(facts, brain);
    look_at_demand(facts, brain);
    for (uint32_t i = 0; i < config->resource_count; i++)
        look_at_resource(facts, brain, &config->resources[i]);
    pthread_mutex_unlock(&facts->alerts->lock);
}

/* ---- on the job thread ---- */

/* What came since an hour ago, as far as it is known. */
static struct alert_minute last_hour(struct alerts *alerts, const struct facts *facts)
{
    struct alert_minute now = {facts->now_ns, facts->totals.requests, facts->totals.cold_requests};
    uint32_t newest = (alerts->minute_next + ALERT_MINUTES - 1) % ALERT_MINUTES;
    if (alerts->minute_count == 0 || now.at_ns - alerts->minutes[newest].at_ns >= TIME_MINUTE) {
        alerts->minutes[alerts->minute_next] = now;
        alerts->minute_next = (alerts->minute_next + 1) % ALERT_MINUTES;
        alerts->minute_count += alerts->minute_count < ALERT_MINUTES;
    }
    struct alert_minute sum = {0};
    for (uint32_t i = 0; i < alerts->minute_count; i++) {
        const struct alert_minute *then = &alerts->minutes[i];
        uint64_t requests = now.requests - then->requests;
        if (now.at_ns - then->at_ns > TIME_HOUR + TIME_MINUTE || now.requests < then->requests ||
            now.cold < then->cold || requests < sum.requests)
            continue;
        sum = (struct alert_minute){then->at_ns, requests, now.cold - then->cold};
    }
    return sum;
}

static void look_at_totals(struct alerts *alerts, const struct facts *facts)
{
    const struct config_rule *rules = alerts->config->alerts.rules;
    struct alert_minute hour = last_hour(alerts, facts);
    char words[ALERT_WORDS_MAX];
    bool cold = hour.requests >= REQUESTS_MIN &&
                (double)hour.cold > rules[ALERT_COLD].threshold * (double)hour.requests;
    (void)snprintf(words, sizeof words,
                   "%llu of the last hour's %llu requests met a resource that was not warm",
                   (unsigned long long)hour.cold, (unsigned long long)hour.requests);
    alert_book_set(&alerts->book, ALERT_COLD, STR("requests"), cold, words, facts->now_ns);
    bool memory = facts->pressure.waiting > rules[ALERT_MEMORY].threshold;
    (void)snprintf(
        words, sizeof words,
        "loads stood in a queue for %d %% of the last hour; %llu MiB of memory are short",
        (int)(facts->pressure.waiting * 100 + 0.5),
        (unsigned long long)(facts->pressure.short_bytes >> 20));
    alert_book_set(&alerts->book, ALERT_MEMORY, STR("memory"), memory, words, facts->now_ns);
}

static void log_changes(const struct alerts *alerts, int64_t now_ns)
{
    for (uint32_t i = 0; i < alerts->book.count; i++) {
        const struct alert *alert = &alerts->book.alerts[i];
        const char *rule = alert_rule_rows[alert->rule].name;
        if (alert->open_ns == now_ns)
            log_warn("alert", LOG_TEXT("rule", rule), LOG_TEXT("subject", alert->subject),
                     LOG_TEXT("what", alert->words));
        if (alert->over_ns == now_ns)
            log_info("alert is over", LOG_TEXT("rule", rule), LOG_TEXT("subject", alert->subject),
                     LOG_SECONDS("after_s", alert->over_ns - alert->open_ns));
    }
}

void alerts_look(struct job *job)
{
    struct alerts *alerts = (struct alerts *)(void *)((char *)job - offsetof(struct alerts, look));
    struct facts facts = {.alerts = alerts};
    if (!brain_call_and_wait(alerts->brain, look_at_brain, &facts))
        return; /* it has stopped, and so does this */
    int64_t now_ns = jobs_wall_ns();
    pthread_mutex_lock(&alerts->lock);
    look_at_totals(alerts, &facts);
    bool changed = alert_book_sweep(&alerts->book, alerts->config->alerts.rules, now_ns);
    if (changed) {
        log_changes(alerts, now_ns);
        alerts->unsaved = true;
        pthread_cond_broadcast(&alerts->wake);
    }
    int64_t every_ns = alerts->config->alerts.every_ns;
    pthread_mutex_unlock(&alerts->lock);
    jobs_submit(alerts->jobs, &alerts->look, every_ns);
}
