/* SPDX-License-Identifier: MIT
 * Resources as they stand, what is expected of them, and operators' wishes. */
#include "base/time.h"
#include "edge/prefixes.h"
#include "edge/control_part.h"
#include "plan/policies.h"
#include <stdlib.h>

enum { NEXT_SHOWN = 10 };

/* ---- small things ---- */

enum fw_err control_resolve(struct brain *brain, struct call *call, const char *name)
{
    const struct config *config = brain_config(brain);
    const char *id = name;
    for (uint32_t i = 0; i < config->resource_count; i++)
        for (uint32_t j = 0; j < config->resources[i].alias_count; j++)
            if (strcmp(config->resources[i].aliases[j], name) == 0)
                id = config->resources[i].id;
    call->resource = brain_find(brain, str_of(id));
    const struct site *site = brain_site(brain, call->resource);
    if (!site || !site->configured)
        return err_set(&call->detail, FW_NOT_FOUND,
                       "there is no resource \"%.200s\"; GET /v1/resources lists them", name);
    return FW_OK;
}

void control_write_time(struct json *json, const char *key, int64_t at_ns)
{
    char text[TIME_TEXT_MAX];
    json_key_text(json, key,
                  at_ns <= 0 || at_ns == TIME_NEVER ? NULL : time_format_iso(at_ns, text));
}

static void write_seconds(struct json *json, const char *key, int64_t ns)
{
    json_key(json, key);
    if (ns < 0 || ns == TIME_NEVER)
        json_null(json);
    else
        json_fixed(json, time_to_seconds(ns), 3);
}

static void write_bytes(struct json *json, const char *key, uint64_t bytes)
{
    json_key(json, key);
    if (bytes == UINT64_MAX)
        json_null(json);
    else
        json_uint(json, bytes);
}

/* ---- one resource ---- */

static void write_accounts(struct json *json, const struct accounts *accounts)
{
    json_key(json, "accounts");
    json_object(json);
    json_key_uint(json, "requests", accounts->requests);
    json_key_uint(json, "cold_requests", accounts->cold_requests);
    json_key_uint(json, "held", accounts->held);
    json_key_uint(json, "released", accounts->released);
    json_key_uint(json, "refused", accounts->refused);
    json_key_uint(json, "fallbacks", accounts->fallbacks);
    json_key_uint(json, "cancelled", accounts->cancelled);
    write_seconds(json, "wait_s", accounts->wait_ns);
    json_key(json, "warmups");
    json_object(json);
    for (uint32_t cause = CAUSE_REQUEST; cause < CAUSE_COUNT; cause++)
        json_key_uint(json, cause_name(cause), accounts->warmups[cause]);
    json_object_end(json);
    json_key_uint(json, "warmups_ok", accounts->warmups_ok);
    json_key_uint(json, "warmups_failed", accounts->warmups_failed);
    json_key_uint(json, "warmups_cancelled", accounts->warmups_cancelled);
    json_key_uint(json, "prewarm_issued", accounts->prewarm_issued);
    json_key_uint(json, "prewarm_hit", accounts->prewarm_hit);
    json_key_uint(json, "prewarm_expired", accounts->prewarm_expired);
    write_seconds(json, "prewarm_wasted_s", accounts->prewarm_wasted_ns);
    json_key_uint(json, "unloads", accounts->unloads);
    json_key_uint(json, "evictions", accounts->evictions);
    json_key_uint(json, "lost", accounts->lost);
    json_key_uint(json, "doubted", accounts->doubted);
    write_seconds(json, "warm_s", accounts->warm_ns);
    write_seconds(json, "idle_s", accounts->idle_ns);
    write_seconds(json, "load_s", accounts->load_ns);
    write_seconds(json, "regret_s", accounts->regret_ns);
    json_object_end(json);
}

/* What became of prompts read again; null where none are kept. */
static void write_prefill(struct json *json, const struct site *site)
{
    struct prefixes *prefixes = atomic_load(&site->slot->prefixes);
    struct prefix_counts counts;
    json_key(json, "prefill");
    if (!prefixes) {
        json_null(json);
        return;
    }
    prefixes_count(prefixes, &counts);
    json_object(json);
    json_key_uint(json, "sessions", counts.sessions);
    json_key_uint(json, "bytes", counts.bytes);
    json_key_uint(json, "issued", counts.issued);
    json_key_uint(json, "open", counts.open);
    for (int i = 0; i < PREFIX_RESULT_COUNT; i++)
        json_key_uint(json, prefix_result_name(i), counts.results[i]);
    write_seconds(json, "spent_s", counts.spent_ns);
    json_object_end(json);
}

