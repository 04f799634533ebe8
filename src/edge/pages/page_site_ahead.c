/* SPDX-License-Identifier: MIT
 * What a site expects: learning from what was answered, and queueing what is worth a load. */
#include "edge/pages/page_site_part.h"

/* Fields that choose between forms of a page and name nobody. */
static const char *const usual_fields[] = {"accept", "accept-encoding", "accept-language",
                                           "user-agent"};

static void note_usual(struct page_site *site, const struct http_rules_request *request)
{
    buf_clear(&site->usual_lines);
    for (uint32_t i = 0; i < request->field_count; i++)
        for (size_t j = 0; j < sizeof usual_fields / sizeof usual_fields[0]; j++)
            if (str_equal_nocase(request->fields[i].name, str_of(usual_fields[j]))) {
                buf_add_text(&site->usual_lines, usual_fields[j]);
                buf_add(&site->usual_lines, ": ", 2);
                buf_add_str(&site->usual_lines, request->fields[i].value);
                buf_add(&site->usual_lines, "\r\n", 2);
            }
    if (site->usual_lines.failed)
        buf_clear(&site->usual_lines);
}

static bool on_paths(const struct page_site *site, struct str target)
{
    struct str rest = str_of(site->paths), path;
    while (str_cut(&rest, ' ', &path))
        if (path.len > 0 && str_starts(target, path))
            return true;
    return false;
}

/* What is held and no longer fresh is worth fetching again: it makes way for the load, and comes
 * back if there is none. */
static void offer(struct page_site *site, struct str target, struct str key,
                  const struct prefetcher_wish *wish, int64_t wall_ns, int64_t now_ns)
{
    uint64_t value;
    struct page_object *stale = NULL;
    if (prefetcher_peek(site->machine, key, now_ns, &value) == PREFETCHER_HIT) {
        struct page_object *held = (struct page_object *)(uintptr_t)value;
        if (!page_site_is_wrong(site, target, held) &&
            http_rules_lifetime_ns(&held->rules) > http_rules_age_ns(&held->rules, wall_ns))
            return;
        stale = page_object_keep(held);
        (void)prefetcher_drop(site->machine, key, now_ns);
    }
    enum prefetcher_verdict verdict = prefetcher_offer(site->machine, key, wish, now_ns);
    if (stale && verdict != PREFETCHER_QUEUED)
        (void)prefetcher_put(site->machine, key, (uint64_t)(uintptr_t)stale,
                             page_object_bytes(stale), PAGE_SITE_STALE_KEEP_NS, now_ns);
    else
        page_object_drop(stale);
}

static void offer_all(struct page_site *site, const struct page_seen *seen, int64_t now_ns)
{
    static _Thread_local struct page_wish wishes[PAGE_GUESS_MAX];
    uint32_t count = page_guess_expect(site->guess, seen->session, wishes);
    struct buf key;
    buf_init(&key, HTTP_RULES_KEY_MAX + SERVER_HEAD_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct str target = {wishes[i].target, wishes[i].len};
        const struct prefetcher_wish wish = {.probability = wishes[i].probability,
                                             .weight = 1,
                                             .use_in_ns = -1,
                                             .session = seen->session,
                                             .source = (uint16_t)wishes[i].strategy,
                                             .priority = (int16_t)i};
        uint64_t until;
        if (!on_paths(site, target) || str_equal(target, seen->target) ||
            (map64_get(&site->passes, page_key_hash(target), &until) && now_ns < (int64_t)until))
            continue;
        buf_clear(&key);
        if (page_key_write(site, target, seen->request->fields, seen->request->field_count, &key))
            offer(site, target, buf_str(&key), &wish, seen->wall_ns, now_ns);
    }
    buf_fini(&key);
}

void page_site_seen(struct page_site *site, const struct page_seen *seen, int64_t now_ns)
{
    struct str rest = seen->lines;
    struct server_field field;
    if (!site->ahead)
        return;
    pthread_mutex_lock(&site->lock);
    if (seen->status == 404 || seen->status == 410) {
        page_guess_absent(site->guess, seen->target);
    } else if (seen->status < 400) {
        page_guess_observe(site->guess, seen->session, seen->target, now_ns);
        while (http_rules_line(&rest, &field))
            if (str_equal_nocase(field.name, STR("link")))
                page_guess_link(site->guess, seen->session, seen->target, field.value);
        note_usual(site, seen->request);
        offer_all(site, seen, now_ns);
    }
    pthread_mutex_unlock(&site->lock);
}
