/* SPDX-License-Identifier: MIT */
#include "edge/warmers/vllm.h"
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/log.h"
#include "edge/warmers/ask.h"
#include <jansson.h>
#include <stdio.h>

#define KIND "vLLM"

enum vllm_answer vllm_ask(struct warmer *warmer, struct fw_detail *detail)
{
    struct ask_answer answer;
    enum fw_err err =
        ask(warmer, "GET", "/is_sleeping", NULL, ASK_TIMEOUT_NS, false, &answer, detail);
    const json_t *asleep = json_object_get(answer.json, "is_sleeping");
    enum vllm_answer said = VLLM_WRONG;
    if (err != FW_OK) {
        said = err == FW_TIMEOUT ? VLLM_SILENT : VLLM_AWAY;
    } else if (answer.status == 200 && json_is_boolean(asleep)) {
        said = json_is_true(asleep) ? VLLM_ASLEEP : VLLM_AWAKE;
    } else {
        (void)ask_failed(warmer, KIND, "GET /is_sleeping", &answer, detail);
        if (answer.status == 404 && ask_is(warmer, KIND))
            said = VLLM_SLEEPLESS;
    }
    ask_fini(&answer);
    return said;
}

/* A POST that is to be answered 200. */
static enum fw_err post(struct warmer *warmer, const char *path, const char *body,
                        struct fw_detail *detail)
{
    struct ask_answer answer;
    char asked[100];
    /* Not cancellable: what is half awake would keep its memory. */
    enum fw_err err = ask(warmer, "POST", path, body, warmer->config->warmer.start_timeout_ns,
                          false, &answer, detail);
    snprintf(asked, sizeof asked, "POST %s", path);
    if (err == FW_OK && answer.status != 200)
        err = ask_failed(warmer, KIND, asked, &answer, detail);
    ask_fini(&answer);
    return err;
}

/* Sum of a gauge over its labels; 0 when it is not told. */
static double gauge(struct str text, const char *name)
{
    struct str line;
    double sum = 0, value;
    while (str_cut(&text, '\n', &line)) {
        size_t blank = line.len;
        while (blank > 0 && line.data[blank - 1] != ' ')
            blank--;
        if (str_starts(line, str_of(name)) && blank > 0 &&
            str_to_double(str_trim((struct str){line.data + blank, line.len - blank}), &value))
            sum += value;
    }
    return sum;
}

static double count_running(struct warmer *warmer)
{
    struct ask_answer answer;
    struct fw_detail ignored = {{0}};
    double running = 0;
    if (ask(warmer, "GET", "/metrics", NULL, ASK_TIMEOUT_NS, false, &answer, &ignored) == FW_OK &&
        answer.status == 200)
        running = gauge(ask_text(&answer), "vllm:num_requests_running") +
                  gauge(ask_text(&answer), "vllm:num_requests_waiting");
    ask_fini(&answer);
    return running;
}

enum { SLEEP_BEGIN, SLEEP_DRAIN, SLEEP_WAIT };

/* FW_NO: others' requests still run. */
static enum fw_err drain(struct warmer *warmer, struct fw_detail *detail)
{
    double running = count_running(warmer);
    if (running > 0 && jobs_now_ns() < warmer->wait_by_ns)
        return err_set(detail, FW_NO, "waits for %d requests that run in it", (int)running);
    if (running > 0)
        log_warn("its requests did not end within stop_timeout: sleeping aborts them",
                 LOG_TEXT("resource", warmer->config->id), LOG_INT("requests", (int64_t)running));
    return FW_OK;
}

enum fw_err vllm_sleep(struct warmer *warmer, int depth, struct fw_detail *detail)
{
    char path[40];
    if (warmer->step == SLEEP_BEGIN) {
        warmer->wait_by_ns = time_add(jobs_now_ns(), warmer->config->warmer.stop_timeout_ns);
        warmer->step = SLEEP_DRAIN;
    }
    switch (vllm_ask(warmer, detail)) {
    case VLLM_ASLEEP:
        warmer->depth = warmer->step == SLEEP_WAIT ? depth : warmer->depth;
        warmer->step = 0;
        return FW_OK;
    case VLLM_AWAKE:
        break;
    case VLLM_SLEEPLESS:
        return err_set(detail, FW_UNSUPPORTED,
                       "vLLM at %s has no /is_sleeping: start it with VLLM_SERVER_DEV_MODE=1 and "
                       "--enable-sleep-mode",
                       ask_server(warmer)->text);
    case VLLM_SILENT:
        return FW_NO;
    case VLLM_AWAY:
        return FW_UNREACHABLE;
    case VLLM_WRONG:
        return FW_UPSTREAM;
    }
    if (warmer->step == SLEEP_DRAIN) {
        FW_TRY(drain(warmer, detail));
        snprintf(path, sizeof path, "/sleep?level=%d", depth);
        FW_TRY(post(warmer, path, NULL, detail));
        warmer->step = SLEEP_WAIT;
    }
    return FW_NO;
}

enum { WAKE_BEGIN, WAKE_RELOAD, WAKE_CACHE, WAKE_WAIT };

/* Level 2 dropped the weights: room for them, the weights, room for the cache. */
static enum fw_err wake_step(struct warmer *warmer, int depth, struct fw_detail *detail)
{
    switch (warmer->step) {
    case WAKE_BEGIN:
        FW_TRY(post(warmer, depth == 2 ? "/wake_up?tags=weights" : "/wake_up", NULL, detail));
        warmer->step = depth == 2 ? WAKE_RELOAD : WAKE_WAIT;
        return FW_NO;
    case WAKE_RELOAD:
        FW_TRY(post(warmer, "/collective_rpc", "{\"method\":\"reload_weights\"}", detail));
        warmer->step = WAKE_CACHE;
        return FW_NO;
    case WAKE_CACHE:
        FW_TRY(post(warmer, "/wake_up?tags=kv_cache", NULL, detail));
        warmer->step = WAKE_WAIT;
        return FW_NO;
    default:
        return FW_NO;
    }
}

enum fw_err vllm_wake(struct warmer *warmer, int depth, struct fw_detail *detail)
{
    bool begun = warmer->step != WAKE_BEGIN && warmer->step != WAKE_WAIT;
    switch (begun ? VLLM_ASLEEP : vllm_ask(warmer, detail)) {
    case VLLM_AWAKE:
    case VLLM_SLEEPLESS:
        warmer->step = warmer->depth = 0;
        return FW_OK;
    case VLLM_SILENT:
        return FW_NO;
    case VLLM_AWAY:
        return FW_UNREACHABLE;
    case VLLM_WRONG:
        return FW_UPSTREAM;
    case VLLM_ASLEEP:
        break;
    }
    return wake_step(warmer, depth, detail);
}
