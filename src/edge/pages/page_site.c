/* SPDX-License-Identifier: MIT
 * What is asked of a site, and how loads end. */
#include "base/check.h"
#include "edge/pages/page_site_part.h"
#include <stdlib.h>

const char *const page_result_names[PAGE_RESULT_COUNT] = {
#define X(value, name) name,
    PAGE_RESULTS(X)
#undef X
};

/* --- letter boxes --- */

void page_inbox_init(struct page_inbox *inbox, uv_async_t *wake)
{
    *inbox = (struct page_inbox){.wake = wake};
    CHECK(pthread_mutex_init(&inbox->lock, NULL) == 0);
}

struct page_waiter *page_inbox_take(struct page_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct page_waiter *waiter = inbox->first;
    if (waiter)
        inbox->first = waiter->next;
    pthread_mutex_unlock(&inbox->lock);
    return waiter;
}

void page_inbox_close(struct page_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->wake = NULL;
    pthread_mutex_unlock(&inbox->lock);
}

static void post(struct page_waiter *waiter)
{
    struct page_inbox *inbox = waiter->inbox;
    pthread_mutex_lock(&inbox->lock);
    waiter->next = inbox->first;
    inbox->first = waiter;
    if (inbox->wake)
        uv_async_send(inbox->wake);
    pthread_mutex_unlock(&inbox->lock);
}

/* --- those who wait --- */

static struct page_flight *flight_of(struct page_site *site, uint32_t id)
{
    uint64_t value;
    return map64_get(&site->flights, id, &value) ? (struct page_flight *)(uintptr_t)value : NULL;
}

static bool join(struct page_site *site, uint32_t id, struct page_waiter *waiter)
{
    struct page_flight *flight = flight_of(site, id);
    if (!flight) {
        flight = calloc(1, sizeof *flight);
        if (!flight || map64_set(&site->flights, id, (uint64_t)(uintptr_t)flight) != FW_OK) {
            free(flight);
            return false;
        }
    }
    waiter->id = id;
    waiter->next = flight->waiters;
    waiter->link = &flight->waiters;
    if (waiter->next)
        waiter->next->link = &waiter->next;
    flight->waiters = waiter;
    return true;
}

static void unlink_waiter(struct page_waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    waiter->link = NULL;
}

/* A hook: under the lock. */
void page_site_ended(void *context, uint32_t id, uint32_t waiters,
                     const struct prefetcher_result *result)
{
    struct page_site *site = context;
    struct page_flight *flight = flight_of(site, id);
    (void)waiters;
    if (!flight)
        return;
    while (flight->waiters) {
        struct page_waiter *waiter = flight->waiters;
        unlink_waiter(waiter);
        waiter->over = true;
        if (result->outcome == PREFETCHER_VALUE)
            waiter->object = page_object_keep((struct page_object *)(uintptr_t)result->value);
        post(waiter);
    }
    map64_remove(&site->flights, id, NULL);
    free(flight);
}

void page_site_left(void *context, uint64_t value)
{
    (void)context;
    page_object_drop((struct page_object *)(uintptr_t)value);
}

/* What is fetched in vain is bounded by object_max and by the upstream's time limits. */
void page_site_cancelled(void *context, uint32_t id, uint64_t attempt)
{
    (void)context, (void)id, (void)attempt;
}

bool page_site_leave(struct page_site *site, struct page_waiter *waiter, int64_t now_ns)
{
    pthread_mutex_lock(&site->lock);
    bool mine = waiter->link != NULL;
    if (mine) {
        struct page_flight *flight = flight_of(site, waiter->id);
        unlink_waiter(waiter);
        if (flight && !flight->waiters) {
            map64_remove(&site->flights, waiter->id, NULL);
            free(flight);
        }
        prefetcher_leave(site->machine, waiter->id, now_ns);
    }
    pthread_mutex_unlock(&site->lock);
    return mine;
}

/* --- loads --- */

