/* SPDX-License-Identifier: MIT
 * The engine as bytes. Layout: magic, version, length and hash of what follows; then every part in
 * turn, written and read by the same functions. Read into a fresh engine; damage is found before
 * anything is believed. */
#include "core/state.h"
#include "base/check.h"
#include "core/coder.h"
#include <stdlib.h>

enum { SNAPSHOT_VERSION = 4, HEADER_LEN = 8 + 4 + 8 + 8 };
static const char magic[8] = {'f', 'o', 'r', 'e', 'w', 'a', 'r', 'm'};

static void code_settings(struct coder *coder, struct kept_settings *kept)
{
    struct resource_settings settings = kept_settings_wide(kept);
    uint32_t on_cold = (uint32_t)settings.on_cold;
    code_u64(coder, &settings.memory);
    code_u32(coder, &on_cold);
    code_i64(coder, &settings.hold_timeout_ns);
    code_i64(coder, &settings.load_time_ns);
    code_i64(coder, &settings.priority);
    code_i64(coder, &settings.span);
    code_u32(coder, &settings.devices);
    code_bool(coder, &settings.pin);
    code_bool(coder, &settings.has_fallback);
    if (on_cold > ON_COLD_SOONEST || settings.span < 1 || settings.span > DEVICES_MAX ||
        settings.devices > UINT16_MAX)
        coder_fail(coder);
    settings.on_cold = (int)on_cold;
    *kept = kept_settings_of(&settings);
}

static void code_loads(struct coder *coder, struct load_times *loads)
{
    uint32_t count = loads->count;
    for (int i = 0; i < LOADS_KEPT; i++)
        code_u32(coder, &loads->centiseconds[i]);
    code_u32(coder, &count);
    if (coder->in)
        load_times_restore(loads, count);
}

static void code_plan(struct coder *coder, struct plan_store *store)
{
    struct keep_plan plan = {.count = store->count, .cold_cost_ns = store->cold_cost_ns};
    uint8_t next = store->next;
    for (uint8_t i = 0; !coder->in && i < store->count; i++)
        plan.windows[i] = *plan_store_window(store, i);
    code_count(coder, &plan.count, PLAN_WINDOWS_MAX);
    code_u8(coder, &next);
    code_i64(coder, &plan.cold_cost_ns);
    for (uint32_t i = 0; i < plan.count; i++) {
        code_i64(coder, &plan.windows[i].start_ns);
        code_i64(coder, &plan.windows[i].end_ns);
    }
    if (!coder->in)
        return;
    if (coder_failed(coder) || plan_store_set(store, &plan) != FW_OK)
        coder_fail(coder);
    store->next = next;
}

static void code_hint(struct coder *coder, struct open_hint **open)
{
    struct open_hint hint = {.start_at_ns = TIME_NEVER, .expire_at_ns = TIME_NEVER};
    if (*open)
        hint = **open;
    code_i64(coder, &hint.start_at_ns);
    code_i64(coder, &hint.expire_at_ns);
    code_i64(coder, &hint.eta_ns);
    code_i64(coder, &hint.begin_at_ns);
    for (int i = 0; i < 4; i++)
        code_i64(coder, &hint.numbers[i]);
    code_u32(coder, &hint.source);
    code_u32(coder, &hint.probability_millionths);
    code_u32(coder, &hint.said_millionths);
    bool none = hint.start_at_ns == TIME_NEVER && hint.expire_at_ns == TIME_NEVER;
    if (!coder->in || coder_failed(coder) || none)
        return;
    *open = malloc(sizeof **open);
    if (*open)
        **open = hint;
    else
        coder_fail(coder);
}

static void code_accounts(struct coder *coder, struct tally *tally)
{
    struct accounts accounts = {0};
    uint64_t numbers[sizeof accounts / sizeof(uint64_t)];
    tally_add(tally, &accounts);
    memcpy(numbers, &accounts, sizeof numbers);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        code_u64(coder, &numbers[i]);
    memcpy(&accounts, numbers, sizeof numbers);
    if (coder->in && (coder_failed(coder) || tally_set(tally, &accounts) != FW_OK))
        coder_fail(coder);
}