static void write_prediction(struct json *json, const struct resource_view *view)
{
    json_key_double(json, "rate_per_s", view->rate_per_s);
    json_key_fixed(json, "probability_10min", view->probability_10min, 4);
    json_key_fixed(json, "session_probability", view->session_probability, 4);
    control_write_time(json, "next_request_at", view->next_request_ns);
    control_write_time(json, "warm_at", view->warm_at_ns);
    control_write_time(json, "unload_at", view->unload_at_ns);
}

static void write_factors(struct json *json, const char *key, const double *factors, size_t count)
{
    json_key(json, key);
    json_array(json);
    for (size_t i = 0; i < count; i++)
        json_fixed(json, factors[i], 3);
    json_array_end(json);
}

/* When it is asked for: what the rolling history and the day's and week's shape say. */
static void write_past(struct json *json, const struct resource_view *view)
{
    json_key(json, "past");
    json_object(json);
    json_key_uint(json, "remembered", view->remembered);
    if (view->median_gap_ns >= 0)
        write_seconds(json, "median_gap_s", view->median_gap_ns);
    else {
        json_key(json, "median_gap_s");
        json_null(json);
    }
    write_factors(json, "hour_factor", view->hour_factor, 24);
    write_factors(json, "weekday_factor", view->weekday_factor, 7);
    json_object_end(json);
}

static void write_aliases(struct json *json, const struct config_resource *config)
{
    json_key(json, "aliases");
    json_array(json);
    for (uint32_t i = 0; i < config->alias_count; i++)
        json_text(json, config->aliases[i]);
    json_array_end(json);
}

void control_write_devices(struct brain *brain, uint32_t mask, struct json *json)
{
    struct engine_device devices[DEVICES_MAX];
    uint32_t count = engine_devices(brain_engine(brain), devices);
    json_array(json);
    for (uint32_t i = 0; i < count; i++)
        if (mask >> i & 1)
            json_text(json, devices[i].name);
    json_array_end(json);
}

static void write_resource(struct brain *brain, uint32_t resource, struct json *json)
{
    struct resource_view view;
    struct site *site = brain_site(brain, resource);
    struct site_progress progress;
    engine_view(brain_engine(brain), resource, brain_now_ns(brain), &view);
    site_progress(site, view.expected_load_ns, &progress);
    json_object(json);
    json_key_text(json, "id", site->id);
    write_aliases(json, site->config);
    json_key_text(json, "state", resource_state_name(view.state));
    control_write_levels(json, site, &view);
    control_write_time(json, "since", view.state_since_ns);
    json_key_bool(json, "pinned", view.pinned);
    json_key_bool(json, "prewarmed", view.prewarmed);
    json_key_bool(json, "queued", view.queued);
    json_key_uint(json, "in_use", view.in_use);
    json_key_uint(json, "held", view.held);
    json_key_uint(json, "memory_bytes", view.memory);
    json_key(json, "devices");
    control_write_devices(brain, view.devices, json);
    json_key_text(json, "warmer", warmer_find((enum warmer_kind)site->config->warmer.kind)->name);
    json_key_text(json, "note", progress.note.text[0] ? progress.note.text : NULL);
    control_write_fleet(json, site);
    write_prefill(json, site);
    write_seconds(json, "load_expected_s", view.expected_load_ns);
    write_seconds(json, "load_p90_s", view.load_p90_ns);
    write_seconds(json, "probe_warm_s", progress.warm_probe_ns);
    control_write_time(json, "last_request_at", view.last_request_ns);
    control_write_time(json, "retry_at", view.state == RESOURCE_FAILED ? view.retry_at_ns : 0);
    control_write_time(json, "cooldown_until",
                       view.cooldown_until_ns > brain_now_ns(brain) ? view.cooldown_until_ns : 0);
    json_key(json, "warmup");
    json_object(json);
    control_write_progress(brain, resource, json);
    json_object_end(json);
    json_key(json, "prediction");
    json_object(json);
    write_prediction(json, &view);
    json_object_end(json);
    write_past(json, &view);
    write_accounts(json, &view.accounts);
    json_object_end(json);
}

