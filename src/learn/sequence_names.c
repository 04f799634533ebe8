/* SPDX-License-Identifier: MIT */
#include "learn/sequence_names.h"
#include <stdlib.h>

#define TALLY_MAX   4096.0f /* what a tally counts before it is halved */
#define END_MAX     32.0f
#define PRIOR       2.0 /* what came before counts like so many sightings */
#define ABSENT      4.0f
#define ENDS_BUCKET 4

/* ---- numbers in names ---- */

struct part {
    size_t at, len;
    uint64_t value;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           ((unsigned char)c & 0x80) != 0;
}

/* A plus or minus that joins nothing to the digits is a sign: "_+5", "-5", but not "page-5". */
static bool has_sign(struct str name, size_t at)
{
    return at > 0 && (name.data[at - 1] == '+' || name.data[at - 1] == '-') &&
           (at == 1 || !is_word(name.data[at - 2]));
}

/* The last numbers of the name, in its order. */
static uint32_t find_parts(struct str name, struct part parts[NAMES_PARTS])
{
    uint32_t count = 0;
    for (size_t end = name.len; end > 0 && count < NAMES_PARTS;) {
        if (!is_digit(name.data[end - 1])) {
            end--;
            continue;
        }
        size_t at = end;
        while (at > 0 && is_digit(name.data[at - 1]))
            at--;
        if (end - at <= NAMES_DIGITS && !has_sign(name, at)) {
            struct part part = {at, end - at, 0};
            for (size_t i = at; i < end; i++)
                part.value = part.value * 10 + (uint64_t)(name.data[i] - '0');
            parts[count++] = part;
        }
        end = at;
    }
    return count;
}

static uint64_t no_zero(uint64_t key)
{
    return key ? key : 1;
}

/* The name without this number. */
static uint64_t key_of(struct str name, const struct part *part)
{
    size_t after = part->at + part->len;
    uint64_t before = str_hash(name.data, part->at, part->at);
    return no_zero(str_hash(name.data + after, name.len - after, before));
}

/* The name without any number, and which of them is meant. */
static uint64_t shape_of(struct str name, uint32_t index)
{
    uint64_t hash = index + 1;
    for (size_t at = 0, from = 0; at <= name.len; at++) {
        if (at < name.len && !is_digit(name.data[at]))
            continue;
        if (at > from)
            hash = str_hash(name.data + from, at - from, hash);
        from = at + 1;
    }
    return no_zero(hash);
}

/* ---- what is known of runs ---- */

enum fw_err names_create(struct names **out, uint32_t least)
{
    struct names *names = calloc(1, sizeof *names);
    *out = names;
    if (names)
        names->least = least > 0 ? least : NAMES_LEAST;
    return names ? FW_OK : FW_NOMEM;
}

void names_free(struct names **names)
{
    free(*names);
    *names = NULL;
}

static void count(struct names_tally *tally, bool came)
{
    tally->asked += 1;
    tally->came += came ? 1 : 0;
    if (tally->asked > TALLY_MAX) {
        tally->asked *= 0.5f;
        tally->came *= 0.5f;
    }
}

static double share(double came, double asked, double prior)
{
    return (came + PRIOR * prior) / (asked + PRIOR);
}

static uint32_t level_of(uint32_t steps)
{
    return steps < NAMES_LEVELS ? steps : NAMES_LEVELS - 1;
}

static uint32_t age_of(const struct names_session *session, const struct names_run *run)
{
    uint32_t since = session->count - run->at;
    return since == 0 ? 0 : since <= 3 ? 1 : 2;
}

static uint64_t end_key(uint64_t key, uint64_t value)
{
    return no_zero(str_hash(&value, sizeof value, key));
}

static struct names_end *find_end(const struct names *names, uint64_t key)
{
    const struct names_end *bucket = names->ends + key % (NAMES_ENDS / ENDS_BUCKET) * ENDS_BUCKET;
    for (int i = 0; i < ENDS_BUCKET; i++)
        if (bucket[i].key == key)
            return (struct names_end *)&bucket[i];
    return NULL;
}

