/* SPDX-License-Identifier: MIT
 * Telling receivers: a thread each, so that one that is slow or away keeps nobody waiting. */
#include "base/time.h"
#include "edge/alert_text.h"
#include "edge/alerts_part.h"
#include "edge/call.h"
#include "edge/log.h"
#include "edge/secret.h"
#include <stdio.h>
#include <stdlib.h>

/* An Alertmanager takes an alert for over that it was not told of for so many repetitions. */
enum { REPEATS_KEPT = 4, BODY_MAX = 4 << 20, ADDRESS_MAX = 2048 };

/* What is to be said next, copied out from under the lock. */
struct notice {
    struct alert *alerts; /* ALERTS_MAX of them */
    uint32_t count;
    enum alert_stage stage;
    bool repeats;
    char link[OPTION_TEXT_MAX];
    int64_t timeout_ns, repeat_ns;
};

/* ---- one call ---- */

static enum fw_err find_address(const struct config_receiver *receiver, struct buf *address,
                                struct fw_detail *detail)
{
    static const char *const paths[] = {
        [ALERT_ALERTMANAGER] = "/api/v2/alerts",
        [ALERT_SLACK] = "",
        [ALERT_PAGERDUTY] = "/v2/enqueue",
        [ALERT_WEBHOOK] = "",
    };
    struct secret secret = {.len = 0};
    struct config_url url = receiver->url;
    const struct config_call call = {.url = "/"};
    if (receiver->url_file[0]) {
        FW_TRY(secret_read(&secret, "url_file", receiver->url_file, detail));
        bool ok = config_parse_url((struct str){secret.bytes, secret.len}, &url);
        secret_wipe(&secret, sizeof secret);
        if (!ok)
            return err_set(detail, FW_INPUT, "url_file: \"%s\": expected an address in it",
                           receiver->url_file);
    }
    call_address(&call, &url, address);
    if (!address->failed && address->len > 0) /* without the slash of the path */
        address->data[--address->len] = '\0';
    buf_add_text(address, paths[receiver->kind]);
    if (url.prefix[0] == '\0' && paths[receiver->kind][0] == '\0')
        buf_add_char(address, '/');
    return address->failed ? FW_NOMEM : FW_OK;
}

/* The address may be a secret: it goes into no message. */
static void hide(const char *address, const struct config_receiver *receiver,
                 struct fw_detail *detail)
{
    char *found = strstr(detail->text, address);
    if (!receiver->url_file[0] || !found)
        return;
    char rest[sizeof detail->text];
    (void)snprintf(rest, sizeof rest, "%s", found + strlen(address));
    (void)snprintf(found, sizeof detail->text - (size_t)(found - detail->text),
                   "the address of url_file%s", rest);
}

/* FW_OK: it took it. FW_INPUT: it says that it never will. Else it is worth another try, not
 * before `wait_ns`. */
static enum fw_err judge(const struct call_result *result, int64_t *wait_ns,
                         struct fw_detail *detail)
{
    char found[CALL_EXCERPT_MAX];
    struct str after;
    uint64_t seconds;
    if (result->status >= 200 && result->status < 300)
        return FW_OK;
    if (call_header(result, "Retry-After", &after) && str_to_uint64(after, &seconds) &&
        seconds <= 86400)
        *wait_ns = (int64_t)seconds * TIME_SECOND;
    bool final = result->status >= 400 && result->status < 500 && result->status != 408 &&
                 result->status != 425 && result->status != 429 && result->status != 401 &&
                 result->status != 403 && result->status != 404;
    return err_set(detail, final ? FW_INPUT : FW_UPSTREAM, "it answered %ld \"%s\"", result->status,
                   call_excerpt(buf_str(&result->body), found));
}

static enum fw_err send_body(const struct alert_receiver *receiver, const char *address,
                             const char *token, const struct notice *notice, const struct buf *body,
                             int64_t *wait_ns, struct fw_detail *detail)
{
    struct call_result result = {0};
    const struct call_request request = {.method = "POST",
                                         .address = address,
                                         .body = body->data,
                                         .body_bytes = body->len,
                                         .token = token,
                                         .ca_file = receiver->config.ca_file,
                                         .timeout_ns = notice->timeout_ns};
    enum fw_err err = call_send(&request, &receiver->alerts->stopping, &result, detail);
    if (err == FW_OK)
        err = judge(&result, wait_ns, detail);
    hide(address, &receiver->config, detail);
    call_result_fini(&result);
    return err;
}

