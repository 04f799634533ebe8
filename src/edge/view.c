/* SPDX-License-Identifier: MIT */
#include "edge/view.h"
#include "base/check.h"
#include "edge/prefixes.h"
#include <stdlib.h>

/* Slots stand alone in memory (a cache line each), so that threads counting for one resource do not
 * slow another, and never move: I/O threads hold pointers to them. */
struct slot_line {
    _Alignas(64) struct slot slot;
};

struct slots {
    struct table ids;
    struct slot_line **lines; /* by number in `ids` */
    uint32_t capacity;
    struct page_sites *pages;
};

enum fw_err slots_create(struct slots **slots, uint32_t max)
{
    *slots = calloc(1, sizeof **slots);
    if (!*slots)
        return FW_NOMEM;
    table_init(&(*slots)->ids, max);
    enum fw_err err = page_sites_create(&(*slots)->pages);
    if (err != FW_OK)
        slots_destroy(slots);
    return err;
}

struct page_sites *slots_pages(struct slots *slots)
{
    return slots->pages;
}

void slots_destroy(struct slots **slots)
{
    if (!*slots)
        return;
    for (uint32_t i = 0; i < (*slots)->ids.count; i++) {
        struct prefixes *prefixes = atomic_load(&(*slots)->lines[i]->slot.prefixes);
        prefixes_destroy(&prefixes);
        options_free(&(*slots)->lines[i]->slot.options);
        free((*slots)->lines[i]);
    }
    free((*slots)->lines);
    page_sites_destroy(&(*slots)->pages);
    table_fini(&(*slots)->ids);
    free(*slots);
    *slots = NULL;
}

static enum fw_err slots_grow(struct slots *slots)
{
    if (slots->ids.count < slots->capacity)
        return FW_OK;
    uint32_t capacity = slots->capacity ? slots->capacity * 2 : 16;
    struct slot_line **lines = realloc(slots->lines, capacity * sizeof *lines);
    if (!lines)
        return FW_NOMEM;
    slots->lines = lines;
    slots->capacity = capacity;
    return FW_OK;
}

enum fw_err slots_get(struct slots *slots, struct str id, struct slot **slot)
{
    uint32_t number = table_find(&slots->ids, id);
    if (number != TABLE_NONE) {
        *slot = &slots->lines[number]->slot;
        return FW_OK;
    }
    FW_TRY(slots_grow(slots));
    struct slot_line *line = aligned_alloc(64, sizeof *line);
    if (!line)
        return FW_NOMEM;
    memset(line, 0, sizeof *line);
    line->slot.resource = TABLE_NONE;
    enum fw_err err = table_add(&slots->ids, id, &number, NULL);
    if (err != FW_OK) {
        free(line);
        return err;
    }
    slots->lines[number] = line;
    *slot = &line->slot;
    return FW_OK;
}

const struct route *view_find(const struct view *view, struct str name)
{
    uint32_t number = table_find(&view->names, name);
    return number == TABLE_NONE ? NULL : &view->routes[view->by_name[number]];
}

/* The first to take a name keeps it; the configuration has refused real doubles. */
static enum fw_err add_name(struct view *view, struct str name, uint32_t route)
{
    uint32_t number;
    bool added;
    FW_TRY(table_add(&view->names, name, &number, &added));
    if (added)
        view->by_name[number] = route;
    return FW_OK;
}

static enum fw_err add_names(struct view *view)
{
    const struct config *config = view->config;
    for (uint32_t i = 0; i < config->resource_count; i++) {
        const struct config_resource *resource = &config->resources[i];
        FW_TRY(add_name(view, str_of(resource->id), i));
        for (uint32_t j = 0; j < resource->alias_count; j++)
            FW_TRY(add_name(view, str_of(resource->aliases[j]), i));
    }
    /* Behind all real names: Ollama's bare "name" means "name:latest". */
    struct str latest = STR(":latest");
    uint32_t count = view->names.count;
    for (uint32_t i = 0; i < count; i++) {
        struct str name = table_key(&view->names, i);
        if (name.len <= latest.len || !str_ends(name, latest))
            continue;
        char bare[CONFIG_ID_MAX]; /* a copy: adding may move the table's own text */
        struct str shorter = {bare, name.len - latest.len};
        CHECK(shorter.len < sizeof bare);
        memcpy(bare, name.data, shorter.len);
        FW_TRY(add_name(view, shorter, view->by_name[i]));
    }
    return FW_OK;
}

static void drop_pages(struct view *view)
{
    for (uint32_t i = 0; view->pages && i < view->config->prefetch_count; i++)
        page_site_drop(view->pages[i]);
    free(view->pages);
    view->pages = NULL;
}

static enum fw_err find_pages(struct view *view, struct slots *slots)
{
    const struct config *config = view->config;
    if (config->prefetch_count == 0)
        return FW_OK;
    view->pages = calloc(config->prefetch_count, sizeof *view->pages);
    if (!view->pages)
        return FW_NOMEM;
    for (uint32_t i = 0; i < config->prefetch_count; i++)
        FW_TRY(page_sites_get(slots->pages, &config->prefetch[i], &view->pages[i]));
    return FW_OK;
}

enum fw_err view_create(struct view **out, struct config *config, struct slots *slots,
                        uint64_t version)
{
    *out = NULL;
    struct view *view = calloc(1, sizeof *view);
    if (!view)
        return FW_NOMEM;
    uint32_t names = 0;
    for (uint32_t i = 0; i < config->resource_count; i++)
        names += 2 * (1 + config->resources[i].alias_count); /* each may have a bare form */
    view->version = version;
    view->config = config;
    view->route_count = config->resource_count;
    table_init(&view->names, names > 0 ? names : 1);
    view->routes = calloc(config->resource_count + 1, sizeof *view->routes);
    view->by_name = calloc(names + 1, sizeof *view->by_name);
    enum fw_err err = view->routes && view->by_name ? FW_OK : FW_NOMEM;
    for (uint32_t i = 0; err == FW_OK && i < config->resource_count; i++) {
        view->routes[i].config = &config->resources[i];
        err = slots_get(slots, str_of(config->resources[i].id), &view->routes[i].slot);
    }
    if (err == FW_OK)
        err = add_names(view);
    if (err == FW_OK)
        err = find_pages(view, slots);
    if (err != FW_OK) {
        drop_pages(view);
        view->config = NULL; /* stays with the caller */
        view_destroy(&view);
        return err;
    }
    *out = view;
    return FW_OK;
}

void view_destroy(struct view **view)
{
    if (!*view)
        return;
    if ((*view)->config) {
        drop_pages(*view);
        config_free(&(*view)->config);
    }
    table_fini(&(*view)->names);
    free((*view)->by_name);
    free((*view)->routes);
    free(*view);
    *view = NULL;
}
