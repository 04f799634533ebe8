/* SPDX-License-Identifier: MIT */
#include "learn/callnext.h"
#include "base/check.h"
#include "base/table.h"
#include "base/time.h"
#include <stdlib.h>

enum { DELAYS = 8, VERSION = 1, KNOWN_WELL = 3, NONE = UINT32_MAX };
#define FADE_AT 64.0f /* then all counts of a place are halved */

struct after {
    uint64_t place; /* where it leads: the key of that call, by its index */
    uint32_t model;
    float count;
    uint32_t delay_count;      /* ever, modulo what fits */
    int64_t delays_ns[DELAYS]; /* the latest */
};
struct place {
    uint64_t key;
    uint32_t before, behind; /* by when they were last seen: older, newer */
    float ends, total;
    uint32_t after_count;
    struct after after[CALLNEXT_AFTER_MAX];
};
struct callnext {
    struct map64 by_key; /* to numbers in places */
    struct place *places;
    uint32_t count, capacity, oldest, newest;
    struct table models;
};

/* ---- keys ---- */

static uint64_t key_of(struct str agent, const struct str *path, uint32_t depth)
{
    uint64_t hash = str_hash(agent.data, agent.len, depth);
    for (uint32_t i = 0; i < depth; i++)
        hash = str_hash(path[i].data, path[i].len, hash);
    return hash;
}

static uint64_t with_index(uint64_t key, uint32_t index)
{
    uint32_t bounded = index < CALLPATH_INDEX_MAX ? index : CALLPATH_INDEX_MAX;
    return str_hash(&bounded, sizeof bounded, key);
}

/* ---- places ---- */

static void unlink_place(struct callnext *next, uint32_t number)
{
    CHECK(next->places && number < next->count);
    struct place *place = &next->places[number];
    *(place->before != NONE ? &next->places[place->before].behind : &next->oldest) = place->behind;
    *(place->behind != NONE ? &next->places[place->behind].before : &next->newest) = place->before;
}

static void link_newest(struct callnext *next, uint32_t number)
{
    struct place *place = &next->places[number];
    place->before = next->newest;
    place->behind = NONE;
    *(place->before != NONE ? &next->places[place->before].behind : &next->oldest) = number;
    next->newest = number;
}

static enum fw_err grow(struct callnext *next)
{
    uint32_t capacity = next->capacity ? next->capacity * 2 : 64;
    struct place *places = realloc(next->places, capacity * sizeof *places);
    if (!places)
        return FW_NOMEM;
    next->places = places;
    next->capacity = capacity;
    return FW_OK;
}

/* Takes the place seen longest ago when there are as many as may be. */
static enum fw_err add_place(struct callnext *next, uint64_t key, uint32_t *number)
{
    if (next->count == CALLNEXT_PLACES_MAX) {
        *number = next->oldest;
        unlink_place(next, *number);
        map64_remove(&next->by_key, next->places[*number].key, NULL);
    } else {
        if (next->count == next->capacity)
            FW_TRY(grow(next));
        *number = next->count++;
    }
    CHECK(next->places);
    next->places[*number] = (struct place){.key = key};
    link_newest(next, *number);
    return map64_set(&next->by_key, key, *number);
}

static const struct place *find_place(const struct callnext *next, uint64_t key)
{
    uint64_t number;
    return map64_get(&next->by_key, key, &number) ? &next->places[number] : NULL;
}

static enum fw_err seen_place(struct callnext *next, uint64_t key, struct place **place)
{
    uint64_t known;
    uint32_t number;
    if (map64_get(&next->by_key, key, &known)) {
        number = (uint32_t)known;
        unlink_place(next, number);
        link_newest(next, number);
    } else {
        FW_TRY(add_place(next, key, &number));
    }
    *place = &next->places[number];
    return FW_OK;
}

/* ---- learning ---- */

static void fade(struct place *place)
{
    if (place->total < FADE_AT)
        return;
    place->total /= 2;
    place->ends /= 2;
    for (uint32_t i = 0; i < place->after_count; i++)
        place->after[i].count /= 2;
}

static struct after *find_after(struct place *place, uint32_t model)
{
    uint32_t rarest = 0;
    for (uint32_t i = 0; i < place->after_count; i++) {
        if (place->after[i].model == model)
            return &place->after[i];
        if (place->after[i].count < place->after[rarest].count)
            rarest = i;
    }
    uint32_t at = place->after_count < CALLNEXT_AFTER_MAX ? place->after_count++ : rarest;
    place->after[at] = (struct after){.model = model};
    return &place->after[at];
}

struct step { /* a call of the run that counts here */
    uint64_t path_key, key;
    int64_t start_ns;
    uint32_t model, order;
};

