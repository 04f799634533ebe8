/* SPDX-License-Identifier: MIT */
#include "learn/sequence_user.h"
#include "base/prng.h"
#include "learn/decay.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR        2e-2 /* the least probability an expert may give */
#define RECENT       0.9  /* weight of an item, of the next later one */
#define UNSURE       2.0  /* what is seen little is believed little: escape counts so much */
#define START_GLOBAL 0.7
#define START_OWN    0.2
#define RATE         0.01
#define WEIGHT_MIN   (-0.5)
#define FLAG_MIN     (-8.0)
#define WEIGHT_MAX   4.0
#define COVERED_RATE 0.005
#define BIN_PRIOR    5.0
#define BIN_MAX      2000.0
#define GATE_MAX     512.0
#define GATE_PRIOR                                                                                 \
    4.0 /* right answers by which the latest item is ahead, before anything is seen */

enum expert { GLOBAL, FIRST, SECOND, POPULAR, LAST, BEFORE };

enum fw_err sequence_users_create(struct sequence_users **out, struct sequence *global,
                                  uint32_t max_users)
{
    struct sequence_users *users = calloc(1, sizeof *users);
    *out = users;
    if (!users)
        return FW_NOMEM;
    users->global = global;
    users->rate = RATE;
    users->sets = max_users / SEQUENCE_USER_WAYS + (max_users % SEQUENCE_USER_WAYS > 0);
    users->sets = users->sets > 0 ? users->sets : 1;
    users->users = calloc((size_t)users->sets * SEQUENCE_USER_WAYS, sizeof *users->users);
    for (int known = 0; known < SEQUENCE_USER_KNOWN; known++) {
        for (int run = 0; run < SEQUENCE_USER_RUNS; run++) {
            struct sequence_user_weights *weights = &users->weights[known][run];
            for (int f = 0; f < SEQUENCE_USER_FEATURES; f++) {
                weights->w[f] = f == GLOBAL ? START_GLOBAL : f < LAST ? START_OWN : 0;
                weights->squares[f] = 1;
            }
            weights->covered = 0.9;
        }
    }
    if (users->users)
        return FW_OK;
    sequence_users_free(out);
    return FW_NOMEM;
}

void sequence_users_free(struct sequence_users **users)
{
    if (*users)
        free((*users)->users);
    free(*users);
    *users = NULL;
}

uint64_t sequence_users_bytes(const struct sequence_users *users)
{
    return sequence_bytes(users->global) + (uint64_t)users->count * sizeof *users->users +
           sizeof *users;
}

/* ---- users ---- */

static struct sequence_user *set_of(const struct sequence_users *users, uint64_t key)
{
    return users->users + prng_scramble(key) % users->sets * SEQUENCE_USER_WAYS;
}

static struct sequence_user *find_user(const struct sequence_users *users, uint64_t key)
{
    struct sequence_user *set = set_of(users, key);
    for (int way = 0; key != 0 && way < SEQUENCE_USER_WAYS; way++)
        if (set[way].key == key)
            return &set[way];
    return NULL;
}

static struct sequence_user *add_user(struct sequence_users *users, uint64_t key)
{
    struct sequence_user *oldest = set_of(users, key), *set = oldest;
    for (int way = 1; way < SEQUENCE_USER_WAYS && oldest->key != 0; way++)
        if (set[way].key == 0 || set[way].at < oldest->at)
            oldest = &set[way];
    if (oldest->key == 0)
        users->count++;
    else
        users->forgotten++;
    *oldest = (struct sequence_user){.key = key};
    return oldest;
}

/* The item `back` before the latest one; SEQUENCE_NONE: a session's end, or it is not kept. */
static uint32_t item_back(const struct sequence_user *user, uint32_t back)
{
    if (back >= user->count || back >= SEQUENCE_USER_ITEMS)
        return SEQUENCE_NONE;
    return user->items[(user->count - 1 - back) % SEQUENCE_USER_ITEMS];
}

static void keep_item(struct sequence_users *users, uint64_t key, uint32_t item)
{
    struct sequence_user *user = find_user(users, key);
    if (!user)
        user = add_user(users, key);
    user->items[user->count % SEQUENCE_USER_ITEMS] = item;
    user->count++;
    if (user->count == UINT32_MAX) /* the ring stays where it is */
        user->count = SEQUENCE_USER_ITEMS + (UINT32_MAX % SEQUENCE_USER_ITEMS);
    user->at = ++users->seen;
}

/* ---- candidates and what is said of them ---- */

static struct sequence_user_candidate *candidate(struct sequence_users *users, uint32_t item,
                                                 uint32_t max)
{
    for (uint32_t i = 0; i < users->candidate_count; i++)
        if (users->candidates[i].item == item)
            return &users->candidates[i];
    if (users->candidate_count >= max)
        return NULL;
    struct sequence_user_candidate *added = &users->candidates[users->candidate_count++];
    *added = (struct sequence_user_candidate){.item = item};
    return added;
}