struct str page_load_target(const struct page_load *load)
{
    struct str rest = buf_str(&load->key), target;
    (void)str_cut(&rest, '\n', &target);
    return target;
}

void page_load_fini(struct page_load *load)
{
    buf_fini(&load->key);
    buf_fini(&load->lines);
    page_object_drop(load->base);
    load->base = NULL;
}

/* The machine's accesses are for guessers that watch keys; ours are told of targets. */
static void forget_accesses(struct page_site *site)
{
    struct prefetcher_access_row unused;
    while (prefetcher_access(site->machine, &unused))
        continue;
}

static bool take_load(struct page_site *site, struct page_load *load, int64_t now_ns)
{
    struct prefetcher_load begun;
    if (!prefetcher_next_load(site->machine, now_ns, &begun))
        return false;
    *load = (struct page_load){.id = begun.id, .attempt = begun.attempt, .ahead = begun.ahead};
    buf_init(&load->key, HTTP_RULES_KEY_MAX + SERVER_HEAD_MAX);
    buf_init(&load->lines, HTTP_RULES_KEY_MAX + PAGE_SITE_LINES_MAX);
    buf_add_str(&load->key, begun.key);
    page_key_lines(site, begun.key, &load->lines);
    return true;
}

/* The load that a demand has just made: it is the next one, but for those that were given up and
 * are wanted again; these are for whoever comes next. */
static bool take_own(struct page_site *site, uint32_t id, struct page_load *load, int64_t now_ns)
{
    while (site->spare_count < PAGE_SITE_SPARE_MAX && take_load(site, load, now_ns)) {
        if (load->id == id && !load->ahead)
            return true;
        site->spare[site->spare_count++] = *load;
    }
    prefetcher_leave(site->machine, id, now_ns);
    return false;
}

bool page_site_next(struct page_site *site, struct page_load *load, int64_t now_ns)
{
    pthread_mutex_lock(&site->lock);
    prefetcher_tick(site->machine, now_ns);
    bool any = site->spare_count > 0;
    if (any)
        *load = site->spare[--site->spare_count];
    else
        any = take_load(site, load, now_ns);
    pthread_mutex_unlock(&site->lock);
    return any;
}

int64_t page_site_deadline(struct page_site *site)
{
    pthread_mutex_lock(&site->lock);
    int64_t at_ns = site->spare_count > 0 ? 0 : prefetcher_deadline(site->machine);
    pthread_mutex_unlock(&site->lock);
    return at_ns;
}

/* How long it is of use: while it is fresh, and past that if it can be validated or stands in for
 * an upstream that fails. */
static int64_t keep_ns(const struct page_object *object)
{
    const struct http_rules_response *rules = &object->rules;
    int64_t left_ns = http_rules_lifetime_ns(rules) - http_rules_age_ns(rules, rules->received_ns);
    int64_t past_ns = 0;
    if (rules->has_etag || rules->modified_ns != TIME_NEVER)
        past_ns = PAGE_SITE_STALE_KEEP_NS;
    if (rules->directives.stale_if_error_s * TIME_SECOND > past_ns)
        past_ns = rules->directives.stale_if_error_s * TIME_SECOND;
    return left_ns + past_ns > 0 ? left_ns + past_ns : 0;
}

static void put(struct page_site *site, struct str key, struct page_object *object, int64_t now_ns)
{
    (void)prefetcher_put(site->machine, key, (uint64_t)(uintptr_t)object, page_object_bytes(object),
                         keep_ns(object), now_ns);
}

void page_site_put(struct page_site *site, struct str target, struct page_object *object,
                   int64_t now_ns)
{
    struct buf key;
    buf_init(&key, HTTP_RULES_KEY_MAX + SERVER_HEAD_MAX);
    page_key_of(target, object, &key);
    pthread_mutex_lock(&site->lock);
    page_key_learn(site, target, object);
    map64_remove(&site->passes, page_key_hash(target), NULL);
    if (key.failed)
        page_object_drop(object);
    else
        put(site, buf_str(&key), object, now_ns);
    pthread_mutex_unlock(&site->lock);
    buf_fini(&key);
}