static void code_daily(struct coder *coder, struct daily **daily)
{
    uint8_t present = *daily != NULL;
    code_u8(coder, &present);
    if (!present || coder_failed(coder))
        return;
    if (!coder->in) {
        daily_save(*daily, coder->out);
        return;
    }
    *daily = calloc(1, sizeof **daily);
    if (!*daily || !daily_load(*daily, coder->in))
        coder_fail(coder);
}

static void code_sizes(struct coder *coder, struct sizes **sizes)
{
    uint8_t present = *sizes != NULL;
    code_u8(coder, &present);
    if (!present || coder_failed(coder))
        return;
    if (coder->in)
        *sizes = calloc(1, sizeof **sizes);
    if (!*sizes) {
        coder_fail(coder);
        return;
    }
    for (int i = 0; i < SIZES_KEPT; i++)
        code_u64(coder, &(*sizes)->bytes[i]);
    code_u64(coder, &(*sizes)->largest);
    code_i64(coder, &(*sizes)->proven_at_ns);
    code_count(coder, &(*sizes)->latest, SIZES_KEPT - 1);
}

static void code_history(struct engine *engine, struct coder *coder)
{
    if (!coder->in)
        history_save(&engine->history, coder->out);
    else if (!coder->in->failed && !history_load(&engine->history, coder->in))
        coder_fail(coder);
}

static void code_resource(struct coder *coder, struct resource *resource)
{
    code_u8(coder, &resource->state);
    code_u8(coder, &resource->cause);
    code_bool(coder, &resource->configured);
    code_bool(coder, &resource->pinned);
    code_bool(coder, &resource->prewarm_open);
    code_bool(coder, &resource->dismissed);
    code_bool(coder, &resource->cancelling);
    code_u8(coder, &resource->failures);
    code_u16(coder, &resource->placed);
    code_u32(coder, &resource->in_use);
    code_u64(coder, &resource->attempt);
    code_i64(coder, &resource->state_since_ns);
    code_i64(coder, &resource->load_started_ns);
    code_i64(coder, &resource->idle_since_ns);
    code_i64(coder, &resource->warm_since_ns);
    code_i64(coder, &resource->proven_at_ns);
    code_i64(coder, &resource->protect_until_ns);
    code_i64(coder, &resource->cooldown_until_ns);
    code_i64(coder, &resource->retry_at_ns);
    code_i64(coder, &resource->last_request_ns);
    code_i64(coder, &resource->origin_ns);
    code_i64(coder, &resource->previous_gap_ns);
    code_float(coder, &resource->rate);
    code_plan(coder, &resource->plan);
    code_loads(coder, &resource->loads);
    code_settings(coder, &resource->settings);
    code_hint(coder, &resource->hint);
    code_daily(coder, &resource->daily);
    code_sizes(coder, &resource->sizes);
    code_accounts(coder, &resource->accounts);
    levels_code(coder, resource);
    if (resource->state >= RESOURCE_STATE_COUNT || resource->cause >= CAUSE_COUNT)
        coder_fail(coder);
}

static void code_resources(struct engine *engine, struct coder *coder)
{
    uint32_t count = engine->resource_count;
    code_count(coder, &count, (uint32_t)engine->settings.max_resources);
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        if (coder->in) {
            uint32_t number = 0;
            struct str id = buf_get_str(coder->in);
            if (coder->in->failed || engine_add_resource(engine, id, &number) != FW_OK ||
                number != i) {
                coder_fail(coder);
                return;
            }
        } else {
            buf_put_str(coder->out, table_key(&engine->ids, i));
        }
        code_resource(coder, &engine->resources[i]);
    }
}