static void tell_own(struct sequence_users *users, const struct sequence_user *user,
                     const uint32_t *items, uint32_t len)
{
    double weight = 1, total[SEQUENCE_USER_EXPERTS] = {0};
    uint32_t last = len > 0 ? items[len - 1] : SEQUENCE_NONE;
    uint32_t second = len > 1 ? items[len - 2] : SEQUENCE_NONE;
    for (uint32_t back = 0; back < SEQUENCE_USER_ITEMS && back < user->count; back++) {
        uint32_t item = item_back(user, back);
        weight *= RECENT;
        if (item == SEQUENCE_NONE)
            continue;
        struct sequence_user_candidate *c = candidate(users, item, SEQUENCE_USER_CANDIDATES);
        bool after = item_back(user, back + 1) == last && last != SEQUENCE_NONE;
        bool after_two = after && item_back(user, back + 2) == second && second != SEQUENCE_NONE;
        const double adds[] = {0, after ? weight : 0, after_two ? weight : 0, weight};
        for (int e = FIRST; e <= POPULAR; e++) {
            total[e] += adds[e];
            if (c)
                c->feature[e] += adds[e];
        }
    }
    for (uint32_t i = 0; i < users->candidate_count; i++)
        for (int e = FIRST; e <= POPULAR; e++)
            users->candidates[i].feature[e] /= total[e] + UNSURE;
}

static void tell_flags(struct sequence_users *users, const uint32_t *items, uint32_t len)
{
    uint32_t last = len > 0 ? items[len - 1] : SEQUENCE_NONE, at = len;
    while (at > 0 && items[at - 1] == last)
        at--;
    uint32_t other = at > 0 ? items[at - 1] : SEQUENCE_NONE;
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        struct sequence_user_candidate *c = &users->candidates[i];
        c->feature[LAST] = c->item == last ? 1 : 0;
        c->feature[BEFORE] = c->item == other ? 1 : 0;
    }
}

static struct sequence_user_weights *weights_of(struct sequence_users *users,
                                                const struct sequence_user *user,
                                                const uint32_t *items, uint32_t len)
{
    uint32_t run = 0, before = 0;
    while (run < len && run < 4 && items[len - 1 - run] == items[len - 1])
        run++;
    for (uint32_t back = run; back < SEQUENCE_USER_ITEMS && before == 0; back++)
        before += len > 0 && item_back(user, back) == items[len - 1];
    int known = user->count < 4 ? 0 : user->count < 12 ? 1 : user->count < 40 ? 2 : 3;
    return &users->weights[known][run > 3 ? 3 : run > 1 ? 2 : before > 0 ? 1 : 0];
}

static void weigh(struct sequence_users *users)
{
    const double *w = users->used->w;
    double most = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        struct sequence_user_candidate *c = &users->candidates[i];
        for (int e = 0; e < SEQUENCE_USER_EXPERTS; e++)
            c->feature[e] = decay_log(c->feature[e] + FLOOR);
        c->probability = 0;
        for (int f = 0; f < SEQUENCE_USER_FEATURES; f++)
            c->probability += w[f] * c->feature[f];
        most = c->probability > most ? c->probability : most;
    }
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        users->candidates[i].probability = decay_exp(users->candidates[i].probability - most);
        sum += users->candidates[i].probability;
    }
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        users->candidates[i].probability /= sum;
        users->candidates[i].told = users->used->covered * users->candidates[i].probability;
    }
}

/* Changes places with the likeliest where such guesses were not better than the latest item. */
static void guard_latest(struct sequence_users *users, const uint32_t *items, uint32_t len)
{
    static const double ratios[SEQUENCE_USER_GATES - 1] = {1.2, 1.5, 2, 3, 5};
    struct sequence_user_candidate *best = NULL, *latest = NULL;
    users->gate = NULL;
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        struct sequence_user_candidate *c = &users->candidates[i];
        if (!best || c->probability > best->probability ||
            (c->probability == best->probability && c->item < best->item))
            best = c;
        if (len > 0 && c->item == items[len - 1])
            latest = c;
    }
    if (!latest || best == latest)
        return;
    int bin = 0;
    while (bin < SEQUENCE_USER_GATES - 1 && best->probability > ratios[bin] * latest->probability)
        bin++;
    users->gate = &users->gates[bin];
    users->other = best->item;
    users->latest = latest->item;
    if (users->gate->other >= users->gate->latest + GATE_PRIOR)
        return;
    double likeliest = best->told;
    best->told = latest->told;
    latest->told = likeliest;
}

static double bin_factor(const struct sequence_users *users, int bin)
{
    const struct sequence_user_bin *of =
        &users->bins[bin < SEQUENCE_USER_BINS ? bin : SEQUENCE_USER_BINS - 1];
    return (of->came + BIN_PRIOR) / (of->told + BIN_PRIOR);
}

/* As sequence_mix.h corrects its own. */
static void correct_all(struct sequence_users *users)
{
    double sum = 0;
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        struct sequence_user_candidate *c = &users->candidates[i];
        double at = c->told * SEQUENCE_USER_BINS - 0.5;
        int bin = at > 0 ? (int)at : 0;
        double part = at > 0 ? at - bin : 0;
        c->corrected =
            c->told * ((1 - part) * bin_factor(users, bin) + part * bin_factor(users, bin + 1));
        c->corrected = c->corrected < 1 ? c->corrected : 1;
        sum += c->corrected;
    }
    for (uint32_t i = 0; sum > 1 && i < users->candidate_count; i++)
        users->candidates[i].corrected /= sum;
}