static enum fw_err write_and_send(const struct alert_receiver *receiver,
                                  const struct notice *notice, const char *address,
                                  const char *token, const char *key, int64_t *wait_ns,
                                  struct fw_detail *detail)
{
    struct buf body;
    const struct alert_letter letter = {
        .kind = (enum alert_kind)receiver->config.kind,
        .alerts = notice->alerts,
        .count = notice->count,
        .stage = notice->stage,
        .instance = receiver->alerts->instance,
        .link = notice->link,
        .routing_key = key,
        .until_ns = time_add(jobs_wall_ns(), REPEATS_KEPT * notice->repeat_ns),
    };
    buf_init(&body, BODY_MAX);
    alert_text_write(&letter, &body);
    enum fw_err err = body.failed
                          ? FW_NOMEM
                          : send_body(receiver, address, token, notice, &body, wait_ns, detail);
    if (body.data)
        secret_wipe(body.data, body.len);
    buf_fini(&body);
    return err;
}

static enum fw_err call_receiver(const struct alert_receiver *receiver, const struct notice *notice,
                                 int64_t *wait_ns, struct fw_detail *detail)
{
    const struct config_receiver *config = &receiver->config;
    struct secret token = {.len = 0}, key = {.len = 0};
    struct buf address;
    enum fw_err err = FW_OK;
    buf_init(&address, ADDRESS_MAX);
    if (config->token_file[0])
        err = secret_read(&token, "token_file", config->token_file, detail);
    if (err == FW_OK && config->key_file[0])
        err = secret_read(&key, "key_file", config->key_file, detail);
    if (err == FW_OK)
        err = find_address(config, &address, detail);
    /* A file may be put right; an answer that it never will is what FW_INPUT means to the caller.
     */
    if (err != FW_OK)
        err = FW_IO;
    else
        err = write_and_send(receiver, notice, address.data, token.len > 0 ? token.bytes : NULL,
                             key.bytes, wait_ns, detail);
    if (address.data)
        secret_wipe(address.data, address.len);
    buf_fini(&address);
    secret_wipe(&token, sizeof token);
    secret_wipe(&key, sizeof key);
    return err;
}

/* ---- what is next, under the lock ---- */

static bool repeats(const struct alert_receiver *receiver)
{
    return receiver->config.kind == ALERT_ALERTMANAGER;
}

/* All that the receiver believes to be open. */
static void take_open(const struct alerts *alerts, uint32_t receiver, struct notice *notice)
{
    notice->count = 0;
    notice->stage = ALERT_TOLD_OPEN;
    notice->repeats = true;
    for (uint32_t i = 0; i < alerts->book.count; i++) {
        const struct alert *alert = &alerts->book.alerts[i];
        if (alert->told[receiver] == ALERT_TOLD_OPEN && !alert->over_ns)
            notice->alerts[notice->count++] = *alert;
    }
}

static bool take_notice(struct alert_receiver *receiver, struct notice *notice)
{
    const struct alerts *alerts = receiver->alerts;
    const struct config_alerts *config = &alerts->config->alerts;
    const struct alert *due = alert_book_due(&alerts->book, receiver->number, &notice->stage);
    notice->timeout_ns = config->timeout_ns;
    notice->repeat_ns = config->repeat_ns;
    (void)snprintf(notice->link, sizeof notice->link, "%s", config->link);
    notice->repeats = false;
    notice->count = due ? 1 : 0;
    if (due)
        notice->alerts[0] = *due;
    else if (repeats(receiver) && jobs_now_ns() >= receiver->repeat_at_ns)
        take_open(alerts, receiver->number, notice);
    if (notice->repeats)
        receiver->repeat_at_ns = time_add(jobs_now_ns(), config->repeat_ns);
    return notice->count > 0;
}

static void wait_until(struct alerts *alerts, int64_t at_ns)
{
    const struct timespec until = {.tv_sec = at_ns / TIME_SECOND, .tv_nsec = at_ns % TIME_SECOND};
    if (at_ns == TIME_NEVER)
        pthread_cond_wait(&alerts->wake, &alerts->lock);
    else
        pthread_cond_timedwait(&alerts->wake, &alerts->lock, &until);
}

static void note_failure(struct alert_receiver *receiver, int64_t wait_ns,
                         const struct fw_detail *detail)
{
    const struct config_alerts *config = &receiver->alerts->config->alerts;
    int64_t pause_ns = config->retry_ns;
    for (uint32_t i = 0; i < receiver->failures && pause_ns < config->retry_most_ns; i++)
        pause_ns *= 2;
    if (pause_ns > config->retry_most_ns)
        pause_ns = config->retry_most_ns;
    if (pause_ns < wait_ns)
        pause_ns = wait_ns;
    if (receiver->failures++ == 0)
        log_warn("a receiver of alerts does not take them; it is tried again",
                 LOG_TEXT("receiver", receiver->config.name), LOG_TEXT("error", detail->text));
    (void)snprintf(receiver->said, sizeof receiver->said, "%.250s", detail->text);
    receiver->outcomes[ALERT_RETRIED]++;
    receiver->not_before_ns = time_add(jobs_now_ns(), pause_ns);
}

