/* SPDX-License-Identifier: MIT */
#include "learn/prompts.h"
#include "base/stats.h"
#include "base/time.h"
#include <stdlib.h>
#include <string.h>

enum { CONFIDENT_FROM = 20, BYTES_PER_TOKEN = 4 };
static const double stable_from = 0.95, semi_from = 0.5;

const char *const prompts_lives[PROMPTS_LIVES] = {"seconds", "a minute", "ten minutes", "an hour",
                                                  "longer"};

enum fw_err prompts_add(struct prompts *prompts, const struct prompts_block *blocks, uint32_t count,
                        int64_t at_ns)
{
    count = count < PROMPTS_BLOCKS_MAX ? count : PROMPTS_BLOCKS_MAX;
    struct prompts_block *copy = calloc((size_t)count + 1, sizeof *copy);
    if (!copy)
        return FW_NOMEM;
    if (count > 0)
        memcpy(copy, blocks, count * sizeof *copy);
    struct prompts_request *place = &prompts->kept[prompts->seen++ % PROMPTS_KEPT];
    free(place->blocks);
    place->blocks = copy;
    place->count = count;
    place->at_ns = at_ns;
    return FW_OK;
}

void prompts_fini(struct prompts *prompts)
{
    for (size_t i = 0; i < PROMPTS_KEPT; i++)
        free(prompts->kept[i].blocks);
    *prompts = (struct prompts){.seen = 0};
}

/* ---- places ---- */

static int compare_hashes(const void *a, const void *b)
{
    const struct prompts_block *left = a, *right = b;
    return left->hash < right->hash ? -1 : left->hash > right->hash;
}

static struct prompts_place describe(const struct prompts *prompts, uint32_t requests,
                                     uint32_t number)
{
    struct prompts_block blocks[PROMPTS_KEPT];
    struct prompts_place place = {.present = 0};
    uint32_t most = 0;
    for (uint32_t i = 0; i < requests; i++)
        if (number < prompts->kept[i].count)
            blocks[place.present++] = prompts->kept[i].blocks[number];
    qsort(blocks, place.present, sizeof *blocks, compare_hashes);
    for (uint32_t from = 0, to; from < place.present; from = to) {
        for (to = from; to < place.present && blocks[to].hash == blocks[from].hash;)
            to++;
        if (to - from > most) {
            most = to - from;
            place.bytes = blocks[from].bytes;
        }
    }
    if (place.present > 0)
        place.score = (double)place.present / requests * ((double)most / place.present);
    place.confidence = place.present < CONFIDENT_FROM ? (double)place.present / CONFIDENT_FROM : 1;
    place.class = place.score >= stable_from ? PROMPTS_STABLE
                  : place.score >= semi_from ? PROMPTS_SEMI
                                             : PROMPTS_VARIABLE;
    return place;
}

/* ---- the prefix ---- */

/* The hash of each request's first blocks, up to one more at every call; those that end before it
 * are told apart from all. */
struct prefixes {
    uint64_t of[PROMPTS_KEPT];
    bool ended[PROMPTS_KEPT];
};

static uint64_t mix(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static int compare_uint64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* How many requests share the commonest prefix of `number` + 1 blocks. */
static uint32_t sharing(const struct prompts *prompts, uint32_t requests, uint32_t number,
                        struct prefixes *prefixes)
{
    uint64_t sorted[PROMPTS_KEPT];
    uint32_t count = 0, most = 0;
    for (uint32_t i = 0; i < requests; i++) {
        prefixes->ended[i] = prefixes->ended[i] || number >= prompts->kept[i].count;
        if (prefixes->ended[i])
            continue;
        prefixes->of[i] = mix(prefixes->of[i], prompts->kept[i].blocks[number].hash);
        sorted[count++] = prefixes->of[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_uint64);
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && sorted[to] == sorted[from];)
            to++;
        most = to - from > most ? to - from : most;
    }
    return most;
}

static void find_prefix(const struct prompts *prompts, struct prompts_report *report)
{
    struct prefixes prefixes = {.of = {0}};
    uint32_t n = report->requests, wanted = (n * 95 + 99) / 100;
    uint64_t bytes = 0;
    wanted = wanted > n / 2 + 1 ? wanted : n / 2 + 1;
    while (report->stable_blocks < report->place_count &&
           sharing(prompts, n, report->stable_blocks, &prefixes) >= wanted)
        bytes += report->places[report->stable_blocks++].bytes;
    report->stable_tokens = (uint32_t)(bytes / BYTES_PER_TOKEN);
}

static void price(const struct prompts_prices *prices, struct prompts_report *report)
{
    double least = report->stable_blocks > 0 ? 1 : 0;
    for (uint32_t i = 0; i < report->stable_blocks; i++) {
        double sure = report->places[i].score * report->places[i].confidence;
        least = sure < least ? sure : least;
    }
    report->reads = (double)(report->requests - 1) * least;
    report->net_tokens =
        (double)report->stable_tokens * ((1 - prices->read) * report->reads - (prices->write - 1));
    if (report->stable_tokens < prices->least_tokens)
        report->net_tokens = 0;
}

/* ---- time ---- */

static void measure_gaps(const struct prompts *prompts, struct prompts_report *report)
{
    static const int64_t limits_ns[] = {5 * TIME_SECOND, TIME_MINUTE, 10 * TIME_MINUTE, TIME_HOUR};
    int64_t at_ns[PROMPTS_KEPT];
    uint32_t count = report->requests;
    for (uint32_t i = 0; i < count; i++)
        at_ns[i] = prompts->kept[i].at_ns;
    stats_sort_int64(at_ns, count);
    for (uint32_t i = 0; i + 1 < count; i++)
        at_ns[i] = at_ns[i + 1] - at_ns[i];
    report->life = PROMPTS_LONGER;
    if (count < 2)
        return;
    stats_sort_int64(at_ns, count - 1);
    report->median_gap_ns = at_ns[(count - 1) / 2];
    for (uint32_t i = PROMPTS_LONGER; i-- > 0;)
        if (report->median_gap_ns <= limits_ns[i])
            report->life = (enum prompts_life)i;
}

void prompts_report(const struct prompts *prompts, const struct prompts_prices *prices,
                    struct prompts_report *report)
{
    *report = (struct prompts_report){
        .requests = prompts->seen < PROMPTS_KEPT ? (uint32_t)prompts->seen : PROMPTS_KEPT};
    if (report->requests == 0)
        return;
    for (uint32_t i = 0; i < report->requests; i++)
        if (prompts->kept[i].count > report->place_count)
            report->place_count = prompts->kept[i].count;
    for (uint32_t i = 0; i < report->place_count; i++)
        report->places[i] = describe(prompts, report->requests, i);
    find_prefix(prompts, report);
    price(prices, report);
    measure_gaps(prompts, report);
}
