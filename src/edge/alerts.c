/* SPDX-License-Identifier: MIT */
#include "edge/alerts.h"
#include "base/check.h"
#include "base/time.h"
#include "edge/alerts_part.h"
#include "edge/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KIND "alerts"

/* ---- keeping ---- */

static void names_of(const struct config *config, const char *names[ALERT_RECEIVERS_MAX])
{
    for (uint32_t i = 0; i < config->alerts.receiver_count; i++)
        names[i] = config->alerts.receivers[i].name;
}

void alerts_save(struct alerts *alerts)
{
    const char *names[ALERT_RECEIVERS_MAX];
    struct buf text;
    struct fw_detail detail = {""};
    pthread_mutex_lock(&alerts->save_lock);
    buf_init(&text, ALERT_FILE_MAX);
    pthread_mutex_lock(&alerts->lock);
    bool unsaved = alerts->unsaved;
    alerts->unsaved = false;
    if (unsaved) {
        names_of(alerts->config, names);
        alert_book_save(&alerts->book, names, &text);
    }
    pthread_mutex_unlock(&alerts->lock);
    const struct store_part part = {alerts->instance, buf_str(&text)};
    if (unsaved && (text.failed || alerts->store->ops->put_parts(alerts->store, KIND, &part, 1,
                                                                 &detail) != FW_OK)) {
        log_warn("alerts could not be kept: a restart may tell some of them twice",
                 LOG_TEXT("error", detail.text));
        pthread_mutex_lock(&alerts->lock);
        alerts->unsaved = true;
        alerts->save_not_before_ns = time_add(jobs_now_ns(), TIME_SECOND);
        pthread_mutex_unlock(&alerts->lock);
    }
    buf_fini(&text);
    pthread_mutex_unlock(&alerts->save_lock);
}

static void take_part(void *context, const char *name, struct str data)
{
    struct alerts *alerts = context;
    struct fw_detail detail = {""};
    const char *names[ALERT_RECEIVERS_MAX];
    if (strcmp(name, alerts->instance) != 0)
        return; /* another forewarm's, over the same Redis */
    names_of(alerts->config, names);
    if (alert_book_load(&alerts->book, names, data, &detail) != FW_OK)
        log_warn("what was kept of alerts cannot be read: some may be told twice",
                 LOG_TEXT("error", detail.text));
    /* Who found the others says again whether they hold; a failed warm-up is not found twice. */
    for (int i = 0; i < ALERT_RULE_COUNT; i++)
        if (i != ALERT_FAILED)
            alert_book_unset(&alerts->book, (enum alert_rule)i);
}

/* ---- life ---- */

static void name_instance(struct alerts *alerts, const struct config *config)
{
    char host[65] = "";
    const char *colon = strrchr(config->listen, ':');
    (void)gethostname(host, sizeof host - 1);
    if (config->alerts.instance[0])
        (void)snprintf(alerts->instance, sizeof alerts->instance, "%.90s", config->alerts.instance);
    else if (config->node[0])
        (void)snprintf(alerts->instance, sizeof alerts->instance, "%.90s", config->node);
    else
        (void)snprintf(alerts->instance, sizeof alerts->instance, "%.64s:%.20s", host,
                       colon ? colon + 1 : "");
}

