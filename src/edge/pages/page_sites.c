/* SPDX-License-Identifier: MIT
 * All sites: made and found by their settings, so that what was learned and kept outlives reloads
 * that leave them alone. */
#include "base/check.h"
#include "edge/pages/page_site_part.h"
#include <stdlib.h>

enum {
    IDENTITY_MAX = 64 << 10,
    USUAL_BYTES = 4 << 10, /* entries are at most as many as pages of this size fit */
    ENTRIES_MIN = 1 << 8,
    ENTRIES_MAX = 1 << 18,
    KEYS_MAX = 1 << 16,
    KEY_BYTES_MAX = 64 << 20,
    QUEUE_MAX = 256,
};

struct page_sites {
    pthread_mutex_t lock;
    struct page_site *first;
};

enum fw_err page_sites_create(struct page_sites **sites)
{
    *sites = calloc(1, sizeof **sites);
    if (!*sites)
        return FW_NOMEM;
    CHECK(pthread_mutex_init(&(*sites)->lock, NULL) == 0);
    return FW_OK;
}

void page_sites_destroy(struct page_sites **sites)
{
    if (!*sites)
        return;
    CHECK(!(*sites)->first);
    pthread_mutex_destroy(&(*sites)->lock);
    free(*sites);
    *sites = NULL;
}

/* --- one site --- */

static struct prefetcher_settings settings_of(const struct config_prefetch *config)
{
    struct prefetcher_settings settings = prefetcher_defaults;
    uint64_t entries = config->cache / USUAL_BYTES;
    settings.capacity_bytes = config->cache;
    settings.max_entries = entries < ENTRIES_MIN   ? ENTRIES_MIN
                           : entries > ENTRIES_MAX ? ENTRIES_MAX
                                                   : (uint32_t)entries;
    settings.max_keys = KEYS_MAX;
    settings.max_key_bytes = KEY_BYTES_MAX;
    settings.max_queue = QUEUE_MAX;
    settings.max_concurrent = PAGE_SITE_DEMANDS_MAX;
    settings.max_stuck = PAGE_SITE_DEMANDS_MAX;
    settings.load_timeout_ns = config->load_timeout_ns;
    settings.ahead = config->ahead;
    settings.shadow = false;
    settings.admission.concurrent = (uint32_t)config->max_concurrent;
    settings.admission.bytes_per_s = config->budget == UINT64_MAX ? 0 : config->budget;
    return settings;
}

static void free_site(struct page_site *site)
{
    prefetcher_free(&site->machine);
    page_guess_free(&site->guess);
    while (site->spare_count > 0)
        page_load_fini(&site->spare[--site->spare_count]);
    map64_fini(&site->flights); /* nobody waits: those who did kept the site */
    map64_fini(&site->vary_of);
    map64_fini(&site->passes);
    map64_fini(&site->wrong);
    table_fini(&site->varies);
    buf_fini(&site->usual_lines);
    pthread_mutex_destroy(&site->lock);
    free(site->identity);
    free(site->paths);
    free(site);
}

static char *copy(struct str text)
{
    char *kept = malloc(text.len + 1);
    if (kept) {
        memcpy(kept, text.data, text.len);
        kept[text.len] = 0;
    }
    return kept;
}

static struct page_site *make_site(const struct config_prefetch *config, struct str identity)
{
    struct page_site *site = calloc(1, sizeof *site);
    if (!site)
        return NULL;
    const struct prefetcher_settings settings = settings_of(config);
    const struct prefetcher_hooks hooks = {site, page_site_ended, page_site_left,
                                           page_site_cancelled};
    CHECK(pthread_mutex_init(&site->lock, NULL) == 0);
    memcpy(site->upstream, config->upstream.text, sizeof site->upstream);
    site->assumed_ns = config->assume_fresh_ns;
    site->yield_at = (uint32_t)config->yield_at;
    site->ahead = config->ahead;
    site->usual_vary = TABLE_NONE;
    map64_init(&site->flights, KEYS_MAX);
    map64_init(&site->vary_of, PAGE_SITE_NOTES_MAX);
    map64_init(&site->passes, PAGE_SITE_NOTES_MAX);
    map64_init(&site->wrong, PAGE_SITE_NOTES_MAX);
    table_init(&site->varies, PAGE_SITE_VARIES_MAX);
    buf_init(&site->usual_lines, PAGE_SITE_LINES_MAX);
    site->identity = copy(identity);
    site->paths = copy(str_of(config->paths));
    if (!site->identity || !site->paths ||
        prefetcher_create(&site->machine, &settings, &hooks, (int64_t)uv_hrtime()) != FW_OK ||
        page_guess_create(&site->guess, config->strategies) != FW_OK) {
        free_site(site);
        return NULL;
    }
    return site;
}

