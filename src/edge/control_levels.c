/* SPDX-License-Identifier: MIT
 * A resource's levels between cold and warm, as the control API shows them. */
#include "base/time.h"
#include "edge/control_part.h"

static void write_seconds(struct json *json, const char *key, int64_t ns)
{
    json_key(json, key);
    if (ns < 0)
        json_null(json);
    else
        json_fixed(json, time_to_seconds(ns), 3);
}

void control_write_levels(struct json *json, const struct site *site,
                          const struct resource_view *view)
{
    const struct config_resource *config = site->config;
    bool known = view->level > 0 && view->level <= config->engine.level_count;
    json_key_text(json, "level", known ? config->levels[view->level - 1].name : NULL);
    write_seconds(json, "half_s", view->half_ns);
    json_key(json, "levels");
    json_array(json);
    for (uint32_t i = 0; i < view->level_count && i < config->engine.level_count; i++) {
        const struct level_view *level = &view->levels[i];
        json_object(json);
        json_key_text(json, "name", config->levels[i].name);
        json_key_uint(json, "host_memory_bytes", level->host_memory);
        json_key_uint(json, "memory_bytes", level->memory);
        write_seconds(json, "load_expected_s", level->load_ns);
        write_seconds(json, "reach_expected_s", level->reach_ns);
        json_key_uint(json, "loads_measured", level->loads);
        json_object_end(json);
    }
    json_array_end(json);
}