static enum fw_err learn_step(struct callnext *next, uint64_t key, const struct step *from,
                              const struct step *to)
{
    struct place *place;
    FW_TRY(seen_place(next, key, &place));
    fade(place);
    place->total += 1;
    if (!to) {
        place->ends += 1;
        return FW_OK;
    }
    struct after *after = find_after(place, to->model);
    after->place = to->key;
    after->count += 1;
    after->delays_ns[after->delay_count % DELAYS] = to->start_ns - from->start_ns;
    after->delay_count = after->delay_count + 1 < 2 * DELAYS ? after->delay_count + 1 : DELAYS;
    return FW_OK;
}

static int by_start(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* A name's number; NONE: it is not learned. */
static enum fw_err model_number(struct callnext *next, struct str model, uint32_t *number)
{
    *number = NONE;
    if (model.len == 0 || model.len > CALLNEXT_MODEL_NAME_MAX)
        return FW_OK;
    enum fw_err err = table_add(&next->models, model, number, NULL);
    if (err == FW_LIMIT)
        *number = NONE;
    return err == FW_LIMIT ? FW_OK : err;
}

static enum fw_err take_steps(struct callnext *next, const struct callpath_run *run,
                              const struct str *models, struct step *steps, uint32_t *count)
{
    struct map64 indices;
    enum fw_err err = FW_OK;
    *count = 0;
    map64_init(&indices, CALLPATH_RUN_CALLS_MAX);
    for (uint32_t i = 0; i < run->count; i++) {
        const struct callpath_call *call = &run->calls[i];
        if (call->kind != CALLPATH_LLM)
            continue;
        struct step *step = &steps[(*count)++];
        *step = (struct step){.path_key = key_of(run->agent, call->path, call->depth),
                              .start_ns = call->start_ns,
                              .order = i};
    }
    qsort(steps, *count, sizeof *steps, by_start);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count && err == FW_OK; i++) {
        uint64_t index = 0;
        (void)map64_get(&indices, steps[i].path_key, &index);
        err = map64_set(&indices, steps[i].path_key, ++index);
        steps[i].key = with_index(steps[i].path_key, (uint32_t)index);
        if (err == FW_OK)
            err = model_number(next, models[steps[i].order], &steps[i].model);
        if (steps[i].model != NONE)
            steps[kept++] = steps[i];
    }
    *count = kept;
    map64_fini(&indices);
    return err;
}

enum fw_err callnext_learn(struct callnext *next, const struct callpath_run *run,
                           const struct str *models)
{
    uint32_t count = 0;
    struct step *steps = calloc((size_t)run->count + 1, sizeof *steps);
    if (!steps)
        return FW_NOMEM;
    enum fw_err err = take_steps(next, run, models, steps, &count);
    for (uint32_t i = 0; i < count && err == FW_OK; i++) {
        const struct step *to = i + 1 < count ? &steps[i + 1] : NULL;
        err = learn_step(next, steps[i].key, &steps[i], to);
        if (err == FW_OK)
            err = learn_step(next, steps[i].path_key, &steps[i], to);
    }
    free(steps);
    return err;
}

/* ---- guessing ---- */

static int64_t median(const struct after *after)
{
    int64_t sorted[DELAYS];
    uint32_t count = after->delay_count < DELAYS ? after->delay_count : DELAYS;
    if (count == 0)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > after->delays_ns[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = after->delays_ns[i];
    }
    return sorted[count / 2];
}

struct guessing {
    struct callnext_guess *guesses;
    size_t count;
    double least;
};

static void add_guess(struct guessing *guessing, struct str model, double probability,
                      int64_t delay_ns)
{
    if (probability < guessing->least || guessing->count == CALLNEXT_GUESSES_MAX)
        return;
    for (size_t i = 0; i < guessing->count; i++)
        if (str_equal(guessing->guesses[i].model, model))
            return; /* its first time is what counts */
    size_t at = guessing->count++;
    for (; at > 0 && guessing->guesses[at - 1].probability < probability; at--)
        guessing->guesses[at] = guessing->guesses[at - 1];
    guessing->guesses[at] = (struct callnext_guess){model, probability, delay_ns};
}

static const struct after *likeliest(const struct place *place)
{
    const struct after *best = NULL;
    for (uint32_t i = 0; i < place->after_count; i++)
        if (!best || place->after[i].count > best->count)
            best = &place->after[i];
    return best;
}

/* By its index where that is known well, else by any. */
static const struct place *place_of(const struct callnext *next, uint64_t key, uint32_t index)
{
    const struct place *exact = find_place(next, with_index(key, index));
    const struct place *any = find_place(next, key);
    return exact && (exact->total >= KNOWN_WELL || !any) ? exact : any;
}

size_t callnext_find(const struct callnext *next, struct str agent, const struct str *path,
                     uint32_t depth, uint32_t index, double least,
                     struct callnext_guess guesses[CALLNEXT_GUESSES_MAX])
{
    struct guessing guessing = {guesses, 0, least};
    const struct place *place = place_of(next, key_of(agent, path, depth), index);
    double probability = 1;
    int64_t delay_ns = 0;
    for (int step = 0; step < CALLNEXT_STEPS_MAX && place && place->total > 0; step++) {
        for (uint32_t i = 0; i < place->after_count; i++)
            add_guess(&guessing, table_key(&next->models, place->after[i].model),
                      probability * (double)place->after[i].count / (double)place->total,
                      time_add(delay_ns, median(&place->after[i])));
        const struct after *best = likeliest(place);
        if (!best)
            break;
        probability *= (double)best->count / (double)place->total;
        delay_ns = time_add(delay_ns, median(best));
        if (probability < least)
            break;
        place = find_place(next, best->place);
    }
    return guessing.count;
}

