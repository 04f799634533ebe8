/* SPDX-License-Identifier: MIT
 * Configurations, the first and every later one. */
#include "base/check.h"
#include "edge/brain_part.h"
#include "edge/log.h"
#include <stdlib.h>

/* Room for the resource's number, and a site with a slot. False: out of memory. */
bool brain_make_place(struct brain *brain, uint32_t resource, struct str id)
{
    if (resource >= brain->place_count) {
        uint32_t count =
            resource + 1 > brain->place_count * 2 ? resource + 1 : brain->place_count * 2;
        struct brain_place *places = realloc(brain->places, count * sizeof *places);
        if (!places)
            return false;
        memset(places + brain->place_count, 0, (count - brain->place_count) * sizeof *places);
        brain->places = places;
        brain->place_count = count;
    }
    struct brain_place *place = &brain->places[resource];
    if (place->site)
        return true;
    struct slot *slot;
    if (slots_get(brain->setup.slots, id, &slot) != FW_OK)
        return false;
    slot->resource = resource;
    if (site_create(&place->site, resource, id, slot, brain->setup.jobs, brain->setup.children,
                    !brain->setup.store->ops->children, &brain->hooks) != FW_OK)
        return false;
    place->site->fleet = brain->setup.fleet;
    return true;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_lines(const char *const *a, uint32_t a_count, const char *const *b,
                       uint32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (!same_text(a[i], b[i]))
            return false;
    return true;
}

static bool same_call(const struct config_call *a, const struct config_call *b)
{
    return same_text(a->method, b->method) && same_text(a->url, b->url) &&
           same_text(a->body, b->body);
}

/* Is what the old one loaded what the new one would load? How it is proven and timed may differ. */
static bool loads_alike(const struct config_resource *a, const struct config_resource *b)
{
    const struct config_warmer *x = &a->warmer, *y = &b->warmer;
    return x->kind == y->kind && same_text(a->upstream.text, b->upstream.text) &&
           same_text(x->command, y->command) && same_text(x->directory, y->directory) &&
           same_call(&x->load, &y->load) &&
           same_lines(x->environment, x->environment_count, y->environment, y->environment_count);
}

static void configure_one(struct brain *brain, struct config *config,
                          const struct config_resource *resource)
{
    struct str id = str_of(resource->id);
    uint32_t number = engine_resource(brain->engine, id);
    if (number == TABLE_NONE)
        number = engine_resource_count(brain->engine); /* numbers are given in order */
    if (!brain_make_place(brain, number, id)) {
        log_error("a resource cannot be added: not enough memory",
                  LOG_TEXT("resource", resource->id));
        return;
    }
    struct brain_place *place = &brain->places[number];
    bool replace = place->site->in_force && !loads_alike(place->site->warmer.config, resource);
    site_configure(place->site, config, resource);
    brain_configure_prefixes(place->site);
    const struct event event = {
        .kind = EVENT_RESOURCE, .resource = number, .id = id, .settings = &resource->engine};
    brain_step(brain, &event);
    if (engine_resource(brain->engine, id) != number) { /* the step said why */
        place->site->configured = false;
        return;
    }
    if (replace)
        brain_replace(brain, number);
}

void brain_prepare(struct brain *brain, struct config *config)
{
    for (uint32_t i = 0; i < config->resource_count; i++) {
        struct str id = str_of(config->resources[i].id);
        uint32_t number = engine_resource(brain->engine, id);
        if (number != TABLE_NONE && brain_make_place(brain, number, id))
            site_configure(brain->places[number].site, config, &config->resources[i]);
    }
}

static bool names(const struct config *config, const char *id)
{
    for (uint32_t i = 0; i < config->resource_count; i++)
        if (str_equal(str_of(config->resources[i].id), str_of(id)))
            return true;
    return false;
}

static void retire_others(struct brain *brain, const struct config *config)
{
    for (uint32_t i = 0; i < brain->place_count; i++) {
        struct site *site = brain->places[i].site;
        if (!site || !site->configured || names(config, site->id))
            continue;
        site->configured = false;
        log_info("no longer configured", LOG_TEXT("resource", site->id));
        const struct event event = {.kind = EVENT_RETIRE, .resource = i};
        brain_step(brain, &event);
    }
}

static void reconfigure_engine(struct brain *brain, const struct config *config)
{
    struct fw_detail detail = {{0}};
    enum fw_err err = engine_reconfigure(brain->engine, &config->engine, &detail);
    if (err != FW_OK)
        log_error("the engine keeps its settings", LOG_TEXT("error", err_row(err)->name),
                  LOG_TEXT("reason", detail.text));
    else if (brain->journal)
        journal_file_settings(brain->journal, &config->engine);
}

void brain_configure(struct brain *brain, struct config *config)
{
    if (config != brain->config) {
        reconfigure_engine(brain, config);
        config_free(&brain->config);
        brain->config = config_retain(config);
    }
    for (uint32_t i = 0; i < config->resource_count; i++)
        configure_one(brain, config, &config->resources[i]);
    retire_others(brain, config);
    brain_plan_events(brain, config);
    brain_foresee_anew(brain, config);
}

/* ---- hint sources ---- */

uint32_t brain_source(struct brain *brain, struct str name)
{
    if (name.len == 0)
        return 0;
    for (uint32_t i = 0; i < brain->source_count; i++)
        if (str_equal(str_of(brain->sources[i]), name))
            return i + 1;
    if (brain->source_count >= STORE_SOURCES_MAX - 1)
        return 0;
    char **sources = realloc(brain->sources, (brain->source_count + 1) * sizeof *sources);
    if (!sources)
        return 0;
    brain->sources = sources;
    sources[brain->source_count] = strndup(name.data, name.len);
    return sources[brain->source_count] ? ++brain->source_count : 0;
}

const char *brain_source_name(const struct brain *brain, uint32_t source)
{
    return source >= 1 && source <= brain->source_count ? brain->sources[source - 1] : NULL;
}