uint32_t sequence_users_predict(struct sequence_users *users, uint64_t user, const uint32_t *items,
                                uint32_t len, struct sequence_guess *guesses, uint32_t max)
{
    struct sequence_guess all[SEQUENCE_USER_GLOBAL];
    const struct sequence_user *known = find_user(users, user);
    users->used = NULL;
    if (!known)
        return sequence_predict(users->global, items, len, guesses, max);
    users->used = weights_of(users, known, items, len);
    users->candidate_count = 0;
    uint32_t all_count = sequence_predict(users->global, items, len, all, SEQUENCE_USER_GLOBAL);
    for (uint32_t i = 0; i < all_count; i++) {
        struct sequence_user_candidate *c = candidate(users, all[i].item, SEQUENCE_USER_CANDIDATES);
        if (c)
            c->feature[GLOBAL] = all[i].probability;
    }
    tell_own(users, known, items, len);
    tell_flags(users, items, len);
    weigh(users);
    guard_latest(users, items, len);
    correct_all(users);
    uint32_t count = 0;
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        struct sequence_guess guess = {users->candidates[i].item, users->candidates[i].corrected};
        uint32_t at = count;
        while (at > 0 && (guesses[at - 1].probability < guess.probability ||
                          (guesses[at - 1].probability == guess.probability &&
                           guesses[at - 1].item > guess.item)))
            at--;
        if (at >= max)
            continue;
        count += count < max;
        memmove(guesses + at + 1, guesses + at, (count - 1 - at) * sizeof *guesses);
        guesses[at] = guess;
    }
    return count;
}

/* ---- learning ---- */

static bool is_among(uint32_t item, const uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (items[i] == item)
            return true;
    return false;
}

static void learn_bin(struct sequence_users *users, double told, bool came)
{
    int at = (int)(told * SEQUENCE_USER_BINS);
    struct sequence_user_bin *bin =
        &users->bins[at < SEQUENCE_USER_BINS ? at : SEQUENCE_USER_BINS - 1];
    bin->told += told;
    bin->came += came ? 1 : 0;
    if (bin->told < BIN_MAX && bin->came < BIN_MAX)
        return;
    bin->told *= 0.5;
    bin->came *= 0.5;
}

static void learn_gate(struct sequence_users *users, const uint32_t *came, uint32_t count)
{
    struct sequence_user_gate *gate = users->gate;
    gate->other += is_among(users->other, came, count) ? 1 : 0;
    gate->latest += is_among(users->latest, came, count) ? 1 : 0;
    if (gate->other + gate->latest > GATE_MAX) {
        gate->other *= 0.5;
        gate->latest *= 0.5;
    }
}

void sequence_users_adapt(struct sequence_users *users, const uint32_t *came, uint32_t count)
{
    struct sequence_user_weights *weights = users->used;
    double gradient[SEQUENCE_USER_FEATURES] = {0};
    uint32_t hits = 0;
    sequence_adapt(users->global, came, count);
    if (!weights)
        return;
    if (users->gate)
        learn_gate(users, came, count);
    for (uint32_t i = 0; i < users->candidate_count; i++) {
        bool hit = is_among(users->candidates[i].item, came, count);
        learn_bin(users, users->candidates[i].told, hit);
        hits += hit;
    }
    weights->covered += COVERED_RATE * ((hits > 0 ? 1 : 0) - weights->covered);
    for (uint32_t i = 0; hits > 0 && i < users->candidate_count; i++) {
        const struct sequence_user_candidate *c = &users->candidates[i];
        double told = is_among(c->item, came, count) ? 1.0 / hits : 0;
        for (int f = 0; f < SEQUENCE_USER_FEATURES; f++)
            gradient[f] += (told - c->probability) * c->feature[f];
    }
    for (int f = 0; hits > 0 && f < SEQUENCE_USER_FEATURES; f++) {
        double g = gradient[f], low = f >= LAST ? FLAG_MIN : WEIGHT_MIN;
        weights->squares[f] += g * g;
        double w = weights->w[f] + 20 * users->rate * g / sqrt(weights->squares[f] + 1);
        weights->w[f] = w < low ? low : w > WEIGHT_MAX ? WEIGHT_MAX : w;
    }
    users->used = NULL;
}

void sequence_users_learn(struct sequence_users *users, uint64_t user, const uint32_t *items,
                          uint32_t len, uint32_t next)
{
    sequence_learn(users->global, items, len, next);
    if (user != 0 && next < SEQUENCE_NONE)
        keep_item(users, user, next);
}

void sequence_users_end(struct sequence_users *users, uint64_t user, const uint32_t *items,
                        uint32_t len)
{
    const struct sequence_user *known = find_user(users, user);
    sequence_end(users->global, items, len);
    if (known && item_back(known, 0) != SEQUENCE_NONE)
        keep_item(users, user, SEQUENCE_NONE);
}