/* Everything that a site is made of. */
static void write_identity(const struct config_prefetch *config, struct buf *text)
{
    buf_printf(text, "%s %s %llu %llu %lld %u %lld %lld %d %lld", config->upstream.text,
               config->paths, (unsigned long long)config->cache, (unsigned long long)config->budget,
               (long long)config->max_concurrent, config->strategies,
               (long long)config->assume_fresh_ns, (long long)config->yield_at, config->ahead,
               (long long)config->load_timeout_ns);
}

enum fw_err page_sites_get(struct page_sites *sites, const struct config_prefetch *config,
                           struct page_site **out)
{
    struct buf identity;
    struct page_site *site, **end;
    buf_init(&identity, IDENTITY_MAX);
    write_identity(config, &identity);
    pthread_mutex_lock(&sites->lock);
    for (end = &sites->first; (site = *end) != NULL; end = &site->next)
        if (str_equal(str_of(site->identity), buf_str(&identity)))
            break;
    if (!site && !identity.failed) {
        site = make_site(config, buf_str(&identity));
        *end = site;
    }
    if (site) {
        site->all = sites;
        site->references++;
    }
    pthread_mutex_unlock(&sites->lock);
    buf_fini(&identity);
    *out = site;
    return site ? FW_OK : FW_NOMEM;
}

void page_site_drop(struct page_site *site)
{
    if (!site)
        return;
    struct page_sites *sites = site->all;
    pthread_mutex_lock(&sites->lock);
    bool last = --site->references == 0;
    for (struct page_site **link = &sites->first; last && *link; link = &(*link)->next)
        if (*link == site) {
            *link = site->next;
            break;
        }
    pthread_mutex_unlock(&sites->lock);
    if (last)
        free_site(site);
}

/* --- what is told of them --- */

static void read_stats(struct page_site *site, struct page_site_stats *stats)
{
    pthread_mutex_lock(&site->lock);
    prefetcher_read_stats(site->machine, &stats->machine);
    memcpy(stats->results, site->results, sizeof stats->results);
    pthread_mutex_unlock(&site->lock);
}

void page_sites_each(struct page_sites *sites, page_site_fn *each, void *context)
{
    struct page_site_stats stats;
    pthread_mutex_lock(&sites->lock);
    for (struct page_site *site = sites->first; site; site = site->next) {
        read_stats(site, &stats);
        each(context, site->upstream, site->paths, &stats);
    }
    pthread_mutex_unlock(&sites->lock);
}

/* Under a key as it is now: what it varies by is of no interest here. */
static bool is_held(struct page_site *site, struct str target)
{
    uint64_t value;
    return prefetcher_peek(site->machine, target, (int64_t)uv_hrtime(), &value) == PREFETCHER_HIT;
}

void page_sites_expect(struct page_sites *sites, uint64_t session, page_expected_fn *each,
                       void *context)
{
    struct page_wish *wishes = calloc(PAGE_GUESS_MAX, sizeof *wishes);
    if (!wishes)
        return;
    pthread_mutex_lock(&sites->lock);
    for (struct page_site *site = sites->first; site; site = site->next) {
        pthread_mutex_lock(&site->lock);
        uint32_t count = page_guess_expect(site->guess, session, wishes);
        for (uint32_t i = 0; i < count; i++)
            each(context, site->upstream, &wishes[i],
                 is_held(site, (struct str){wishes[i].target, wishes[i].len}));
        pthread_mutex_unlock(&site->lock);
    }
    pthread_mutex_unlock(&sites->lock);
    free(wishes);
}