/* A list through the resources, as numbers in order. */
static void code_list(struct engine *engine, struct coder *coder, uint32_t first,
                      size_t next_offset, void (*append)(struct engine *, uint32_t))
{
    uint32_t count = 0, number = first;
    for (uint32_t i = first; !coder->in && i != RESOURCE_NONE;
         i = *(const uint32_t *)((const char *)&engine->resources[i] + next_offset))
        count++;
    code_count(coder, &count, engine->resource_count);
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        code_u32(coder, &number);
        if (number >= engine->resource_count) {
            coder_fail(coder);
            return;
        }
        if (coder->in)
            append(engine, number);
        else
            number = *(const uint32_t *)((const char *)&engine->resources[number] + next_offset);
    }
}

static int compare_entries(const void *left, const void *right)
{
    const struct heap_entry *a = left, *b = right;
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

/* In firing order, so that setting them in turn restores the order among equals. */
static void code_timers(struct engine *engine, struct coder *coder)
{
    uint32_t count = engine->timers.count;
    struct heap_entry *entries = NULL;
    code_count(coder, &count, engine->resource_count * TIMERS);
    if (!coder->in && count > 0) {
        entries = malloc(count * sizeof *entries);
        if (!entries) {
            coder_fail(coder);
            return;
        }
        memcpy(entries, engine->timers.entries, count * sizeof *entries);
        qsort(entries, count, sizeof *entries, compare_entries);
    }
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        struct heap_entry entry = {0};
        if (entries)
            entry = entries[i];
        code_u32(coder, &entry.id);
        code_i64(coder, &entry.deadline_ns);
        if (coder->in && (entry.id >= engine->resource_count * TIMERS ||
                          heap_set(&engine->timers, entry.id, entry.deadline_ns) != FW_OK))
            coder_fail(coder);
    }
    free(entries);
}

static void code_held_one(struct coder *coder, struct held_request *held)
{
    code_u64(coder, &held->request);
    code_i64(coder, &held->at_ns);
    code_u32(coder, &held->resource);
}

/* Each resource's list in turn, oldest first. */
static void code_held(struct engine *engine, struct coder *coder)
{
    uint32_t count = engine->hold.used;
    code_count(coder, &count, engine->hold.max);
    for (uint32_t i = 0; !coder->in && i < engine->resource_count; i++)
        for (uint32_t at = engine->resources[i].held_first; at != RESOURCE_NONE;
             at = engine->hold.entries[at].next)
            code_held_one(coder, &engine->hold.entries[at]);
    for (uint32_t i = 0; coder->in && i < count && !coder_failed(coder); i++) {
        struct held_request held = {0};
        code_held_one(coder, &held);
        if (held.resource >= engine->resource_count ||
            hold_find(&engine->hold, held.request, &(uint32_t){0}) ||
            hold_add(&engine->hold, &engine->resources[held.resource], held.resource, held.request,
                     held.at_ns) != FW_OK)
            coder_fail(coder);
    }
}

static void code_sources(struct engine *engine, struct coder *coder)
{
    uint32_t count = engine->source_count;
    code_count(coder, &count, SOURCES_MAX);
    if (coder->in && count > 0) {
        engine->sources = calloc(count, sizeof *engine->sources);
        if (!engine->sources) {
            coder_fail(coder);
            return;
        }
        engine->source_count = count;
    }
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        code_float(coder, &engine->sources[i].used);
        code_float(coder, &engine->sources[i].settled);
        code_float(coder, &engine->sources[i].earned);
        code_u64(coder, &engine->sources[i].used_ever);
        code_u64(coder, &engine->sources[i].settled_ever);
    }
}