/* Whether memory and loaders suffice; a person should read it as a sentence. */
static void write_pressure(struct brain *brain, struct json *json)
{
    struct engine_pressure pressure;
    engine_pressure(brain_engine(brain), brain_now_ns(brain), &pressure);
    json_key_uint(json, "wanted_bytes", pressure.wanted_bytes);
    json_key_uint(json, "short_bytes", pressure.short_bytes);
    json_key_fixed(json, "loading_share", pressure.loading, 4);
    json_key_fixed(json, "waiting_share", pressure.waiting, 4);
    json_key_bool(json, "overloaded", pressure.overloaded);
    json_key_fixed(json, "behind_s", time_to_seconds(pressure.behind_ns), 3);
}

static void write_devices(struct brain *brain, struct json *json)
{
    struct engine_device devices[DEVICES_MAX];
    uint32_t count = engine_devices(brain_engine(brain), devices);
    json_array(json);
    for (uint32_t i = 0; i < count; i++) {
        json_object(json);
        json_key_text(json, "name", devices[i].name);
        json_key_uint(json, "used_bytes", devices[i].used_bytes);
        json_key_uint(json, "budget_bytes", devices[i].budget_bytes);
        json_key_uint(json, "loads_running", devices[i].loads_running);
        json_object_end(json);
    }
    json_array_end(json);
}

bool control_list(struct brain *brain, struct call *call)
{
    struct json json;
    struct accounts totals;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key(&json, "resources");
    json_array(&json);
    for (uint32_t i = 0; i < engine_resource_count(brain_engine(brain)); i++)
        if (brain_site(brain, i) && brain_site(brain, i)->configured)
            write_resource(brain, i, &json);
    json_array_end(&json);
    json_key(&json, "memory");
    json_object(&json);
    json_key_uint(&json, "used_bytes", engine_memory_used(brain_engine(brain)));
    json_key_uint(&json, "host_used_bytes", engine_host_memory_used(brain_engine(brain)));
    write_bytes(&json, "host_budget_bytes", brain_config(brain)->engine.host_memory);
    write_bytes(&json, "budget_bytes", engine_memory_budget(brain_engine(brain)));
    json_key(&json, "devices");
    write_devices(brain, &json);
    write_pressure(brain, &json);
    json_object_end(&json);
    json_key_text(&json, "policy", brain_config(brain)->engine.policy);
    engine_totals(brain_engine(brain), brain_now_ns(brain), &totals);
    write_accounts(&json, &totals);
    control_write_pages(call->control, &json);
    json_object_end(&json);
    return true;
}

bool control_show(struct brain *brain, struct call *call)
{
    struct json json;
    call->err = control_resolve(brain, call, call->id);
    if (call->err == FW_OK) {
        json_init(&json, &call->out, false);
        write_resource(brain, call->resource, &json);
    }
    return true;
}

/* ---- wishes ---- */

static bool wish(struct brain *brain, struct call *call, uint32_t kind, uint32_t flags)
{
    struct json json;
    struct resource_view view;
    call->err = control_resolve(brain, call, call->id);
    if (call->err != FW_OK)
        return true;
    const struct event event = {.kind = kind, .resource = call->resource, .flags = flags};
    brain_step(brain, &event);
    engine_view(brain_engine(brain), call->resource, brain_now_ns(brain), &view);
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "resource", brain_site(brain, call->resource)->id);
    json_key_text(&json, "state", resource_state_name(view.state));
    json_key_bool(&json, "pinned", view.pinned);
    json_key_bool(&json, "queued", view.queued);
    json_object_end(&json);
    call->status = 202;
    return true;
}

bool control_warm(struct brain *brain, struct call *call)
{
    return wish(brain, call, EVENT_WARM, EVENT_IGNORE_COOLDOWN);
}

bool control_unload(struct brain *brain, struct call *call)
{
    return wish(brain, call, EVENT_UNLOAD, 0);
}

