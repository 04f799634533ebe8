/* SPDX-License-Identifier: MIT */
#include "learn/transitions.h"
#include "base/time.h"
#include "learn/transitions_part.h"

#define FADE      0.99f /* of a context's counts at each visit */
#define BACK_OFF  2.0   /* K: visits' worth of what the shorter context says */
#define TWO_CASES 4.0   /* so many visits of both resources, and words speak of both */

static int delay_bin(int64_t delay_ns)
{
    int64_t seconds = delay_ns / TIME_SECOND;
    int bin = 0;
    while (seconds > 0 && bin < TRANSITION_DELAYS - 1) {
        seconds /= 2;
        bin++;
    }
    return bin;
}

static double delay_edge_s(int bin) /* lower edge */
{
    return bin == 0 ? 0 : (double)(1 << (bin - 1));
}

static void count_delay(uint8_t delays[TRANSITION_DELAYS], int bin)
{
    if (delays[bin] == UINT8_MAX)
        for (int i = 0; i < TRANSITION_DELAYS; i++)
            delays[i] /= 2;
    delays[bin]++;
}

void transition_delay_count(uint8_t delays[TRANSITION_DELAYS], int64_t delay_ns)
{
    count_delay(delays, delay_bin(delay_ns));
}

static const struct transition_next *find_next(const struct transition_cell *cell,
                                               uint32_t resource)
{
    for (int i = 0; cell && i < TRANSITION_NEXT; i++)
        if (cell->next[i].resource == resource)
            return &cell->next[i];
    return NULL;
}

/* The resource's place; a newcomer takes that of the rarest. */
static void count_next(struct transition_cell *cell, uint32_t resource, int bin)
{
    struct transition_next *place = &cell->next[0];
    cell->follows += 1;
    for (int i = 0; i < TRANSITION_NEXT; i++) {
        struct transition_next *next = &cell->next[i];
        if (next->resource == resource) {
            next->count += 1;
            count_delay(next->delays, bin);
            return;
        }
        if (next->count < place->count)
            place = next;
    }
    *place = (struct transition_next){.resource = resource, .count = 1};
    count_delay(place->delays, bin);
}

void transitions_learn(struct transitions *transitions, struct transition_context context,
                       uint32_t resource, int64_t delay_ns)
{
    int bin = delay_bin(delay_ns);
    struct transition_cell *two = transitions_find(transitions, context.before, context.last),
                           *one = transitions_find(transitions, TRANSITION_NONE, context.last);
    if (!transitions_enabled(transitions))
        return;
    if (two)
        count_next(two, resource, bin);
    if (one)
        count_next(one, resource, bin);
    count_next(&transitions->any, resource, bin);
}

static void visit(struct transition_cell *cell, int64_t now_ns)
{
    cell->visits = cell->visits * FADE + 1;
    cell->follows *= FADE;
    for (int i = 0; i < TRANSITION_NEXT; i++)
        cell->next[i].count *= FADE;
    cell->at_ns = now_ns;
}

enum fw_err transitions_visit(struct transitions *transitions, struct transition_context context,
                              int64_t now_ns)
{
    struct transition_cell *cell;
    if (!transitions_enabled(transitions))
        return FW_OK;
    visit(&transitions->any, now_ns);
    FW_TRY(transitions_place(transitions, TRANSITION_NONE, context.last, now_ns, &cell));
    visit(cell, now_ns);
    FW_TRY(transitions_place(transitions, context.before, context.last, now_ns, &cell));
    visit(cell, now_ns);
    return FW_OK;
}

/* ---- what may follow ---- */

/* One step of the back-off: what this context says, and `shorter` where it has seen little. */
static double back_off(const struct transition_cell *cell, const struct transition_next *next,
                       double shorter)
{
    double visits = cell ? (double)cell->visits : 0, count = next ? (double)next->count : 0;
    double probability = (count + BACK_OFF * shorter) / (visits + BACK_OFF);
    return probability < 1 ? probability : 1;
}

/* Delays by the longest context, and the shorter ones where it has seen little. */
static void mix_delays(const struct transition_cell *const cells[3], uint32_t resource,
                       double law[TRANSITION_DELAYS])
{
    double sum = 0;
    for (int i = 0; i < TRANSITION_DELAYS; i++)
        law[i] = 0;
    for (int k = 0; k < 3; k++) { /* from the shortest on */
        const struct transition_next *next = find_next(cells[k], resource);
        double seen = 0;
        for (int i = 0; next && i < TRANSITION_DELAYS; i++)
            seen += next->delays[i];
        if (seen == 0)
            continue;
        for (int i = 0; i < TRANSITION_DELAYS; i++)
            law[i] = (sum > 0 ? BACK_OFF * law[i] / sum : 0) + (double)next->delays[i];
        sum = seen + (sum > 0 ? BACK_OFF : 0);
    }
    for (int i = 0; i < TRANSITION_DELAYS && sum > 0; i++)
        law[i] /= sum;
}