static void code_decisions(struct engine *engine, struct coder *coder)
{
    code_u64(coder, &engine->decision_count);
    uint32_t count =
        engine->decision_count < DECISIONS_KEPT ? (uint32_t)engine->decision_count : DECISIONS_KEPT;
    for (uint32_t i = 0; i < count && !coder_failed(coder); i++) {
        uint64_t number = engine->decision_count - count + 1 + i;
        struct logged_decision *logged = &engine->decisions[number % DECISIONS_KEPT];
        code_i64(coder, &logged->action.at_ns);
        code_u32(coder, &logged->action.kind);
        code_u32(coder, &logged->action.resource);
        code_u64(coder, &logged->action.request);
        code_u64(coder, &logged->action.attempt);
        code_u32(coder, &logged->action.reason);
        code_u32(coder, &logged->action.cause);
        code_u32(coder, &logged->action.status);
        code_u32(coder, &logged->action.devices);
        for (int j = 0; j < 4; j++)
            code_i64(coder, &logged->action.numbers[j]);
        code_u64(coder, &logged->previous);
        if (logged->action.resource >= engine->resource_count || logged->previous >= number) {
            coder_fail(coder);
            return;
        }
        engine->resources[logged->action.resource].latest_decision = number;
    }
}

static void append_occupied(struct engine *engine, uint32_t number)
{
    room_occupy(engine, number);
}

static void append_queued(struct engine *engine, uint32_t number)
{
    room_enqueue(engine, number);
}

static void code_ahead(struct engine *engine, struct coder *coder)
{
    uint8_t present = engine->values != NULL;
    code_i64(coder, &engine->ahead_at_ns);
    code_i64(coder, &engine->latest_request_ns);
    code_count(coder, &engine->hinted_count, HINTED_KEPT);
    for (uint32_t i = 0; i < engine->hinted_count; i++) {
        struct hinted *hinted = &engine->hinted[i];
        uint32_t reason = hinted->foretold.reason;
        code_u32(coder, &hinted->resource);
        code_u32(coder, &reason);
        for (int j = 0; j < 4; j++)
            code_i64(coder, &hinted->foretold.numbers[j]);
        hinted->foretold.reason = (enum reason)reason;
        if (hinted->resource >= engine->resource_count || reason >= REASON_COUNT)
            coder_fail(coder);
    }
    code_u8(coder, &present);
    if (!present || coder_failed(coder))
        return;
    if (!coder->in)
        values_save(engine->values, coder->out);
    else if (!ahead_load(engine, coder->in))
        coder_fail(coder);
}

static void code_engine(struct engine *engine, struct coder *coder)
{
    code_i64(coder, &engine->now_ns);
    code_u64(coder, &engine->attempts);
    code_u64(coder, &engine->action_count);
    code_u64(coder, &engine->decision_hash);
    code_resources(engine, coder);
    restraint_code_all(engine, coder);
    code_history(engine, coder);
    code_list(engine, coder, engine->occupied_first, offsetof(struct resource, occupied_next),
              append_occupied);
    code_list(engine, coder, engine->queue_first, offsetof(struct resource, queue_next),
              append_queued);
    code_list(engine, coder, engine->recent_first, offsetof(struct resource, recent_next),
              ahead_append_recent);
    code_ahead(engine, coder);
    load_law_code(&engine->load_law, coder);
    levels_code_all(engine, coder);
    dwell_code(engine, coder);
    pressure_code(engine, coder);
    code_timers(engine, coder);
    code_held(engine, coder);
    foretold_code(engine, coder);
    code_sources(engine, coder);
    expected_code(engine, coder);
    code_decisions(engine, coder);
}

enum fw_err engine_save(const struct engine *engine, struct buf *out)
{
    struct coder coder = {.out = out};
    size_t start = out->len;
    buf_add(out, magic, sizeof magic);
    buf_put_u32(out, SNAPSHOT_VERSION);
    buf_put_u64(out, 0); /* length and hash: known at the end */
    buf_put_u64(out, 0);
    buf_put_str(out, str_of(engine->settings.policy));
    code_engine((struct engine *)engine, &coder); /* writing changes nothing */
    engine->policy->ops->save(engine->policy, out);
    if (out->failed)
        return FW_NOMEM;
    struct buf header;
    buf_init(&header, HEADER_LEN);
    const char *body = out->data + start + HEADER_LEN;
    size_t len = out->len - start - HEADER_LEN;
    buf_put_u64(&header, len);
    buf_put_u64(&header, str_hash(body, len, SNAPSHOT_VERSION));
    if (!header.failed)
        memcpy(out->data + start + 12, header.data, header.len);
    enum fw_err err = header.failed ? FW_NOMEM : FW_OK;
    buf_fini(&header);
    return err;
}