void page_site_loaded(struct page_site *site, const struct page_load *load,
                      struct page_object *object, bool passes, int64_t now_ns)
{
    struct str target = page_load_target(load);
    struct prefetcher_result result = {.outcome = PREFETCHER_FAILED, .error = FW_UPSTREAM};
    struct buf key;
    buf_init(&key, HTTP_RULES_KEY_MAX + SERVER_HEAD_MAX);
    if (object)
        page_key_of(target, object, &key);
    bool same = object && !key.failed && str_equal(buf_str(&key), buf_str(&load->key));
    pthread_mutex_lock(&site->lock);
    if (object) {
        result = (struct prefetcher_result){.outcome = PREFETCHER_VALUE,
                                            .value = (uint64_t)(uintptr_t)object,
                                            .bytes = page_object_bytes(object),
                                            .ttl_ns = same ? keep_ns(object) : 0};
        page_key_learn(site, target, object);
        map64_remove(&site->passes, page_key_hash(target), NULL);
        if (!same && !key.failed) /* it varies by other fields than was thought */
            put(site, buf_str(&key), page_object_keep(object), now_ns);
    } else if (passes) {
        page_key_note(&site->passes, page_key_hash(target), now_ns + PAGE_SITE_PASS_NS);
    }
    prefetcher_loaded(site->machine, load->id, load->attempt, &result, now_ns);
    if (!object && !passes && load->base) /* what was held stays, and is asked about again */
        put(site, buf_str(&load->key), page_object_keep(load->base), now_ns);
    pthread_mutex_unlock(&site->lock);
    buf_fini(&key);
}

/* --- asking --- */

/* What was asked for before the target was changed is wrong. */
bool page_site_is_wrong(const struct page_site *site, struct str target,
                        const struct page_object *object)
{
    uint64_t since = 0;
    (void)map64_get(&site->wrong, page_key_hash(target), &since);
    int64_t since_ns = (int64_t)since > site->all_wrong_ns ? (int64_t)since : site->all_wrong_ns;
    return object->rules.requested_ns <= since_ns;
}

static bool has_passed(const struct page_site *site, struct str target, int64_t now_ns)
{
    uint64_t until;
    return map64_get(&site->passes, page_key_hash(target), &until) && now_ns < (int64_t)until;
}

/* It is held, and may be served: is it? A client's own guess is no use of it. */
static enum page_answer serve_held(struct page_site *site, struct str key, struct page_ask *ask,
                                   struct page_object *held)
{
    struct prefetcher_got got = {0};
    ask->object = page_object_keep(held);
    ask->result = PAGE_RESULT_HIT;
    if (ask->request->prefetch)
        return PAGE_SERVE;
    (void)prefetcher_get(site->machine, key, ask->session, 0, ask->now_ns, &got);
    if (got.ahead)
        ask->result = PAGE_RESULT_PREFETCHED;
    return PAGE_SERVE;
}

/* Not held: join who loads it, or load it. */
static enum page_answer load_or_join(struct page_site *site, struct str key, struct page_ask *ask)
{
    struct prefetcher_got got;
    struct page_object *base = ask->object;
    ask->object = NULL;
    ask->result = base ? PAGE_RESULT_REVALIDATED : PAGE_RESULT_MISS;
    enum prefetcher_answer said =
        prefetcher_get(site->machine, key, ask->session, 0, ask->now_ns, &got);
    if (said == PREFETCHER_WAIT && got.joined) {
        page_object_drop(base);
        ask->result = got.ahead ? PAGE_RESULT_LATE : PAGE_RESULT_JOINED;
        if (join(site, got.id, ask->waiter))
            return PAGE_JOIN;
        prefetcher_leave(site->machine, got.id, ask->now_ns);
    } else if (said == PREFETCHER_WAIT && take_own(site, got.id, &ask->load, ask->now_ns)) {
        ask->load.base = base;
        return PAGE_LOAD;
    } else {
        page_object_drop(base);
    }
    ask->result = PAGE_RESULT_PASS;
    return PAGE_PASS;
}

