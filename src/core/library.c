/* SPDX-License-Identifier: MIT
 * The engine's public door: the same events and actions in types that can stay as they are. Here
 * the input comes from strangers, so everything is checked before the engine, which trusts its
 * events, sees it. */
#include "core/engine.h"
#include "base/time.h"
#include "plan/policies.h"
#include <forewarm/forewarm.h>
#include <stdlib.h>

enum { SNAPSHOT_MAX = 1 << 30 };

struct fw_engine {
    struct engine *engine;
    int64_t now_ns;
    struct action_list actions;
    size_t taken; /* of `actions` */
};

_Static_assert((int)FW_ACTION_WARM == ACTION_WARM && (int)FW_ACTION_DRAIN == ACTION_DRAIN &&
                   (int)FW_ACTION_UNDRAIN == ACTION_UNDRAIN &&
                   (int)FW_ACTION_UNLOAD == ACTION_UNLOAD &&
                   (int)FW_ACTION_CANCEL == ACTION_CANCEL &&
                   (int)FW_ACTION_RELEASE == ACTION_RELEASE &&
                   (int)FW_ACTION_FALLBACK == ACTION_FALLBACK &&
                   (int)FW_ACTION_REFUSE == ACTION_REFUSE,
               "public and inner action kinds are the same numbers");

static int tell(enum fw_err err, const struct fw_detail *detail, char *error, size_t error_size)
{
    if (error && error_size > 0) {
        const char *text = err == FW_OK      ? ""
                           : detail->text[0] ? detail->text
                                             : err_row(err)->sentence;
        size_t len = strlen(text) < error_size - 1 ? strlen(text) : error_size - 1;
        memcpy(error, text, len);
        error[len] = '\0';
    }
    return (int)err;
}

/* Applies "name=value" texts to a table's values. */
static enum fw_err apply(const struct option_row *rows, size_t count, void *settings,
                         const char *const *options, struct fw_detail *detail)
{
    option_defaults(rows, count, settings);
    for (; options && *options; options++) {
        struct str rest = str_of(*options), name;
        if (!str_cut(&rest, '=', &name) || !rest.data)
            return err_set(detail, FW_INPUT, "option: found \"%s\", expected name=value", *options);
        const struct option_row *row = option_find(rows, count, name);
        if (!row) {
            const char *close = option_suggest(rows, count, name);
            return err_set(detail, FW_INPUT, "option: found \"%.*s\", which is not one%s%s",
                           STR_ARG(name), close ? "; did you mean " : "", close ? close : "");
        }
        FW_TRY(option_set(row, settings, rest, detail));
    }
    return FW_OK;
}

int fw_engine_create(struct fw_engine **out, const char *const *options, char *error,
                     size_t error_size)
{
    struct fw_detail detail = {""};
    struct engine_settings settings;
    *out = NULL;
    enum fw_err err = apply(engine_option_rows, engine_option_count, &settings, options, &detail);
    struct fw_engine *engine = err == FW_OK ? calloc(1, sizeof *engine) : NULL;
    if (err == FW_OK && !engine)
        err = FW_NOMEM;
    if (err == FW_OK)
        err = engine_create(&engine->engine, &settings, NULL, &detail);
    if (err != FW_OK)
        free(engine);
    else
        *out = engine;
    return tell(err, &detail, error, error_size);
}

void fw_engine_destroy(struct fw_engine **engine)
{
    if (!*engine)
        return;
    engine_destroy(&(*engine)->engine);
    action_list_fini(&(*engine)->actions);
    free(*engine);
    *engine = NULL;
}

/* Hands a checked event to the engine; actions already taken make room first. */
static enum fw_err step(struct fw_engine *engine, int64_t at_ns, struct event *event)
{
    bool known = event->kind == EVENT_RESOURCE || event->kind == EVENT_TIME ||
                 event->resource < engine_resource_count(engine->engine);
    if (at_ns < engine->now_ns || !known)
        return FW_INPUT;
    if (engine->taken == engine->actions.count)
        engine->taken = engine->actions.count = 0;
    engine->now_ns = event->at_ns = at_ns;
    return engine_step(engine->engine, event, &engine->actions);
}