/* A pin that could never be kept says so at once, rather than wait for good. */
static enum fw_err check_pin(struct brain *brain, struct call *call)
{
    const struct engine *engine = brain_engine(brain);
    uint64_t pinned, budget = engine_memory_budget(engine);
    struct resource_view view;
    char need[STR_NUMBER_MAX], taken[STR_NUMBER_MAX], have[STR_NUMBER_MAX];
    FW_TRY(control_resolve(brain, call, call->id));
    enum fw_err err = engine_check_pin(engine, call->resource, &pinned);
    if (err != FW_LIMIT)
        return err;
    engine_view(engine, call->resource, brain_now_ns(brain), &view);
    bool alone = engine_can_hold(engine, call->resource);
    bool together = budget == UINT64_MAX || pinned + view.memory <= budget;
    return err_set(&call->detail, FW_IN_USE,
                   "it cannot be pinned: it needs %s%s, the pinned resources have %s of %s%s",
                   str_from_size(view.memory, need),
                   alone ? "" : ", more than it finds on its devices", str_from_size(pinned, taken),
                   str_from_size(budget, have),
                   alone && together ? ", and they find no place side by side on the devices" : "");
}

bool control_pin(struct brain *brain, struct call *call)
{
    call->err = check_pin(brain, call);
    if (call->err != FW_OK)
        return true;
    return wish(brain, call, EVENT_PIN, 0);
}

bool control_unpin(struct brain *brain, struct call *call)
{
    return wish(brain, call, EVENT_UNPIN, 0);
}

/* ---- what is expected ---- */

struct ranked {
    uint32_t resource;
    struct resource_view view;
};

static int by_probability(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->view.probability_10min > y->view.probability_10min)
        return -1;
    if (x->view.probability_10min < y->view.probability_10min)
        return 1;
    return x->resource < y->resource ? -1 : 1;
}

bool control_predictions(struct brain *brain, struct call *call)
{
    uint32_t all = engine_resource_count(brain_engine(brain)), count = 0;
    struct ranked *ranked = calloc(all + 1, sizeof *ranked);
    struct json json;
    if (!ranked) {
        call->err = FW_NOMEM;
        return true;
    }
    int64_t now_ns = brain_now_ns(brain);
    for (uint32_t i = 0; i < all; i++)
        if (brain_site(brain, i) && brain_site(brain, i)->configured) {
            ranked[count].resource = i;
            engine_view(brain_engine(brain), i, now_ns, &ranked[count++].view);
        }
    qsort(ranked, count, sizeof *ranked, by_probability);
    json_init(&json, &call->out, false);
    json_object(&json);
    control_write_time(&json, "now", now_ns);
    json_key(&json, "predictions");
    json_array(&json);
    for (uint32_t i = 0; i < count; i++) {
        json_object(&json);
        json_key_text(&json, "resource", brain_site(brain, ranked[i].resource)->id);
        json_key_text(&json, "state", resource_state_name(ranked[i].view.state));
        write_prediction(&json, &ranked[i].view);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    free(ranked);
    return true;
}

bool control_next(struct brain *brain, struct call *call)
{
    struct next_resource next[NEXT_SHOWN];
    struct json json;
    if (call->query[0] == 0) {
        call->err = err_set(&call->detail, FW_INPUT, "session: missing, expected ?session=NAME");
        return true;
    }
    uint64_t session = str_hash(call->query, strlen(call->query), 0);
    size_t count = engine_next(brain_engine(brain), session != 0 ? session : 1, next, NEXT_SHOWN);
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "session", call->query);
    json_key(&json, "next");
    json_array(&json);
    for (size_t i = 0; i < count; i++) {
        json_object(&json);
        json_key_str(&json, "resource", engine_resource_id(brain_engine(brain), next[i].resource));
        json_key_fixed(&json, "probability", next[i].probability, 4);
        json_key_fixed(&json, "delay_s", next[i].delay_s, 3);
        json_key_fixed(&json, "delay_p90_s", next[i].delay_p90_s, 3);
        json_object_end(&json);
    }
    json_array_end(&json);
    control_write_next_pages(call->control, session != 0 ? session : 1, &json);
    json_object_end(&json);
    return true;
}
