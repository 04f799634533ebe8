/* SPDX-License-Identifier: MIT
 * The calendar of planned events, as it stands: GET and DELETE /v1/events. */
#include "base/time.h"
#include "edge/control_part.h"
#include <math.h>

static void write_plan(struct json *json, const struct plan_item *item, int64_t now_ns)
{
    json_object(json);
    json_key_uint(json, "id", item->number);
    json_key_text(json, "resource", item->resource[0] ? item->resource : NULL);
    json_key_text(json, "name", item->name);
    json_key_text(json, "class", item->class_name[0] ? item->class_name : NULL);
    control_write_time(json, "start", item->start_ns);
    control_write_time(json, "end", item->end_ns);
    json_key_double(json, "expected_requests", item->multiplier ? NAN : item->requests);
    json_key_double(json, "multiplier", item->multiplier ? item->requests : NAN);
    json_key_text(json, "origin", item->origin == PLAN_CONFIG ? "config" : "api");
    json_key_text(json, "state",
                  item->end_ns <= now_ns     ? "over"
                  : item->start_ns <= now_ns ? "under_way"
                                             : "planned");
    json_object_end(json);
}

bool control_plans(struct brain *brain, struct call *call)
{
    const struct plan_item *item;
    struct json json;
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key(&json, "events");
    json_array(&json);
    for (size_t i = 0; (item = foresight_plan_at(brain_foresight(brain), i)) != NULL; i++)
        write_plan(&json, item, brain_now_ns(brain));
    json_array_end(&json);
    json_object_end(&json);
    return true;
}

static const struct plan_item *find_plan(struct brain *brain, const char *id)
{
    const struct plan_item *item = NULL;
    uint64_t number;
    if (!str_to_uint64(str_of(id), &number))
        return NULL;
    for (size_t i = 0; (item = foresight_plan_at(brain_foresight(brain), i)) != NULL; i++)
        if (item->number == number)
            break;
    return item;
}

/* What the engine still waits for is taken back there, too. */
static void take_back(struct brain *brain, struct plan_item *item)
{
    uint32_t first = 0, end = engine_resource_count(brain_engine(brain));
    if (item->start_ns <= brain_now_ns(brain))
        return;
    if (item->resource[0]) {
        first = brain_find(brain, str_of(item->resource));
        end = first == TABLE_NONE ? 0 : first + 1;
    }
    item->requests = 0;
    item->multiplier = false;
    for (uint32_t i = first; i < end; i++)
        if (brain_site(brain, i) && brain_site(brain, i)->configured)
            brain_expect(brain, i, item);
}

bool control_unplan(struct brain *brain, struct call *call)
{
    const struct plan_item *found = find_plan(brain, call->id);
    struct json json;
    if (!found) {
        call->err = err_set(&call->detail, FW_NOT_FOUND,
                            "there is no event \"%.60s\"; GET /v1/events lists them", call->id);
        return true;
    }
    if (found->origin == PLAN_CONFIG) {
        call->err =
            err_set(&call->detail, FW_IN_USE,
                    "event %s stands in the configuration: take it out there and reload", call->id);
        return true;
    }
    struct plan_item item = *found;
    json_init(&json, &call->out, false);
    write_plan(&json, &item, brain_now_ns(brain));
    (void)foresight_unplan(brain_foresight(brain), item.number);
    take_back(brain, &item);
    foresight_hurry(brain_foresight(brain), item.resource);
    return true;
}