static void make_locks(struct alerts *alerts)
{
    pthread_condattr_t attributes;
    CHECK(pthread_mutex_init(&alerts->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&alerts->save_lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&alerts->wake, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

enum fw_err alerts_create(struct alerts **out, struct config *config, struct store *store)
{
    struct alerts *alerts = calloc(1, sizeof *alerts);
    *out = alerts;
    if (!alerts)
        return FW_NOMEM;
    make_locks(alerts);
    alerts->store = store;
    alerts->config = config_retain(config);
    alerts->look.run = alerts_look;
    name_instance(alerts, config);
    FW_TRY(alert_book_init(&alerts->book, config->alerts.receiver_count));
    struct fw_detail why = {""};
    if (store->ops->get_parts(store, KIND, take_part, alerts, &why) != FW_OK)
        log_warn("what was kept of alerts cannot be read: some may be told twice",
                 LOG_TEXT("error", why.text));
    return FW_OK;
}

enum fw_err alerts_start(struct alerts *alerts, struct brain *brain, struct jobs *jobs,
                         struct fw_detail *detail)
{
    alerts->brain = brain;
    alerts->jobs = jobs;
    jobs_submit(jobs, &alerts->look, 0);
    return alerts_begin_sending(alerts, detail);
}

/* Where each of the new receivers was before. */
static void match(const struct config_alerts *before, const struct config_alerts *after,
                  uint32_t from[ALERT_RECEIVERS_MAX])
{
    for (uint32_t i = 0; i < after->receiver_count; i++) {
        from[i] = ALERT_RECEIVER_NEW;
        for (uint32_t j = 0; j < before->receiver_count; j++)
            if (strcmp(after->receivers[i].name, before->receivers[j].name) == 0)
                from[i] = j;
    }
}

static bool is_same(const struct config_receiver *a, const struct config_receiver *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
           strcmp(a->url.text, b->url.text) == 0 && strcmp(a->url_file, b->url_file) == 0 &&
           strcmp(a->key_file, b->key_file) == 0 && strcmp(a->token_file, b->token_file) == 0 &&
           strcmp(a->ca_file, b->ca_file) == 0;
}

static bool are_same(const struct config_alerts *a, const struct config_alerts *b)
{
    bool same = a->receiver_count == b->receiver_count;
    for (uint32_t i = 0; same && i < a->receiver_count; i++)
        same = is_same(&a->receivers[i], &b->receivers[i]);
    return same;
}

/* The receivers stay what they are, and so do the calls that are under way. */
static bool take_rules(struct alerts *alerts, struct config *config)
{
    pthread_mutex_lock(&alerts->lock);
    struct config *before = alerts->config;
    bool same = are_same(&before->alerts, &config->alerts);
    if (same)
        alerts->config = config_retain(config);
    pthread_mutex_unlock(&alerts->lock);
    if (same)
        config_free(&before);
    return same;
}

void alerts_reload(struct alerts *alerts, struct config *config)
{
    uint32_t from[ALERT_RECEIVERS_MAX];
    uint64_t outcomes[ALERT_RECEIVERS_MAX][ALERT_OUTCOME_COUNT] = {{0}};
    struct fw_detail detail = {""};
    if (take_rules(alerts, config))
        return;
    alerts_end_sending(alerts);
    pthread_mutex_lock(&alerts->lock);
    struct config *before = alerts->config;
    alerts->receiver_count = 0; /* until they are there again */
    match(&before->alerts, &config->alerts, from);
    for (uint32_t i = 0; i < config->alerts.receiver_count; i++)
        if (from[i] != ALERT_RECEIVER_NEW)
            memcpy(outcomes[i], alerts->receivers[from[i]].outcomes, sizeof outcomes[i]);
    alert_book_receivers(&alerts->book, from, config->alerts.receiver_count);
    for (uint32_t i = 0; i < ALERT_RECEIVERS_MAX; i++) {
        alerts->receivers[i] = (struct alert_receiver){0};
        memcpy(alerts->receivers[i].outcomes, outcomes[i], sizeof outcomes[i]);
    }
    alerts->config = config_retain(config);
    alerts->unsaved = true;
    pthread_mutex_unlock(&alerts->lock);
    config_free(&before);
    alerts_save(alerts);
    if (alerts_begin_sending(alerts, &detail) != FW_OK)
        log_error("not every receiver of alerts could be started", LOG_TEXT("error", detail.text));
}

void alerts_stop(struct alerts *alerts)
{
    if (!alerts)
        return;
    alerts_end_sending(alerts);
    alerts_save(alerts);
}

void alerts_destroy(struct alerts **out)
{
    struct alerts *alerts = *out;
    if (!alerts)
        return;
    alert_book_fini(&alerts->book);
    config_free(&alerts->config);
    pthread_cond_destroy(&alerts->wake);
    pthread_mutex_destroy(&alerts->lock);
    pthread_mutex_destroy(&alerts->save_lock);
    free(alerts);
    *out = NULL;
}

/* ---- what others say ---- */

void alerts_set(struct alerts *alerts, enum alert_rule rule, struct str subject, bool holds,
                const char *words)
{
    pthread_mutex_lock(&alerts->lock);
    alert_book_set(&alerts->book, rule, subject, holds, words, jobs_wall_ns());
    pthread_mutex_unlock(&alerts->lock);
}

void alerts_note(struct alerts *alerts, enum alert_rule rule, struct str subject, const char *words)
{
    pthread_mutex_lock(&alerts->lock);
    alert_book_note(&alerts->book, rule, subject, words, jobs_wall_ns());
    pthread_mutex_unlock(&alerts->lock);
}