int fw_engine_add(struct fw_engine *engine, int64_t at_ns, const char *id,
                  const char *const *options, uint32_t *resource, char *error, size_t error_size)
{
    struct fw_detail detail = {""};
    struct resource_settings settings = {0};
    enum fw_err err =
        apply(resource_option_rows, resource_option_count, &settings, options, &detail);
    if (err == FW_OK && (!id || id[0] == '\0'))
        err = err_set(&detail, FW_INPUT, "id: found nothing, expected a name");
    if (err == FW_OK && at_ns < engine->now_ns)
        err = err_set(&detail, FW_INPUT,
                      "at_ns: found %lld, expected no less than %lld: time does not go back",
                      (long long)at_ns, (long long)engine->now_ns);
    settings.has_fallback =
        settings.on_cold == ON_COLD_FALLBACK || settings.on_cold == ON_COLD_SOONEST;
    struct event event = {.kind = EVENT_RESOURCE, .id = str_of(id), .settings = &settings};
    if (err == FW_OK)
        err = step(engine, at_ns, &event);
    if (err == FW_OK && resource)
        *resource = engine_resource(engine->engine, str_of(id));
    return tell(err, &detail, error, error_size);
}

int fw_engine_retire(struct fw_engine *engine, int64_t at_ns, uint32_t resource)
{
    return (int)step(engine, at_ns, &(struct event){.kind = EVENT_RETIRE, .resource = resource});
}

int fw_engine_request(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t request,
                      uint64_t session)
{
    struct event event = {
        .kind = EVENT_REQUEST, .resource = resource, .request = request, .session = session};
    bool usable = request != 0 && !engine_holds(engine->engine, request);
    return usable ? (int)step(engine, at_ns, &event) : (int)FW_INPUT;
}

int fw_engine_end(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t request,
                  int64_t held_ns)
{
    struct event event = {.kind = EVENT_END,
                          .resource = resource,
                          .request = request,
                          .value = held_ns > 0 ? (uint64_t)held_ns : 0};
    return (int)step(engine, at_ns, &event);
}

int fw_engine_gone(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t request)
{
    return (int)step(engine, at_ns,
                     &(struct event){.kind = EVENT_GONE, .resource = resource, .request = request});
}

int fw_engine_observe(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint64_t session)
{
    return (int)step(
        engine, at_ns,
        &(struct event){.kind = EVENT_OBSERVED, .resource = resource, .session = session});
}

int fw_engine_hint(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint32_t source,
                   double probability, int64_t eta_ns)
{
    struct event event = {.kind = EVENT_HINT,
                          .resource = resource,
                          .source = source,
                          .probability = probability,
                          .eta_ns = eta_ns};
    return probability >= 0 && probability <= 1 ? (int)step(engine, at_ns, &event) : (int)FW_INPUT;
}

/* A span that has begun counts as far as it is still to come. */
static int expect(struct fw_engine *engine, int64_t at_ns, const struct event *of, int64_t from_ns,
                  int64_t to_ns)
{
    struct event event = *of;
    bool usable = event.probability >= 0 && event.probability <= EXPECT_REQUESTS_MAX &&
                  from_ns >= 0 && to_ns > from_ns && to_ns > at_ns && to_ns < TIME_NEVER;
    if (!usable)
        return FW_INPUT;
    event.kind = EVENT_EXPECT;
    if (from_ns < at_ns) {
        event.probability *= (double)(to_ns - at_ns) / (double)(to_ns - from_ns);
        from_ns = at_ns;
    }
    event.eta_ns = from_ns - at_ns;
    event.duration_ns = to_ns - from_ns;
    return (int)step(engine, at_ns, &event);
}

int fw_engine_plan_event(struct fw_engine *engine, int64_t at_ns, uint32_t resource,
                         uint32_t source, int64_t from_ns, int64_t to_ns, double requests)
{
    const struct event event = {
        .resource = resource, .source = source, .probability = requests, .flags = EVENT_PLANNED};
    return expect(engine, at_ns, &event, from_ns, to_ns);
}

int fw_engine_forecast(struct fw_engine *engine, int64_t at_ns, uint32_t resource, uint32_t source,
                       int64_t from_ns, int64_t to_ns, double requests)
{
    const struct event event = {.resource = resource, .source = source, .probability = requests};
    return expect(engine, at_ns, &event, from_ns, to_ns);
}

