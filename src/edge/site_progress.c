/* SPDX-License-Identifier: MIT
 * How far a warm-up is, told by what those before took: it never claims to be done before it is,
 * and never goes back. */
#include "base/time.h"
#include "edge/site.h"

/* What a stage that has lasted this long still takes: as long as most of those that lasted longer.
 * One that outlasts them all is expected to take a quarter of its time more. */
static int64_t left_ns(const struct stats_recent *past, int64_t elapsed_ns, int64_t otherwise_ns)
{
    int64_t expected_ns = stats_recent_beyond(past, elapsed_ns, past->count > 0 ? 0 : otherwise_ns);
    return expected_ns > elapsed_ns ? expected_ns - elapsed_ns : elapsed_ns / 4;
}

/* The stages of a warm-up under way, from now to ready; the lock is held. */
static int64_t warmup_left_ns(struct site *site, int64_t now_ns, int64_t expected_load_ns)
{
    static const struct stats_recent none;
    const struct stats_recent *past = site->level > 0 ? &none : &site->learned.load_ns;
    int64_t load_ns = stats_recent_quantile(past, 0.5, expected_load_ns);
    int64_t elapsed_ns = now_ns - site->stage_ns;
    int permille = atomic_load(&site->warmer.permille);
    if (site->stage == SITE_LOADING && permille > 0 &&
        past->count == 0) /* at the pace so far, rather than by a setting */
        load_ns = elapsed_ns / permille * 1000;
    if (site->stage == SITE_VERIFYING && site->learned.verify_ns.count == 0)
        return left_ns(&none, now_ns - site->warmup_ns, expected_load_ns); /* of both together */
    if (site->stage == SITE_VERIFYING)
        return left_ns(&site->learned.verify_ns, elapsed_ns, load_ns / 10);
    int64_t verify_ns = stats_recent_quantile(&site->learned.verify_ns, 0.5, load_ns / 10);
    if (permille >= 0) /* the server knows better than the past */
        return time_add(load_ns / 1000 * (1000 - permille), verify_ns);
    return time_add(left_ns(past, elapsed_ns, expected_load_ns), verify_ns);
}

/* For those who hold requests: only what was learned is told, a guess is not. */
static void tell_slot(struct site *site)
{
    bool loading = site->stage == SITE_LOADING || site->stage == SITE_VERIFYING;
    bool known = loading && site->level == 0 && site->learned.load_ns.count > 0;
    int64_t now_ns = site->stage_ns;
    atomic_store(&site->slot->ready_at_ns,
                 known ? time_add(now_ns, warmup_left_ns(site, now_ns, 0)) : 0);
    atomic_store(&site->slot->warmup_at_ns, loading ? site->warmup_ns : 0);
}

void site_set_stage(struct site *site, enum site_stage stage)
{
    pthread_mutex_lock(&site->lock);
    site->stage = stage;
    site->stage_ns = jobs_now_ns();
    if (stage == SITE_LOADING) {
        site->warmup_ns = site->stage_ns;
        site->told = 0;
        site->error.text[0] = 0;
        site->note.text[0] = 0;
    }
    tell_slot(site);
    pthread_mutex_unlock(&site->lock);
}

static double share_done(struct site *site, int64_t now_ns, int64_t left)
{
    double done = (double)(now_ns - site->warmup_ns);
    double share = done / (done + (double)left + 1);
    share = share < 0.99 ? share : 0.99;
    site->told = share > site->told ? share : site->told;
    return site->told;
}

void site_progress(struct site *site, int64_t expected_load_ns, struct site_progress *progress)
{
    pthread_mutex_lock(&site->lock);
    int64_t now_ns = jobs_now_ns();
    *progress = (struct site_progress){
        .stage = site->stage,
        .eta_ns = -1,
        .took_ns = site->took_ns,
        .error = site->error,
        .note = site->note,
        .warm_probe_ns = stats_recent_quantile(&site->learned.probe_ns, 0.5, -1),
    };
    progress->ready = site->stage == SITE_READY;
    progress->in_progress = site->stage == SITE_LOADING || site->stage == SITE_VERIFYING;
    if (progress->in_progress) {
        progress->eta_ns = warmup_left_ns(site, now_ns, expected_load_ns);
        progress->progress = share_done(site, now_ns, progress->eta_ns);
    } else if (progress->ready) {
        progress->progress = 1;
        progress->eta_ns = 0;
    }
    pthread_mutex_unlock(&site->lock);
}