static enum fw_err check_header(const void *data, size_t len, struct fw_detail *detail)
{
    struct buf_reader in = {.data = data, .len = len, .at = sizeof magic};
    if (len < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
        return err_set(detail, FW_FOREIGN, "this is not a snapshot of forewarm");
    uint32_t version = buf_get_u32(&in);
    uint64_t body_len = buf_get_u64(&in), hash = buf_get_u64(&in);
    if (!in.failed && version > SNAPSHOT_VERSION)
        return err_set(detail, FW_VERSION,
                       "the snapshot has version %u; this forewarm reads versions up to %d",
                       version, SNAPSHOT_VERSION);
    if (in.failed || version < SNAPSHOT_VERSION || body_len != len - HEADER_LEN)
        return err_set(detail, FW_CORRUPT, "the snapshot is cut short or has bytes too many");
    if (str_hash((const char *)data + HEADER_LEN, len - HEADER_LEN, SNAPSHOT_VERSION) != hash)
        return err_set(detail, FW_CORRUPT, "the snapshot's checksum does not match its content");
    return FW_OK;
}

enum fw_err engine_load(struct engine *engine, const void *data, size_t len,
                        struct fw_detail *detail)
{
    CHECK(engine->resource_count == 0);
    FW_TRY(check_header(data, len, detail));
    struct buf_reader in = {.data = data, .len = len, .at = HEADER_LEN};
    struct coder coder = {.in = &in};
    struct str policy = buf_get_str(&in);
    /* Another policy cannot use what this one learned; everything else it can. */
    bool same_policy = !in.failed && str_equal(policy, str_of(engine->settings.policy));
    code_engine(engine, &coder);
    if (!in.failed && same_policy && !engine->policy->ops->load(engine->policy, &in))
        in.failed = true;
    if (!in.failed && same_policy && in.at != in.len)
        in.failed = true;
    if (!in.failed && snapshot_is_consistent(engine))
        return FW_OK;
    return err_set(detail, FW_CORRUPT, "the snapshot contradicts itself near byte %zu", in.at);
}

void engine_forget_world(struct engine *engine, int64_t now_ns)
{
    struct heap timers;
    heap_init(&timers);
    if (now_ns > engine->now_ns)
        engine->now_ns = now_ns;
    heap_fini(&engine->timers);
    engine->timers = timers;
    for (uint32_t i = 0; i < engine->resource_count; i++) {
        struct resource *resource = &engine->resources[i];
        while (resource->held > 0) {
            (void)hold_take(&engine->hold, resource);
            resource->accounts.cancelled++;
        }
        if (resource->prewarm_open) {
            resource->prewarm_open = false;
            resource->accounts.prewarm_cancelled++;
        }
        room_forget(engine, i);
        if (resource_occupies(resource))
            room_vacate(engine, i);
        if (resource->level > 0)
            rest_leave(engine, i);
        if (resource->levels) {
            resource->levels->held_bytes = resource->levels->promised_bytes = 0;
            resource->levels->half_since_ns = -1;
            resource->levels->wanted = false;
        }
        resource->level = resource->aim = 0;
        resource->state = RESOURCE_COLD;
        resource->state_since_ns = engine->now_ns;
        resource->configured = resource->pinned = false;
        resource->in_use = 0;
        resource->failures = 0;
        resource->protect_until_ns = 0;
        resource->idle_since_ns = resource->warm_since_ns = resource->load_started_ns = -1;
        free(resource->hint);
        resource->hint = NULL;
        resource->cancelling = false;
    }
    restraint_forget_world(engine);
    engine->loads_running = 0;
    engine->host_used = engine->host_promised = 0;
    engine->rest_gathered = false;
    place_forget(engine);
    engine->hinted_count = 0;
    dwell_forget_world(engine);
}