int fw_engine_report(struct fw_engine *engine, int64_t at_ns, enum fw_report_kind kind,
                     uint32_t resource, uint64_t attempt, uint64_t memory_bytes)
{
    static const struct {
        uint32_t kind, status;
    } events[] = {
        [FW_REPORT_LOADED] = {EVENT_LOADED, FW_OK},
        [FW_REPORT_PROVEN] = {EVENT_PROVEN, FW_OK},
        [FW_REPORT_FAILED] = {EVENT_FAILED, FW_PROBE},
        [FW_REPORT_CANCELLED] = {EVENT_FAILED, FW_CANCELLED},
        [FW_REPORT_DRAINED] = {EVENT_DRAINED, FW_OK},
        [FW_REPORT_UNLOADED] = {EVENT_UNLOADED, FW_OK},
        [FW_REPORT_LOST] = {EVENT_LOST, FW_OK},
    };
    if ((size_t)kind >= sizeof events / sizeof events[0])
        return FW_INPUT;
    struct event event = {.kind = events[kind].kind,
                          .resource = resource,
                          .attempt = attempt,
                          .status = events[kind].status,
                          .value = memory_bytes};
    return (int)step(engine, at_ns, &event);
}

int fw_engine_time(struct fw_engine *engine, int64_t at_ns)
{
    return (int)step(engine, at_ns, &(struct event){.kind = EVENT_TIME});
}

int64_t fw_engine_deadline(const struct fw_engine *engine)
{
    return engine_next_deadline(engine->engine);
}

bool fw_engine_next_action(struct fw_engine *engine, struct fw_action *action)
{
    while (engine->taken < engine->actions.count &&
           (engine->actions.items[engine->taken].kind == ACTION_STATE ||
            engine->actions.items[engine->taken].kind == ACTION_WAIT ||
            engine->actions.items[engine->taken].kind == ACTION_DECLINE))
        engine->taken++; /* told through fw_engine_state; nothing to do */
    if (engine->taken == engine->actions.count)
        return false;
    const struct action *inner = &engine->actions.items[engine->taken++];
    *action = (struct fw_action){.at_ns = inner->at_ns,
                                 .kind = (enum fw_action_kind)inner->kind,
                                 .resource = inner->resource,
                                 .request = inner->request,
                                 .attempt = inner->attempt,
                                 .cause = cause_name(inner->cause)};
    struct buf text;
    buf_init(&text, 4096);
    engine_describe(engine->engine, inner, &text);
    size_t len = text.len < sizeof action->reason - 1 ? text.len : sizeof action->reason - 1;
    if (len > 0)
        memcpy(action->reason, text.data, len);
    buf_fini(&text);
    return true;
}

const char *fw_engine_state(const struct fw_engine *engine, uint32_t resource)
{
    struct resource_view view;
    if (resource >= engine_resource_count(engine->engine))
        return "cold";
    engine_view(engine->engine, resource, engine->now_ns, &view);
    return resource_state_name(view.state);
}

double fw_engine_probability(const struct fw_engine *engine, uint32_t resource, int64_t at_ns,
                             int64_t horizon_ns)
{
    if (resource >= engine_resource_count(engine->engine) || at_ns < engine->now_ns ||
        horizon_ns < 0)
        return 0;
    return engine_probability(engine->engine, resource, at_ns, horizon_ns);
}

uint64_t fw_engine_decision_hash(const struct fw_engine *engine)
{
    return engine_decision_hash(engine->engine);
}

int fw_engine_save(const struct fw_engine *engine, void **data, size_t *size)
{
    struct buf out;
    buf_init(&out, SNAPSHOT_MAX);
    enum fw_err err = engine_save(engine->engine, &out);
    if (err != FW_OK) {
        buf_fini(&out);
        return (int)err;
    }
    *data = out.data;
    *size = out.len;
    return FW_OK;
}

int fw_engine_load(struct fw_engine *engine, const void *data, size_t size, char *error,
                   size_t error_size)
{
    struct fw_detail detail = {""};
    enum fw_err err =
        engine_resource_count(engine->engine) > 0
            ? err_set(&detail, FW_INPUT, "the engine is not fresh: load before adding resources")
            : engine_load(engine->engine, data, size, &detail);
    if (err == FW_OK)
        engine->now_ns = engine_now(engine->engine);
    return tell(err, &detail, error, error_size);
}

static enum fw_err known_code(int code)
{
    return code >= 0 && code < FW_ERR_COUNT ? (enum fw_err)code : FW_USAGE;
}

const char *fw_error_name(int code)
{
    return err_row(known_code(code))->name;
}

const char *fw_error_sentence(int code)
{
    return err_row(known_code(code))->sentence;
}