static void note_answer(struct alert_receiver *receiver, const struct notice *notice,
                        enum fw_err err, const struct fw_detail *detail)
{
    struct alerts *alerts = receiver->alerts;
    if (receiver->failures > 0)
        log_info("a receiver of alerts takes them again",
                 LOG_TEXT("receiver", receiver->config.name),
                 LOG_INT("failures", receiver->failures));
    receiver->failures = 0;
    receiver->not_before_ns = 0;
    receiver->said[0] = '\0';
    if (err != FW_OK) {
        log_error("a receiver of alerts refused one for good",
                  LOG_TEXT("receiver", receiver->config.name), LOG_TEXT("error", detail->text));
        (void)snprintf(receiver->said, sizeof receiver->said, "%.250s", detail->text);
    }
    if (notice->repeats)
        return;
    receiver->outcomes[err == FW_OK ? ALERT_SENT : ALERT_REFUSED]++;
    alert_book_told(&alerts->book, notice->alerts[0].number, receiver->number, notice->stage);
    alerts->unsaved = true;
    if (repeats(receiver) && receiver->repeat_at_ns < jobs_now_ns())
        receiver->repeat_at_ns = time_add(jobs_now_ns(), notice->repeat_ns);
}

/* With the lock held; it is free while the receiver is called. */
static void tell(struct alert_receiver *receiver, struct notice *notice)
{
    struct alerts *alerts = receiver->alerts;
    struct fw_detail detail = {""};
    int64_t wait_ns = 0;
    pthread_mutex_unlock(&alerts->lock);
    enum fw_err err = call_receiver(receiver, notice, &wait_ns, &detail);
    pthread_mutex_lock(&alerts->lock);
    if (err == FW_CANCELLED)
        return;
    if (err != FW_OK && err != FW_INPUT) {
        note_failure(receiver, wait_ns, &detail);
        return;
    }
    note_answer(receiver, notice, err, &detail);
}

static void *work(void *context)
{
    struct alert_receiver *receiver = context;
    struct alerts *alerts = receiver->alerts;
    struct notice notice = {.alerts = calloc(ALERTS_MAX, sizeof *notice.alerts)};
    pthread_mutex_lock(&alerts->lock);
    while (!atomic_load(&alerts->stopping) && notice.alerts) {
        if (alerts->unsaved && jobs_now_ns() >= alerts->save_not_before_ns) {
            /* What happened is kept before anybody is told of it. */
            pthread_mutex_unlock(&alerts->lock);
            alerts_save(alerts);
            pthread_mutex_lock(&alerts->lock);
        } else if (jobs_now_ns() < receiver->not_before_ns)
            wait_until(alerts, receiver->not_before_ns);
        else if (take_notice(receiver, &notice))
            tell(receiver, &notice);
        else
            wait_until(alerts, repeats(receiver) ? receiver->repeat_at_ns : TIME_NEVER);
    }
    pthread_mutex_unlock(&alerts->lock);
    free(notice.alerts);
    return NULL;
}

/* ---- life ---- */

enum fw_err alerts_begin_sending(struct alerts *alerts, struct fw_detail *detail)
{
    enum fw_err err = FW_OK;
    pthread_mutex_lock(&alerts->lock);
    atomic_store(&alerts->stopping, false);
    alerts->receiver_count = alerts->config->alerts.receiver_count;
    for (uint32_t i = 0; i < alerts->receiver_count; i++) {
        struct alert_receiver *receiver = &alerts->receivers[i];
        receiver->alerts = alerts;
        receiver->config = alerts->config->alerts.receivers[i];
        receiver->number = i;
    }
    for (uint32_t i = 0; i < alerts->receiver_count; i++) {
        struct alert_receiver *receiver = &alerts->receivers[i];
        int error = pthread_create(&receiver->thread, NULL, work, receiver);
        receiver->running = error == 0;
        if (error != 0)
            err = err_set(detail, FW_IO, "a thread for alerts could not be started: %s",
                          strerror(error));
    }
    pthread_mutex_unlock(&alerts->lock);
    return err;
}

void alerts_end_sending(struct alerts *alerts)
{
    pthread_mutex_lock(&alerts->lock);
    atomic_store(&alerts->stopping, true);
    pthread_cond_broadcast(&alerts->wake);
    pthread_mutex_unlock(&alerts->lock);
    for (uint32_t i = 0; i < ALERT_RECEIVERS_MAX; i++) {
        if (alerts->receivers[i].running)
            pthread_join(alerts->receivers[i].thread, NULL);
        alerts->receivers[i].running = false;
    }
}
