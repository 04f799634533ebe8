/* SPDX-License-Identifier: MIT
 * The rest of the public door: strategies of the caller's own, and what there is to see. */
#include "shell/shell.h"
#include <string.h>

/* A question in the library's own terms, with what fw_prefetch_expect needs. */
static void ask(void *context, const struct guesser_question *question, struct guesser *guesser)
{
    const struct shell_custom *custom = context;
    const char *before[GUESSER_SEEN];
    size_t sizes[GUESSER_SEEN];
    for (uint32_t i = 0; i < question->before_count; i++) {
        before[i] = question->before[i].data;
        sizes[i] = question->before[i].len;
    }
    const struct fw_prefetch_question outer = {.key = question->key.data,
                                               .key_size = question->key.len,
                                               .session = question->session,
                                               .user = question->user,
                                               .before = before,
                                               .before_sizes = sizes,
                                               .before_count = question->before_count,
                                               .inner = guesser};
    custom->strategy(custom->context, &outer);
}

int fw_prefetch_add_strategy(struct fw_prefetch *shell, const char *name,
                             fw_prefetch_strategy *strategy, void *context)
{
    enum fw_err err = FW_INPUT;
    uint32_t number;
    if (!name || !strategy || strlen(name) >= sizeof shell->customs[0].name)
        return FW_INPUT;
    pthread_mutex_lock(&shell->guesser_lock);
    if (shell->custom_count == GUESSER_CUSTOM_MAX) {
        err = FW_LIMIT;
    } else {
        struct shell_custom *custom = &shell->customs[shell->custom_count];
        *custom = (struct shell_custom){.strategy = strategy, .context = context};
        memcpy(custom->name, name, strlen(name) + 1);
        err = guesser_add(shell->guesser, custom->name, ask, custom, &number);
        shell->custom_count += err == FW_OK;
    }
    pthread_mutex_unlock(&shell->guesser_lock);
    return (int)err;
}

bool fw_prefetch_expect(const struct fw_prefetch_question *question, const void *key,
                        size_t key_size, double probability, int priority, int64_t use_in_ns)
{
    return guesser_tell(question->inner, (struct str){key, key_size}, probability, priority,
                        use_in_ns < 0 ? -1 : use_in_ns);
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void counts(const struct prefetcher_stats *s, struct fw_prefetch_stats *stats)
{
    *stats = (struct fw_prefetch_stats){
        .requests = s->requests,
        .hits = s->hits,
        .negatives = s->negatives,
        .joins = s->joins,
        .misses = s->misses,
        .refused = s->refused,
        .issued = s->ahead.issued,
        .in_time = s->ahead.in_time,
        .late = s->ahead.late,
        .evicted_unused = s->ahead.evicted,
        .expired = s->ahead.expired,
        .cancelled = s->ahead.cancelled,
        .failed = s->ahead.failed,
        .pending = s->ahead.pending,
        .queued = s->offers[PREFETCHER_QUEUED],
        .demand_failures = s->demand_failures,
        .overdue = s->overdue,
        .stuck = s->stuck,
        .evictions = s->evictions,
        .expirations = s->expirations,
        .not_held = s->not_held,
        .entries = s->held,
        .entries_used = s->held_used,
        .bytes = s->held_bytes,
        .waiting = s->queued,
        .running = s->running,
        .bytes_demand = s->bytes_demand,
        .bytes_ahead = s->bytes_ahead,
        .bytes_wasted = s->bytes_wasted,
        .misses_without = s->shadow_misses,
        .spared = s->spared,
        .spoilt = s->spoilt,
        .accesses_unlearned = s->accesses_lost,
        .load_p50_ns = s->load_p50_ns,
        .load_p95_ns = s->load_p95_ns,
        .lead_p50_ns = s->lead_p50_ns,
        .price = s->price,
    };
    for (int verdict = 0; verdict < PREFETCHER_VERDICTS; verdict++)
        stats->offered += s->offers[verdict];
}

void fw_prefetch_read_stats(struct fw_prefetch *shell, struct fw_prefetch_stats *stats)
{
    struct prefetcher_stats inner;
    shell_lock(shell);
    prefetcher_read_stats(shell->machine, &inner);
    shell_unlock(shell);
    counts(&inner, stats);
    stats->max_entries = (uint64_t)shell->max_entries;
    stats->capacity = shell->capacity;
    stats->hit_rate = share((double)(stats->hits + stats->negatives), (double)stats->requests);
    stats->accuracy =
        share((double)(stats->in_time + stats->late), (double)(stats->issued - stats->pending));
    stats->coverage = share((double)stats->spared, (double)stats->misses_without);
    stats->utilisation = share((double)stats->bytes, (double)stats->capacity);
}

const char *fw_prefetch_read_strategy(struct fw_prefetch *shell, uint32_t number, uint64_t *judged,
                                      uint64_t *right)
{
    struct guesser_record record;
    pthread_mutex_lock(&shell->guesser_lock);
    const char *name = guesser_name(shell->guesser, number);
    if (name) {
        guesser_read(shell->guesser, number, &record);
        *judged = record.judged;
        *right = record.right;
    }
    pthread_mutex_unlock(&shell->guesser_lock);
    return name;
}

bool fw_prefetch_waiting(struct fw_prefetch *shell, size_t n, struct fw_prefetch_request *request)
{
    struct prefetcher_request inner;
    shell_lock(shell);
    int64_t now_ns = shell_now_ns();
    bool found = n <= UINT32_MAX && prefetcher_waiting(shell->machine, (uint32_t)n, &inner);
    if (found) {
        size_t len = inner.key.len < sizeof request->key ? inner.key.len : sizeof request->key - 1;
        *request = (struct fw_prefetch_request){.key_size = inner.key.len,
                                                .priority = inner.priority,
                                                .waited_ns = now_ns - inner.created_ns,
                                                .expected_in_ns = inner.expected_ns - now_ns,
                                                .probability = inner.probability};
        if (len > 0)
            memcpy(request->key, inner.key.data, len);
        request->strategy = inner.source / GUESSER_CLASSES < GUESSER_STRATEGIES
                                ? guesser_name(shell->guesser, inner.source / GUESSER_CLASSES)
                                : "hint";
    }
    shell_unlock(shell);
    return found;
}