/* Under the lock, for a request that may be answered from the store. */
static enum page_answer answer(struct page_site *site, struct str key, struct page_ask *ask)
{
    const struct http_rules_request *request = ask->request;
    uint64_t value;
    enum prefetcher_answer known = prefetcher_peek(site->machine, key, ask->now_ns, &value);
    ask->result = PAGE_RESULT_PASS;
    if (known == PREFETCHER_HIT) {
        struct page_object *held = (struct page_object *)(uintptr_t)value;
        bool wrong = page_site_is_wrong(site, ask->target, held);
        enum http_rules_use use = http_rules_use(request, &held->rules, ask->wall_ns);
        if (use == HTTP_RULES_NEVER ||
            !page_object_selected(held, request->fields, request->field_count))
            return request->directives.only_if_cached ? PAGE_ABSENT : PAGE_PASS;
        if (use == HTTP_RULES_SERVE && !wrong)
            return serve_held(site, key, ask, held);
        if (request->directives.only_if_cached)
            return PAGE_ABSENT;
        if (!request->get || request->prefetch)
            return PAGE_PASS;
        ask->object = wrong ? NULL : page_object_keep(held);
        (void)prefetcher_drop(site->machine, key, ask->now_ns);
        return load_or_join(site, key, ask);
    }
    if (request->directives.only_if_cached)
        return PAGE_ABSENT;
    /* Nobody waits for an answer that is likely to be for one user alone. */
    bool personal = (request->cookie || request->authorization) && !site->usually_shared;
    if (!request->get || request->prefetch || personal)
        return PAGE_PASS;
    return load_or_join(site, key, ask);
}

enum page_answer page_site_ask(struct page_site *site, struct page_ask *ask)
{
    const struct http_rules_request *request = ask->request;
    enum page_answer said = PAGE_PASS;
    struct buf key;
    ask->object = NULL;
    ask->result = PAGE_RESULT_PASS;
    if (!request->cacheable)
        return request->directives.only_if_cached ? PAGE_ABSENT : PAGE_PASS;
    buf_init(&key, HTTP_RULES_KEY_MAX + SERVER_HEAD_MAX);
    pthread_mutex_lock(&site->lock);
    bool ok = page_key_write(site, ask->target, request->fields, request->field_count, &key);
    if (ok && !has_passed(site, ask->target, ask->now_ns)) {
        said = answer(site, buf_str(&key), ask);
        forget_accesses(site);
    } else if (request->directives.only_if_cached) {
        said = PAGE_ABSENT;
    }
    if (said == PAGE_PASS && request->prefetch && site->demand >= site->yield_at)
        said = PAGE_BUSY;
    pthread_mutex_unlock(&site->lock);
    buf_fini(&key);
    return said;
}

/* --- what else happens to it --- */

void page_site_demand(struct page_site *site, int change)
{
    pthread_mutex_lock(&site->lock);
    site->demand += change;
    prefetcher_headroom(site->machine, site->demand >= site->yield_at ? 0 : 1);
    pthread_mutex_unlock(&site->lock);
}

void page_site_count(struct page_site *site, enum page_result result)
{
    pthread_mutex_lock(&site->lock);
    site->results[result]++;
    pthread_mutex_unlock(&site->lock);
}

void page_site_invalidate(struct page_site *site, struct str target, int64_t wall_ns)
{
    uint64_t hash = page_key_hash(target);
    pthread_mutex_lock(&site->lock);
    if (map64_set(&site->wrong, hash, (uint64_t)wall_ns) != FW_OK) {
        site->all_wrong_ns = wall_ns; /* too many to tell apart */
        map64_fini(&site->wrong);
        map64_init(&site->wrong, PAGE_SITE_NOTES_MAX);
    }
    pthread_mutex_unlock(&site->lock);
}
