/* SPDX-License-Identifier: MIT
 * GET /v1/live: the state of everything as server-sent events, for dashboards. At the start a row
 * for each resource; then rows that changed, at once when a state did and else once a second, with
 * the accounts. However many resources there are, a second looks at a bounded number of them: the
 * brain has other things to do. */
#include "base/time.h"
#include "edge/control_part.h"
#include <stdlib.h>

enum {
    LIVE_ROWS = 250, /* looked at in a second, and in one event */
    LIVE_NOTE_MAX = 4 << 20,
    LIVE_TIMES = 8
};

struct live {
    uint64_t *told; /* by resource: hash of the latest row */
    uint32_t count, capacity, configured, next;
    struct buf row;
};

/* How far ahead the chances of a row look. */
static const int64_t times_ns[LIVE_TIMES] = {15 * TIME_SECOND, 30 * TIME_SECOND, TIME_MINUTE,
                                             2 * TIME_MINUTE,  5 * TIME_MINUTE,  10 * TIME_MINUTE,
                                             20 * TIME_MINUTE, TIME_HOUR};

static void key_ms(struct json *json, const char *key, int64_t at_ns)
{
    json_key(json, key);
    if (at_ns <= 0 || at_ns == TIME_NEVER)
        json_null(json);
    else
        json_int(json, at_ns / TIME_MILLISECOND);
}

/* P(a request by then), and by when. */
static void write_ahead(struct brain *brain, uint32_t resource, const struct resource_view *view,
                        struct json *json)
{
    key_ms(json, "next_ms", view->next_request_ns);
    key_ms(json, "warm_at_ms", view->warm_at_ns);
    key_ms(json, "unload_at_ms", view->unload_at_ns);
    json_key_fixed(json, "session_p", view->session_probability, 2);
    json_key(json, "chances");
    json_array(json);
    for (int i = 0; i < LIVE_TIMES; i++)
        json_fixed(
            json,
            engine_probability(brain_engine(brain), resource, brain_now_ns(brain), times_ns[i]), 2);
    json_array_end(json);
}

static void write_counts(const struct resource_view *view, struct json *json)
{
    const struct accounts *accounts = &view->accounts;
    json_key_uint(json, "in_use", view->in_use);
    json_key_uint(json, "held", view->held);
    json_key_uint(json, "requests", accounts->requests);
    json_key_uint(json, "cold", accounts->cold_requests);
    json_key_uint(json, "hits", accounts->prewarm_hit);
    json_key_uint(json, "unused", accounts->prewarm_expired);
    json_key_fixed(json, "wait_s", time_to_seconds(accounts->wait_ns), 1);
    json_key_uint(json, "memory", view->memory);
}

static void write_row(struct brain *brain, uint32_t resource, struct json *json)
{
    struct resource_view view;
    const struct site *site = brain_site(brain, resource);
    engine_view(brain_engine(brain), resource, brain_now_ns(brain), &view);
    json_object(json);
    json_key_text(json, "id", site->id);
    json_key_text(json, "state", resource_state_name(view.state));
    key_ms(json, "since_ms", view.state_since_ns);
    key_ms(json, "last_ms", view.last_request_ns);
    json_key_bool(json, "pinned", view.pinned);
    json_key_bool(json, "queued", view.queued);
    json_key_bool(json, "prewarmed", view.prewarmed);
    json_key_fixed(json, "load_s", time_to_seconds(view.expected_load_ns), 1);
    write_counts(&view, json);
    write_ahead(brain, resource, &view, json);
    control_write_progress(brain, resource, json);
    json_object_end(json);
}

static void write_totals(struct brain *brain, struct json *json)
{
    struct accounts all;
    const struct engine *engine = brain_engine(brain);
    uint64_t budget = engine_memory_budget(engine);
    engine_totals(engine, brain_now_ns(brain), &all);
    json_key(json, "totals");
    json_object(json);
    json_key_uint(json, "requests", all.requests);
    json_key_uint(json, "cold", all.cold_requests);
    json_key_fixed(json, "wait_s", time_to_seconds(all.wait_ns), 3);
    json_key_uint(json, "ahead", all.prewarm_issued);
    json_key_uint(json, "hits", all.prewarm_hit);
    json_key_uint(json, "unused", all.prewarm_expired);
    json_key_fixed(json, "wasted_s", time_to_seconds(all.prewarm_wasted_ns), 3);
    json_key_fixed(json, "regret_s", time_to_seconds(all.regret_ns), 3);
    json_key_fixed(json, "warm_s", time_to_seconds(all.warm_ns), 1);
    json_key_fixed(json, "idle_s", time_to_seconds(all.idle_ns), 1);
    json_key_fixed(json, "load_s", time_to_seconds(all.load_ns), 1);
    json_key_uint(json, "used_bytes", engine_memory_used(engine));
    json_key(json, "budget_bytes");
    if (budget == UINT64_MAX)
        json_null(json);
    else
        json_uint(json, budget);
    json_object_end(json);
    json_key_text(json, "policy", brain_config(brain)->engine.policy);
}

/* ---- what was told ---- */

