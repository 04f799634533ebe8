/* SPDX-License-Identifier: MIT */
#include "shell/shell_options.h"
#include <math.h>

#define AT(field) offsetof(struct shell_options, field)
#define HOUR      3600e9

static const char *const evictions[] = {"lru", "sieve", "s3fifo", "lirs", NULL};
_Static_assert(CACHE_LRU == 0 && CACHE_SIEVE == 1 && CACHE_S3FIFO == 2 && CACHE_LIRS == 3 &&
                   CACHE_ALGORITHM_COUNT == 4,
               "in the cache's order");

/* clang-format off */
const struct option_row shell_option_rows[] = {
    {"capacity", OPTION_SIZE, AT(capacity), "64MiB", 1, 1e15, false, NULL,
     "Bytes of values and their keys that are held."},
    {"max_entries", OPTION_INT, AT(max_entries), "100", 1, 1e7, false, NULL,
     "Values that are held; each takes at least this part of the capacity."},
    {"max_concurrent", OPTION_INT, AT(max_concurrent), "5", 1, 256, false, NULL,
     "Loads at the same time."},
    {"ahead_concurrent", OPTION_INT, AT(ahead_concurrent), "4", 0, 256, false, NULL,
     "A load ahead begins only while fewer than this run altogether: the rest is left to what is asked for."},
    {"eviction", OPTION_CHOICE, AT(eviction), "s3fifo", 0, 0, false, evictions,
     "What leaves when there is need for room; what was loaded ahead and not used leaves first."},
    {"strategies", OPTION_TEXT, AT(strategies), "names+mix", 0, 0, false, NULL,
     "What guesses, joined by +: sequential, pattern, user, names, mix; or none."},
    {"ttl", OPTION_DURATION, AT(ttl_ns), "never", 1, INFINITY, false, NULL,
     "How long a value is held, unless its loader says otherwise."},
    {"negative_ttl", OPTION_DURATION, AT(negative_ttl_ns), "10s", 0, INFINITY, false, NULL,
     "How long it is remembered that there is no such thing."},
    {"load_timeout", OPTION_DURATION, AT(load_timeout_ns), "30s", 1e6, INFINITY, false, NULL,
     "A load that takes longer has failed; its loader is no longer waited for."},
    {"backoff", OPTION_DURATION, AT(backoff_ns), "1s", 0, HOUR, false, NULL,
     "No load ahead of a key after it failed for so long, doubled for each failure in a row. Gets try again at once."},
    {"enabled", OPTION_BOOL, AT(enabled), "true", 0, 0, false, NULL,
     "Load ahead at all."},
    {"load_price", OPTION_DOUBLE, AT(load_price), "0.2", 0, 1000, false, NULL,
     "What a millisecond of loading costs, in milliseconds of somebody's waiting; a load ahead must spare more."},
    {"byte_second_price", OPTION_DOUBLE, AT(byte_second_price), "0", 0, 1e9, false, NULL,
     "What holding a byte for a second costs, in nanoseconds of waiting."},
    {"bytes_per_second", OPTION_SIZE, AT(bytes_per_second), "0B", 0, 1e15, false, NULL,
     "Budget of loads ahead, two seconds' worth at once; 0B: no limit."},
    {"waste_share", OPTION_DOUBLE, AT(waste_share), "0.5", 0, 1, false, NULL,
     "Share of what is loaded ahead that may go unused before loads ahead become dearer; 0: not looked at."},
    {"queue", OPTION_INT, AT(max_queue), "256", 1, 65536, false, NULL,
     "Loads ahead that wait for their turn; the least worth one makes way."},
    {"patience", OPTION_DURATION, AT(patience_ns), "30s", 0, INFINITY, false, NULL,
     "A load ahead that has not begun so long after it was expected to be used is dropped."},
    {"hold", OPTION_DURATION, AT(hold_ns), "1m", 0, INFINITY, false, NULL,
     "How long a value loaded ahead is expected to be held until its use: what holding it costs."},
    {"idle", OPTION_DURATION, AT(idle_ns), "30m", 1e6, INFINITY, false, NULL,
     "A session without a get for so long has ended."},
    {"max_keys", OPTION_INT, AT(max_keys), "4096", 1, 1e7, false, NULL,
     "Keys that are missing, have failed or are waited for; a get beyond is refused."},
    {"max_stuck", OPTION_INT, AT(max_stuck), "5", 0, 256, false, NULL,
     "Loads given up whose loader has not returned, that take no other load's place."},
    {"max_sessions", OPTION_INT, AT(max_sessions), "1024", 1, 1e6, false, NULL,
     "Sessions followed at the same time; the one idle longest makes way."},
    {"max_learned", OPTION_INT, AT(max_learned), "65536", 16, 65536, false, NULL,
     "Keys that strategies know; the one longest unused makes way."},
    {"compare", OPTION_BOOL, AT(compare), "true", 0, 0, false, NULL,
     "Keep the keys of the same cache without loads ahead beside it, for coverage and pollution."},
};
/* clang-format on */
const size_t shell_option_count = sizeof shell_option_rows / sizeof shell_option_rows[0];

static enum fw_err read_strategies(const char *text, uint32_t *bits, struct fw_detail *detail)
{
    struct str rest = str_of(text), name;
    *bits = 0;
    if (str_equal(rest, STR("none")))
        return FW_OK;
    while (str_cut(&rest, '+', &name)) {
        uint32_t n = 0;
        while (n < GUESSER_BUILT_IN && !str_equal(name, str_of(guesser_name(NULL, n))))
            n++;
        if (n == GUESSER_BUILT_IN)
            return err_set(detail, FW_INPUT,
                           "strategies: found \"%.*s\", expected sequential, pattern, user, names, "
                           "mix, joined by +, or none",
                           STR_ARG(name));
        *bits |= 1u << n;
    }
    return FW_OK;
}

enum fw_err shell_settings(const struct shell_options *o, uint64_t seed,
                           struct prefetcher_settings *prefetcher, struct guesser_settings *guesser,
                           struct fw_detail *detail)
{
    *prefetcher = prefetcher_defaults;
    prefetcher->algorithm = o->eviction;
    prefetcher->capacity_bytes = o->capacity;
    prefetcher->max_entries = (uint32_t)o->max_entries;
    prefetcher->max_keys = (uint32_t)o->max_keys;
    prefetcher->max_queue = (uint32_t)o->max_queue;
    prefetcher->max_concurrent = (uint32_t)o->max_concurrent;
    prefetcher->max_stuck = (uint32_t)o->max_stuck;
    prefetcher->value_ttl_ns = o->ttl_ns;
    prefetcher->negative_ttl_ns = o->negative_ttl_ns;
    prefetcher->load_timeout_ns = o->load_timeout_ns;
    prefetcher->backoff_ns = o->backoff_ns;
    prefetcher->patience_ns = o->patience_ns;
    prefetcher->hold_ns = o->hold_ns;
    prefetcher->ahead = o->enabled;
    prefetcher->shadow = o->compare;
    prefetcher->seed = seed;
    prefetcher->admission = (struct admission_settings){
        .bytes_per_s = o->bytes_per_second,
        .concurrent = (uint32_t)o->ahead_concurrent,
        .waste_share = o->waste_share,
        .load_price = o->load_price,
        .byte_second_price_ns = o->byte_second_price,
    };
    *guesser = guesser_defaults;
    guesser->max_keys = (uint32_t)o->max_learned;
    guesser->max_sessions = (uint32_t)o->max_sessions;
    guesser->idle_ns = o->idle_ns;
    guesser->seed = seed;
    return read_strategies(o->strategies, &guesser->strategies, detail);
}
