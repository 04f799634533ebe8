/* SPDX-License-Identifier: MIT */
#include "edge/pages/page_guess.h"
#include "base/table.h"
#include "base/time.h"
#include "learn/sequence.h"
#include "learn/sequence_names.h"
#include <stdlib.h>

const char *const page_strategy_names[PAGE_STRATEGY_COUNT + 1] = {
#define X(value, name, sentence) name,
    PAGE_STRATEGIES(X)
#undef X
};

enum {
    CONTEXTS_MAX = 1 << 18,
    ENTRIES_MAX = 1 << 19,
    TALLY_FADES = 256,
    NAMES_DEPTH = 3,
    NO_SESSION = -1
};
enum link_kind { LINK_NEXT, LINK_PREFETCH, LINK_KINDS };

struct link {
    uint64_t hash; /* of the target; 0: free */
    uint32_t number;
    uint8_t kind, left; /* requests until it was not followed */
    bool fresh;         /* of the latest answer */
};
struct session {
    uint64_t id;
    int64_t at_ns;
    uint32_t items[PAGE_GUESS_HISTORY];
    uint32_t count;
    uint64_t last; /* hash of the latest target */
    int newer, older;
    struct names_session names;
    struct link links[PAGE_GUESS_LINKS];
};
struct tally {
    double judged, right;
};
struct page_guess {
    unsigned strategies;
    struct sequence *sequence;
    struct names *names;
    struct table targets;
    struct map64 index; /* session -> place */
    struct session *sessions;
    int count, newest, oldest;
    struct tally links[LINK_KINDS];
    const struct session *told; /* whom the sequence's latest prediction was for; NULL */
};

static bool has(const struct page_guess *guess, enum page_strategy strategy)
{
    return guess->strategies & 1u << strategy;
}

enum fw_err page_guess_create(struct page_guess **out, unsigned strategies)
{
    struct page_guess *guess = calloc(1, sizeof *guess);
    struct sequence_settings settings = sequence_defaults;
    enum fw_err err = FW_OK;
    *out = guess;
    if (!guess)
        return FW_NOMEM;
    guess->strategies = strategies;
    guess->newest = guess->oldest = NO_SESSION;
    table_init(&guess->targets, PAGE_GUESS_TARGETS);
    map64_init(&guess->index, PAGE_GUESS_SESSIONS);
    guess->sessions = calloc(PAGE_GUESS_SESSIONS, sizeof *guess->sessions);
    settings.max_contexts = CONTEXTS_MAX;
    settings.max_entries = ENTRIES_MAX;
    if (has(guess, PAGE_MIX))
        err = sequence_create(&guess->sequence, &settings);
    if (err == FW_OK && has(guess, PAGE_NAMES))
        err = names_create(&guess->names, 0);
    if (err == FW_OK && !guess->sessions)
        err = FW_NOMEM;
    if (err != FW_OK)
        page_guess_free(out);
    return err;
}

void page_guess_free(struct page_guess **out)
{
    struct page_guess *guess = *out;
    *out = NULL;
    if (!guess)
        return;
    for (int i = 0; i < guess->count && guess->names; i++)
        names_session_fini(&guess->sessions[i].names);
    sequence_free(&guess->sequence);
    names_free(&guess->names);
    table_fini(&guess->targets);
    map64_fini(&guess->index);
    free(guess->sessions);
    free(guess);
}

/* --- sessions: a list by the latest request --- */

static void unlink_session(struct page_guess *guess, int place)
{
    struct session *session = &guess->sessions[place];
    if (session->newer != NO_SESSION)
        guess->sessions[session->newer].older = session->older;
    else
        guess->newest = session->older;
    if (session->older != NO_SESSION)
        guess->sessions[session->older].newer = session->newer;
    else
        guess->oldest = session->newer;
}

static void link_session(struct page_guess *guess, int place)
{
    struct session *session = &guess->sessions[place];
    session->newer = NO_SESSION;
    session->older = guess->newest;
    if (guess->newest != NO_SESSION)
        guess->sessions[guess->newest].newer = place;
    else
        guess->oldest = place;
    guess->newest = place;
}