static bool grow(struct live *live, uint32_t count)
{
    if (count > live->capacity) {
        uint64_t *told = realloc(live->told, (size_t)count * 2 * sizeof *told);
        if (!told)
            return false;
        live->told = told;
        live->capacity = count * 2;
    }
    for (; live->count < count; live->count++)
        live->told[live->count] = 0;
    return true;
}

static struct live *live_of(struct control *control, struct brain *brain)
{
    if (!control->live) {
        control->live = calloc(1, sizeof *control->live);
        if (control->live)
            buf_init(&control->live->row, LIVE_NOTE_MAX);
    }
    struct live *live = control->live;
    return live && grow(live, engine_resource_count(brain_engine(brain))) ? live : NULL;
}

void control_live_free(struct control *control)
{
    if (!control->live)
        return;
    buf_fini(&control->live->row);
    free(control->live->told);
    free(control->live);
    control->live = NULL;
}

static bool is_shown(struct brain *brain, uint32_t resource)
{
    const struct site *site = brain_site(brain, resource);
    return site && site->configured;
}

static uint32_t count_shown(struct brain *brain)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine_resource_count(brain_engine(brain)); i++)
        count += is_shown(brain, i);
    return count;
}

/* ---- events ---- */

static struct control_note *begin_note(struct brain *brain, struct json *json)
{
    struct control_note *note = calloc(1, sizeof *note);
    if (!note)
        return NULL;
    note->live = true;
    buf_init(&note->text, LIVE_NOTE_MAX);
    buf_add_text(&note->text, "event: live\ndata: ");
    json_init(json, &note->text, false);
    json_object(json);
    json_key_int(json, "now_ms", brain_now_ns(brain) / TIME_MILLISECOND);
    json_key(json, "rows");
    json_array(json);
    return note;
}

static void end_note(struct control *control, struct control_note *note, struct json *json)
{
    json_object_end(json);
    buf_add_text(&note->text, "\n\n");
    control_post(control, note);
}

/* False: it is as it was told. */
static bool add_row(struct live *live, struct brain *brain, uint32_t resource, struct json *json)
{
    struct json row;
    buf_clear(&live->row);
    json_init(&row, &live->row, false);
    write_row(brain, resource, &row);
    uint64_t hash = str_hash(live->row.data, live->row.len, 0);
    if (live->row.failed || hash == live->told[resource])
        return false;
    live->told[resource] = hash;
    json_raw(json, buf_str(&live->row));
    return true;
}

/* What may be asked for besides: a page need not try what is not there. */
static void write_offers(struct json *json)
{
    json_key(json, "offers");
    json_array(json);
    for (size_t i = 0; i < control_row_count; i++)
        if (strcmp(control_rows[i].method, "GET") == 0 && !strchr(control_rows[i].path, '{'))
            json_text(json, control_rows[i].path);
    json_array_end(json);
}

/* Every resource, in as many events as it takes; the first one begins anew, the last one ends it.
 */
void control_live_all(struct brain *brain, void *context)
{
    struct control *control = context;
    struct live *live = live_of(control, brain);
    uint32_t all = engine_resource_count(brain_engine(brain)), at = 0;
    if (!live)
        return;
    live->configured = count_shown(brain);
    do {
        struct json json;
        struct control_note *note = begin_note(brain, &json);
        if (!note)
            return;
        bool first = at == 0;
        for (uint32_t rows = 0; at < all && rows < LIVE_ROWS; at++) {
            live->told[at] = 0;
            rows += is_shown(brain, at) && add_row(live, brain, at, &json);
        }
        json_array_end(&json);
        json_key_bool(&json, "begins", first);
        json_key_bool(&json, "ends", at >= all);
        if (first)
            write_offers(&json);
        write_totals(brain, &json);
        end_note(control, note, &json);
    } while (at < all);
}

void control_live_tick(struct brain *brain, void *context)
{
    struct json json;
    struct control *control = context;
    struct live *live = live_of(control, brain);
    if (!live || live->configured != count_shown(brain)) {
        control_live_all(brain, context);
        return;
    }
    struct control_note *note = begin_note(brain, &json);
    if (!note)
        return;
    for (uint32_t i = 0; i < live->count && i < LIVE_ROWS; i++) {
        live->next = live->next + 1 < live->count ? live->next + 1 : 0;
        if (is_shown(brain, live->next))
            add_row(live, brain, live->next, &json);
    }
    json_array_end(&json);
    write_totals(brain, &json);
    end_note(control, note, &json);
}

void control_live_change(struct control *control, struct brain *brain, uint32_t resource)
{
    struct json json;
    struct live *live = atomic_load(&control->live_count) > 0 ? live_of(control, brain) : NULL;
    struct control_note *note = live && is_shown(brain, resource) ? begin_note(brain, &json) : NULL;
    if (!note)
        return;
    add_row(live, brain, resource, &json);
    json_array_end(&json);
    end_note(control, note, &json);
}

/* ---- control thread ---- */

void control_live(struct control *control, struct call *call)
{
    control_open_stream(control, call, true);
}