size_t callnext_places(const struct callnext *next)
{
    return next->count;
}

/* ---- keeping ---- */

static void save_after(const struct after *after, struct buf *out)
{
    buf_put_u64(out, after->place);
    buf_put_u32(out, after->model);
    buf_put_float(out, after->count);
    buf_put_u32(out, after->delay_count);
    for (uint32_t i = 0; i < DELAYS; i++)
        buf_put_i64(out, after->delays_ns[i]);
}

void callnext_save(const struct callnext *next, struct buf *out)
{
    buf_put_u32(out, VERSION);
    buf_put_u32(out, next->models.count);
    for (uint32_t i = 0; i < next->models.count; i++)
        buf_put_str(out, table_key(&next->models, i));
    buf_put_u32(out, next->count);
    for (uint32_t number = next->oldest; number != NONE; number = next->places[number].behind) {
        const struct place *place = &next->places[number];
        buf_put_u64(out, place->key);
        buf_put_float(out, place->ends);
        buf_put_float(out, place->total);
        buf_put_u32(out, place->after_count);
        for (uint32_t i = 0; i < place->after_count; i++)
            save_after(&place->after[i], out);
    }
}

static void load_after(struct callnext *next, struct buf_reader *in, struct after *after)
{
    after->place = buf_get_u64(in);
    after->model = buf_get_u32(in);
    after->count = buf_get_float(in);
    after->delay_count = buf_get_u32(in);
    for (uint32_t i = 0; i < DELAYS; i++) {
        after->delays_ns[i] = buf_get_i64(in);
        in->failed |= after->delays_ns[i] < 0;
    }
    in->failed |= after->model >= next->models.count || !(after->count >= 0) ||
                  after->count > FADE_AT + 1 || after->delay_count > 2 * DELAYS;
}

static enum fw_err load_place(struct callnext *next, struct buf_reader *in)
{
    struct place read = {.key = buf_get_u64(in)};
    uint32_t number;
    read.ends = buf_get_float(in);
    read.total = buf_get_float(in);
    read.after_count = buf_get_u32(in);
    if (in->failed || read.after_count > CALLNEXT_AFTER_MAX || !(read.ends >= 0) ||
        !(read.total >= 0) || read.total > FADE_AT + 1 || find_place(next, read.key))
        return FW_CORRUPT;
    for (uint32_t i = 0; i < read.after_count; i++)
        load_after(next, in, &read.after[i]);
    if (in->failed)
        return FW_CORRUPT;
    FW_TRY(add_place(next, read.key, &number));
    struct place *place = &next->places[number];
    read.before = place->before;
    read.behind = place->behind;
    *place = read;
    return FW_OK;
}

static enum fw_err load(struct callnext *next, struct buf_reader *in)
{
    uint32_t version = buf_get_u32(in), models = buf_get_u32(in), number;
    if (!in->failed && version > VERSION)
        return FW_VERSION;
    if (in->failed || version == 0 || models > CALLNEXT_MODELS_MAX)
        return FW_CORRUPT;
    for (uint32_t i = 0; i < models; i++) {
        struct str name = buf_get_str(in);
        if (in->failed || name.len == 0 || name.len > CALLNEXT_MODEL_NAME_MAX)
            return FW_CORRUPT;
        FW_TRY(table_add(&next->models, name, &number, NULL));
        if (number != i)
            return FW_CORRUPT;
    }
    uint32_t places = buf_get_u32(in);
    if (in->failed || places > CALLNEXT_PLACES_MAX)
        return FW_CORRUPT;
    for (uint32_t i = 0; i < places; i++)
        FW_TRY(load_place(next, in));
    return FW_OK;
}

static void empty(struct callnext *next)
{
    map64_fini(&next->by_key);
    table_fini(&next->models);
    map64_init(&next->by_key, (size_t)2 * CALLNEXT_PLACES_MAX);
    table_init(&next->models, CALLNEXT_MODELS_MAX);
    next->count = 0;
    next->oldest = next->newest = NONE;
}

enum fw_err callnext_load(struct callnext *next, struct buf_reader *in)
{
    CHECK(next->count == 0);
    enum fw_err err = load(next, in);
    if (err != FW_OK)
        empty(next);
    return err;
}

enum fw_err callnext_create(struct callnext **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return FW_NOMEM;
    empty(*out);
    return FW_OK;
}

void callnext_free(struct callnext **next)
{
    if (!*next)
        return;
    map64_fini(&(*next)->by_key);
    table_fini(&(*next)->models);
    free((*next)->places);
    free(*next);
    *next = NULL;
}