static void end_session(struct page_guess *guess, struct session *session)
{
    if (guess->sequence && session->count > 1)
        sequence_end(guess->sequence, session->items, session->count);
    if (guess->told == session)
        guess->told = NULL;
    if (guess->names)
        names_end(guess->names, &session->names);
    session->count = 0;
    session->last = 0;
    memset(session->links, 0, sizeof session->links);
}

static int find_place(const struct page_guess *guess, uint64_t id)
{
    uint64_t place;
    return map64_get(&guess->index, id, &place) ? (int)place : NO_SESSION;
}

static struct session *find_session(struct page_guess *guess, uint64_t id)
{
    int place = find_place(guess, id);
    return place != NO_SESSION ? &guess->sessions[place] : NULL;
}

/* A free place, or that of the session which was idle longest. */
static int make_place(struct page_guess *guess)
{
    if (guess->count < PAGE_GUESS_SESSIONS) {
        if (guess->names)
            names_session_init(&guess->sessions[guess->count].names, guess->names);
        return guess->count++;
    }
    int place = guess->oldest;
    end_session(guess, &guess->sessions[place]);
    map64_remove(&guess->index, guess->sessions[place].id, NULL);
    unlink_session(guess, place);
    return place;
}

/* NULL: no memory. */
static struct session *take_session(struct page_guess *guess, uint64_t id, int64_t now_ns)
{
    int place = find_place(guess, id);
    bool known = place != NO_SESSION;
    if (known)
        unlink_session(guess, place);
    else
        place = make_place(guess);
    struct session *session = &guess->sessions[place];
    if (known && now_ns - session->at_ns > PAGE_GUESS_IDLE_NS)
        end_session(guess, session);
    session->id = id;
    session->at_ns = now_ns;
    link_session(guess, place);
    if (known || map64_set(&guess->index, id, (uint64_t)place) == FW_OK)
        return session;
    session->id = 0; /* not found by anyone, and makes way when its turn comes */
    return NULL;
}

/* --- learning --- */

static uint64_t hash_of(struct str target)
{
    uint64_t hash = str_hash(target.data, target.len, 0);
    return hash != 0 ? hash : 1;
}

static void judge(struct tally *tally, bool right)
{
    tally->judged += 1;
    tally->right += right;
    if (tally->judged > TALLY_FADES) {
        tally->judged /= 2;
        tally->right /= 2;
    }
}

/* One wrong and one right were seen before anything was. */
static double share(const struct tally *tally)
{
    return (tally->right + 1) / (tally->judged + 2);
}

static void judge_links(struct page_guess *guess, struct session *session, uint64_t hash)
{
    for (int i = 0; i < PAGE_GUESS_LINKS; i++) {
        struct link *link = &session->links[i];
        if (link->hash == 0)
            continue;
        link->fresh = false;
        if (link->hash != hash && --link->left > 0)
            continue;
        judge(&guess->links[link->kind], link->hash == hash);
        link->hash = 0;
    }
}

static void learn_item(struct page_guess *guess, struct session *session, uint32_t item)
{
    struct sequence_guess unused[1];
    if (session->count > 0) {
        if (guess->told != session) /* else it was asked when the session was last seen */
            (void)sequence_predict(guess->sequence, session->items, session->count, unused, 1);
        sequence_adapt(guess->sequence, &item, 1);
    }
    guess->told = NULL;
    sequence_learn(guess->sequence, session->items, session->count, item);
    if (session->count == PAGE_GUESS_HISTORY) {
        memmove(session->items, session->items + 1,
                (PAGE_GUESS_HISTORY - 1) * sizeof session->items[0]);
        session->count--;
    }
    session->items[session->count++] = item;
}

void page_guess_observe(struct page_guess *guess, uint64_t id, struct str target, int64_t now_ns)
{
    uint32_t item;
    struct session *session = take_session(guess, id, now_ns);
    uint64_t hash = hash_of(target);
    if (!session || target.len >= PAGE_GUESS_TARGET_MAX || session->last == hash)
        return;
    session->last = hash;
    judge_links(guess, session, hash);
    if (guess->names)
        names_observe(guess->names, &session->names, target);
    if (guess->sequence && table_add(&guess->targets, target, &item, NULL) == FW_OK)
        learn_item(guess, session, item);
}