/* Only where a run ended at least once is anything remembered; what came there counts from then. */
static void tell_end(struct names *names, uint64_t key, float failed, float came)
{
    struct names_end *end = find_end(names, key);
    if (!end && failed > 0) {
        struct names_end *bucket = names->ends + key % (NAMES_ENDS / ENDS_BUCKET) * ENDS_BUCKET;
        end = bucket;
        for (int i = 1; i < ENDS_BUCKET; i++)
            if (bucket[i].failed + bucket[i].came < end->failed + end->came)
                end = &bucket[i];
        *end = (struct names_end){.key = key};
    }
    if (!end)
        return;
    end->failed += failed;
    end->came += came;
    if (end->failed + end->came > END_MAX) {
        end->failed *= 0.5f;
        end->came *= 0.5f;
    }
}

static void tell_ends(struct names *names, const struct names_run *run, uint64_t value,
                      float failed, float came)
{
    tell_end(names, end_key(run->key, value), failed, came);
    tell_end(names, end_key(run->shape, value), failed, came);
}

static double after_ends(const struct names *names, const struct names_run *run, uint64_t value,
                         double p)
{
    const uint64_t keys[] = {end_key(run->shape, value), end_key(run->key, value)};
    for (int i = 0; i < 2; i++) {
        const struct names_end *end = find_end(names, keys[i]);
        if (end)
            p = share((double)end->came, (double)end->came + (double)end->failed, p);
    }
    return p;
}

/* Where the run would go, `steps` ahead; false: there are no such numbers. */
static bool expected(const struct names_run *run, uint32_t steps, uint64_t *value)
{
    uint64_t limit = 1, by = run->stride < 0 ? -(uint64_t)run->stride : (uint64_t)run->stride;
    for (int i = 0; i < NAMES_DIGITS; i++)
        limit *= 10;
    *value = run->last;
    for (uint32_t i = 0; i < steps; i++) {
        if (run->stride < 0 ? *value < by : *value + by >= limit)
            return false;
        *value += (uint64_t)run->stride;
    }
    return run->stride != 0;
}

/* ---- a session ---- */

void names_session_init(struct names_session *session, const struct names *names)
{
    *session = (struct names_session){.least = names->least};
}

void names_session_fini(struct names_session *session)
{
    for (int i = 0; i < NAMES_RUNS; i++)
        free(session->runs[i].text);
    *session = (struct names_session){.least = session->least};
}

static void drop(struct names_run *run)
{
    free(run->text);
    *run = (struct names_run){0};
}

static void ended(struct names *names, const struct names_run *run)
{
    uint64_t value;
    if (!names || run->steps < names->least || !expected(run, 1, &value))
        return;
    count(&names->soon[level_of(run->steps)], false);
    tell_ends(names, run, value, 1, 0);
}

/* A free place; else that of the oldest number without a run; else of the oldest run. */
static struct names_run *make_room(struct names *names, struct names_session *session)
{
    struct names_run *oldest = NULL;
    for (int i = 0; i < NAMES_RUNS; i++) {
        struct names_run *run = &session->runs[i];
        if (run->key == 0)
            return run;
        bool lone = !run->text, oldest_lone = oldest && !oldest->text;
        if (!oldest || (lone && !oldest_lone) || (lone == oldest_lone && run->at < oldest->at))
            oldest = run;
    }
    ended(names, oldest);
    drop(oldest);
    return oldest;
}

static bool same_width(const struct names_run *run, struct str name, const struct part *part)
{
    bool padded = part->len > 1 && name.data[part->at] == '0';
    return run->width > 0 ? part->len == run->width || (!padded && part->len > run->width)
                          : !padded;
}

/* The run that expected this number, the most confirmed; NULL. */
static struct names_run *find_run(struct names_session *session, uint64_t key, struct str name,
                                  const struct part *part)
{
    struct names_run *best = NULL;
    uint64_t value;
    for (int i = 0; i < NAMES_RUNS; i++) {
        struct names_run *run = &session->runs[i];
        if (run->key == key && same_width(run, name, part) && expected(run, 1, &value) &&
            value == part->value && (!best || run->steps > best->steps))
            best = run;
    }
    return best;
}