/* But for its delays: most guesses are not among the likeliest. */
static struct transition_guess guess_one(const struct transition_cell *const cells[3],
                                         uint32_t resource)
{
    struct transition_guess guess;
    guess.resource = resource;
    guess.probability = 0;
    for (int k = 0; k < 3; k++)
        guess.probability = back_off(cells[k], find_next(cells[k], resource), guess.probability);
    guess.two = cells[2] && (double)cells[2]->visits >= TWO_CASES;
    guess.popular = !cells[1] && !cells[2];
    const struct transition_cell *told = guess.two ? cells[2] : cells[1] ? cells[1] : cells[0];
    guess.cases = (double)told->visits;
    return guess;
}

static bool goes_before(const struct transition_guess *a, const struct transition_guess *b)
{
    return a->probability != b->probability ? a->probability > b->probability
                                            : a->resource < b->resource;
}

/* Into its place among the `count` best so far. */
static size_t insert(struct transition_guess *guesses, size_t count, size_t max,
                     const struct transition_guess *guess)
{
    size_t at = count;
    while (at > 0 && goes_before(guess, &guesses[at - 1]))
        at--;
    if (at == max)
        return count;
    size_t kept = count < max ? count + 1 : max;
    for (size_t i = kept - 1; i > at; i--)
        guesses[i] = guesses[i - 1];
    guesses[at] = *guess;
    return kept;
}

struct cells {
    const struct transition_cell *of[3];
};

static struct cells cells_of(const struct transitions *transitions,
                             struct transition_context context)
{
    return (struct cells){{&transitions->any,
                           transitions_find(transitions, TRANSITION_NONE, context.last),
                           transitions_find(transitions, context.before, context.last)}};
}

size_t transitions_rank(const struct transitions *transitions, struct transition_context context,
                        double least, struct transition_guess *guesses, size_t max)
{
    const struct cells found = cells_of(transitions, context);
    const struct transition_cell *const *cells = found.of;
    size_t count = 0;
    bool known = false;
    for (int k = 2; k >= 0; k--) {
        if (k == 0 && known)
            break; /* what is merely popular is guessed when nothing else is known */
        for (int i = 0; cells[k] && i < TRANSITION_NEXT; i++) {
            uint32_t resource = cells[k]->next[i].resource;
            if (resource == TRANSITION_NONE || (k == 1 && find_next(cells[2], resource)))
                continue;
            struct transition_guess guess = guess_one(cells, resource);
            known = true;
            if (guess.probability >= least)
                count = insert(guesses, count, max, &guess);
        }
    }
    return count;
}

void transitions_delays(const struct transitions *transitions, struct transition_context context,
                        struct transition_guess *guess)
{
    const struct cells found = cells_of(transitions, context);
    mix_delays(found.of, guess->resource, guess->delays);
}

size_t transitions_guess(const struct transitions *transitions, struct transition_context context,
                         double least, struct transition_guess *guesses, size_t max)
{
    size_t count = transitions_rank(transitions, context, least, guesses, max);
    for (size_t i = 0; i < count; i++)
        transitions_delays(transitions, context, &guesses[i]);
    return count;
}

double transitions_goes_on(const struct transitions *transitions, struct transition_context context,
                           double usual)
{
    const struct transition_cell *cells[2] = {
        transitions_find(transitions, TRANSITION_NONE, context.last),
        transitions_find(transitions, context.before, context.last)};
    for (int k = 0; k < 2; k++)
        if (cells[k])
            usual = ((double)cells[k]->follows + BACK_OFF * usual) /
                    ((double)cells[k]->visits + BACK_OFF);
    return usual < 1 ? usual : 1;
}

double transition_within(const struct transition_guess *guess, double seconds)
{
    double share = 0;
    for (int i = 0; i < TRANSITION_DELAYS; i++) {
        double low_s = delay_edge_s(i), high_s = delay_edge_s(i + 1);
        if (seconds >= high_s)
            share += guess->delays[i];
        else if (seconds > low_s)
            share += guess->delays[i] * (seconds - low_s) / (high_s - low_s);
    }
    return share < 1 ? share : 1;
}

double transition_quantile_s(const struct transition_guess *guess, double share)
{
    double below = 0;
    for (int i = 0; i < TRANSITION_DELAYS; i++) {
        double low_s = delay_edge_s(i), high_s = delay_edge_s(i + 1);
        if (guess->delays[i] > 0 && below + guess->delays[i] >= share)
            return low_s + (high_s - low_s) * (share - below) / guess->delays[i];
        below += guess->delays[i];
    }
    return delay_edge_s(TRANSITION_DELAYS);
}