void page_guess_absent(struct page_guess *guess, struct str target)
{
    if (guess->names)
        names_absent(guess->names, target);
}

void page_guess_link(struct page_guess *guess, uint64_t id, struct str target, struct str line)
{
    struct session *session = find_session(guess, id);
    struct http_link link;
    if (!session || !has(guess, PAGE_LINKS))
        return;
    while (http_link_next(&line, &link)) {
        char found[HTTP_LINK_TARGET_MAX];
        size_t len;
        uint32_t number;
        bool next = http_link_has(&link, "next");
        if (link.anchored || (!next && !http_link_has(&link, "prefetch")) ||
            !http_link_resolve(target, link.reference, found, &len) ||
            table_add(&guess->targets, (struct str){found, len}, &number, NULL) != FW_OK)
            continue;
        for (int i = 0; i < PAGE_GUESS_LINKS; i++) {
            uint64_t hash = hash_of((struct str){found, len});
            if (session->links[i].hash != 0 && session->links[i].hash != hash)
                continue;
            session->links[i] = (struct link){hash, number, next ? LINK_NEXT : LINK_PREFETCH,
                                              PAGE_GUESS_PATIENCE, true};
            break;
        }
    }
}

/* --- guessing --- */

struct list {
    struct page_wish *wishes;
    uint32_t count;
};

/* Each target once, with the best of its probabilities, in falling order. */
static void add_wish(struct list *list, struct str target, double probability,
                     enum page_strategy strategy)
{
    uint32_t at = list->count;
    if (!(probability >= PAGE_GUESS_LEAST) || target.len >= PAGE_GUESS_TARGET_MAX)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        struct page_wish *known = &list->wishes[i];
        if (!str_equal((struct str){known->target, known->len}, target))
            continue;
        if (known->probability >= probability)
            return;
        at = i;
        break;
    }
    if (at == list->count) {
        if (list->count < PAGE_GUESS_MAX)
            list->count++;
        else if (list->wishes[--at].probability >= probability)
            return;
    }
    while (at > 0 && list->wishes[at - 1].probability < probability) {
        list->wishes[at] = list->wishes[at - 1];
        at--;
    }
    memcpy(list->wishes[at].target, target.data, target.len);
    list->wishes[at].len = target.len;
    list->wishes[at].probability = probability;
    list->wishes[at].strategy = strategy;
}

uint32_t page_guess_expect(struct page_guess *guess, uint64_t id,
                           struct page_wish wishes[PAGE_GUESS_MAX])
{
    struct list list = {wishes, 0};
    struct session *session = find_session(guess, id);
    if (!session)
        return 0;
    if (guess->sequence && session->count > 0) {
        struct sequence_guess found[PAGE_GUESS_MAX];
        uint32_t count = sequence_predict(guess->sequence, session->items, session->count, found,
                                          PAGE_GUESS_MAX);
        guess->told = session;
        for (uint32_t i = 0; i < count; i++)
            add_wish(&list, table_key(&guess->targets, found[i].item), found[i].probability,
                     PAGE_MIX);
    }
    if (guess->names) {
        static const uint32_t most = PAGE_GUESS_MAX / 2;
        struct names_guess found[PAGE_GUESS_MAX / 2];
        uint32_t count = names_predict(guess->names, &session->names, found, most, NAMES_DEPTH);
        for (uint32_t i = 0; i < count; i++)
            add_wish(&list, (struct str){found[i].text, found[i].len}, found[i].soon, PAGE_NAMES);
    }
    for (int i = 0; i < PAGE_GUESS_LINKS; i++) {
        const struct link *link = &session->links[i];
        if (link->hash != 0 && link->fresh)
            add_wish(&list, table_key(&guess->targets, link->number),
                     share(&guess->links[link->kind]), PAGE_LINKS);
    }
    return list.count;
}