static bool is_recent(const struct names_session *session, uint64_t key, uint64_t value)
{
    for (int i = 0; i < NAMES_RUNS; i++)
        if (session->runs[i].key == key && session->runs[i].last == value)
            return true;
    return false;
}

/* The stride of a new number: the latest one that completes three in a row, else what lies between
 * it and the latest number of this name. */
static void begin(const struct names_session *session, struct names_run *run)
{
    const struct names_run *best = NULL;
    bool three = false;
    for (int i = 0; i < NAMES_RUNS; i++) {
        const struct names_run *before = &session->runs[i];
        if (before->key != run->key || before->last == run->last)
            continue;
        bool even = is_recent(session, run->key, 2 * before->last - run->last);
        if (!best || even > three || (even == three && before->at > best->at)) {
            best = before;
            three = even;
        }
    }
    if (!best)
        return;
    run->stride = (int64_t)(run->last - best->last);
    run->steps = three ? 2 : 1;
    run->width = run->width > 0 ? run->width : best->width;
}

static void keep_text(struct names_run *run, struct str name, const struct part *part)
{
    size_t after = part->at + part->len;
    run->text = malloc(name.len - part->len + 1);
    if (!run->text)
        return; /* nothing will be said of it */
    run->cut = (uint16_t)part->at;
    run->text_len = (uint16_t)(name.len - part->len);
    memcpy(run->text, name.data, part->at);
    memcpy(run->text + part->at, name.data + after, name.len - after);
}

static void observe_part(struct names *names, struct names_session *session, struct str name,
                         const struct part *part, uint32_t index)
{
    uint64_t key = key_of(name, part);
    struct names_run *run = find_run(session, key, name, part);
    if (run) {
        if (names && run->steps >= names->least) {
            count(&names->soon[level_of(run->steps)], true);
            tell_ends(names, run, part->value, 0, 1);
        }
        run->steps += run->steps < UINT16_MAX;
    } else if (is_recent(session, key, part->value)) {
        return; /* the same again: no step */
    } else {
        struct names_run begun = {.key = key, .last = part->value};
        begun.shape = shape_of(name, index);
        if (part->len > 1 && name.data[part->at] == '0')
            begun.width = (uint16_t)part->len;
        begin(session, &begun);
        run = make_room(names, session);
        *run = begun;
    }
    run->last = part->value;
    run->at = session->count;
    if (!run->text && run->steps >= session->least)
        keep_text(run, name, part);
}

/* What was expected and whether this is it, before the runs go on. */
static void tally_next(struct names *names, const struct names_session *session, struct str name,
                       const struct part *parts, uint32_t part_count)
{
    for (int i = 0; i < NAMES_RUNS; i++) {
        const struct names_run *run = &session->runs[i];
        uint64_t value;
        bool came = false;
        if (run->key == 0 || run->steps < names->least || !expected(run, 1, &value))
            continue;
        for (uint32_t p = 0; p < part_count; p++)
            came |= parts[p].value == value && same_width(run, name, &parts[p]) &&
                    key_of(name, &parts[p]) == run->key;
        count(&names->next[level_of(run->steps)][age_of(session, run)], came);
    }
}

void names_observe(struct names *names, struct names_session *session, struct str name)
{
    struct part parts[NAMES_PARTS];
    uint32_t part_count = name.len <= NAMES_TEXT_MAX ? find_parts(name, parts) : 0;
    if (names && session->count > 0)
        tally_next(names, session, name, parts, part_count);
    session->count++;
    for (uint32_t i = 0; i < part_count; i++)
        observe_part(names, session, name, &parts[i], i);
    for (int i = 0; i < NAMES_RUNS; i++) {
        struct names_run *run = &session->runs[i];
        if (run->key == 0 || session->count - run->at < NAMES_PATIENCE)
            continue;
        ended(names, run);
        drop(run);
    }
}

void names_end(struct names *names, struct names_session *session)
{
    for (int i = 0; i < NAMES_RUNS; i++)
        if (session->runs[i].key != 0)
            ended(names, &session->runs[i]);
    names_session_fini(session);
}

void names_absent(struct names *names, struct str name)
{
    struct part parts[NAMES_PARTS];
    uint32_t part_count = name.len <= NAMES_TEXT_MAX ? find_parts(name, parts) : 0;
    for (uint32_t i = 0; i < part_count; i++)
        tell_end(names, end_key(key_of(name, &parts[i]), parts[i].value), ABSENT, 0);
}

/* ---- what goes on ---- */

static bool write_name(const struct names_run *run, uint64_t value, struct names_guess *guess)
{
    char digits[NAMES_DIGITS];
    uint16_t count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (count < run->width)
        digits[count++] = '0';
    guess->len = (uint16_t)(run->text_len + count);
    if (!run->text || guess->len >= sizeof guess->text)
        return false;
    memcpy(guess->text, run->text, run->cut);
    for (uint16_t i = 0; i < count; i++)
        guess->text[run->cut + i] = digits[count - 1 - i];
    memcpy(guess->text + run->cut + count, run->text + run->cut, run->text_len - run->cut);
    guess->text[guess->len] = '\0';
    return true;
}

static bool is_before(const struct names_guess *a, const struct names_guess *b)
{
    if (a->probability != b->probability)
        return a->probability > b->probability;
    if (a->soon != b->soon)
        return a->soon > b->soon;
    if (a->confirmations != b->confirmations)
        return a->confirmations > b->confirmations;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order < 0 : a->len < b->len;
}

static uint32_t insert(struct names_guess *guesses, uint32_t count, uint32_t max,
                       const struct names_guess *guess)
{
    for (uint32_t i = 0; i < count; i++) {
        if (guesses[i].len != guess->len || memcmp(guesses[i].text, guess->text, guess->len) != 0)
            continue;
        if (!is_before(guess, &guesses[i]))
            return count;
        memmove(&guesses[i], &guesses[i + 1], (--count - i) * sizeof *guesses);
        break;
    }
    uint32_t at = count;
    while (at > 0 && is_before(guess, &guesses[at - 1]))
        at--;
    if (at >= max)
        return count;
    count += count < max;
    memmove(guesses + at + 1, guesses + at, (count - 1 - at) * sizeof *guesses);
    guesses[at] = *guess;
    return count;
}

uint32_t names_predict(const struct names *names, const struct names_session *session,
                       struct names_guess *guesses, uint32_t max, uint32_t depth)
{
    uint32_t count = 0;
    for (int i = 0; i < NAMES_RUNS; i++) {
        const struct names_run *run = &session->runs[i];
        struct names_guess guess;
        uint64_t value;
        if (run->key == 0 || run->steps < names->least)
            continue;
        uint32_t level = level_of(run->steps), age = age_of(session, run);
        const struct names_tally *soon = &names->soon[level], *next = &names->next[level][age],
                                 *fresh = &names->next[level][0];
        double went_on =
            share((double)soon->came, (double)soon->asked, (run->steps + 1.0) / (run->steps + 2.0));
        double came = share((double)next->came, (double)next->asked, went_on);
        double at_once = share((double)fresh->came, (double)fresh->asked, went_on);
        double now = came < at_once ? went_on * came / at_once : went_on, product = 1;
        for (uint32_t steps = 1; steps <= depth && expected(run, steps, &value); steps++) {
            double p = after_ends(names, run, value, steps == 1 ? now : went_on);
            product *= p;
            guess.confirmations = run->steps;
            guess.steps = (uint16_t)steps;
            guess.soon = product;
            guess.probability = steps > 1 ? 0 : now > 0 ? came * (p < now ? p / now : 1) : 0;
            if (write_name(run, value, &guess))
                count = insert(guesses, count, max, &guess);
        }
    }
    return count;
}

uint64_t names_session_bytes(const struct names_session *session)
{
    uint64_t bytes = sizeof *session;
    for (int i = 0; i < NAMES_RUNS; i++)
        if (session->runs[i].text)
            bytes += session->runs[i].text_len + 1;
    return bytes;
}
