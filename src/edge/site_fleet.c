/* SPDX-License-Identifier: MIT */
#include "edge/site_fleet.h"
#include "base/time.h"
#include "edge/call.h"
#include "edge/log.h"
#include "edge/site_task.h"
#include <signal.h>

#define WAIT_NS    (20 * TIME_MILLISECOND)
#define CONNECT_NS TIME_SECOND
enum { MISSES_MAX = 5 }; /* probes of what another loaded, before it is taken for not there */

/* Nothing was begun here, so nothing is taken down. */
static void fail_here(struct site *site, enum fw_err err, const struct fw_detail *detail)
{
    site->failure = err;
    site->failure_detail = *detail;
    site_task_failed(site);
}

/* ---- before a load ---- */

static void begin_probing(struct site *site)
{
    const struct saved_child none = {.command = ""};
    struct fw_detail ignored = {{0}};
    (void)site->warmer.ops->adopt(&site->warmer, &none, &ignored);
    site->warmer.loaded = true; /* somebody says so; the probe decides */
    site->joined = true;
    site->misses = 0;
    site_set_stage(site, SITE_VERIFYING);
    site_task_again(site, SITE_PROBE, 0, true);
}

/* What was left to others and still runs here has to go before its successor comes. */
static bool cleared(struct site *site)
{
    struct fw_detail detail = {{0}};
    if (!site->warmer.child || site->after_lease != SITE_BEGIN_LOAD)
        return true;
    if (!site->clearing)
        (void)site->warmer.ops->unload(&site->warmer, &detail);
    site->clearing = true;
    if (site->warmer.ops->state(&site->warmer, &detail) != WARMER_UNLOADED)
        return false;
    site->clearing = false;
    return true;
}

static void begin_loading(struct site *site, uint64_t token)
{
    if (!cleared(site)) {
        site_task_again(site, SITE_AWAIT_LEASE, WAIT_NS, false);
        return;
    }
    site->warmer.token = token;
    site->joined = false;
    site->begun_ns = jobs_now_ns();
    site->deadline_ns = time_add(site->begun_ns, site->warmer.config->warmer.start_timeout_ns);
    site_set_stage(site, SITE_LOADING);
    site_task_again(site, site->after_lease, 0,
                    site->after_lease == SITE_WAKE || site->warmer.ops->load_blocks);
}

static bool gave_up_waiting(struct site *site, const struct fw_detail *waits_for)
{
    struct fw_detail detail = {{0}};
    char limit[TIME_TEXT_MAX];
    if (atomic_load(&site->cancelled)) {
        (void)err_set(&detail, FW_CANCELLED, "cancelled: nobody waits for it any more");
        fail_here(site, FW_CANCELLED, &detail);
        return true;
    }
    if (jobs_now_ns() < site->deadline_ns)
        return false;
    (void)err_set(&detail, FW_TIMEOUT, "not warm within start_timeout (%s): %.380s",
                  time_format_human(site->warmer.config->warmer.start_timeout_ns, limit),
                  waits_for->text);
    fail_here(site, FW_TIMEOUT, &detail);
    return true;
}

static void await_lease(struct site *site)
{
    struct fw_detail detail = {{0}};
    uint64_t token = 0;
    enum lease_state state = fleet_state(site->seat, &token, &detail);
    if (state != LEASE_REFUSED && gave_up_waiting(site, &detail))
        return;
    switch (state) {
    case LEASE_LOADING:
        begin_loading(site, token);
        break;
    case LEASE_ALONE:
        site->warmer.token = 0;
        if (site->alone_probed)
            begin_loading(site, 0);
        else
            begin_probing(site); /* others may have loaded it meanwhile */
        site->alone_probed = true;
        break;
    case LEASE_JOINED:
        log_info("another forewarm has loaded it", LOG_TEXT("resource", site->id));
        begin_probing(site);
        break;
    case LEASE_REFUSED:
        fail_here(site, FW_MODEL_FAILED, &detail);
        break;
    case LEASE_ASKING:
        site_task_say(site, &detail);
        site_task_again(site, SITE_AWAIT_LEASE, WAIT_NS, false);
        break;
    default:
        fleet_load(site->seat, false);
        site_task_again(site, SITE_AWAIT_LEASE, WAIT_NS, false);
        break;
    }
}

/* ---- losing a lease ---- */

/* Another may load now. What runs here is stopped at once; a server that only was called is not
 * called again: it is the other's. */
static void begin_fenced(struct site *site)
{
    log_warn("its lease was lost: the load stops here, another forewarm may take it over",
             LOG_TEXT("resource", site->id), LOG_INT("token", (int64_t)site->warmer.token));
    if (site->warmer.child)
        child_stop(site->warmer.child, SIGKILL);
    site->warmer.stop_by_ns = site->warmer.child ? jobs_now_ns() : site->warmer.stop_by_ns;
    site_set_stage(site, SITE_LOADING);
    site_task_again(site, SITE_FENCED, 0, false);
}

static void await_fenced(struct site *site)
{
    struct fw_detail detail = {{0}};
    if (site->warmer.child && site->warmer.ops->state(&site->warmer, &detail) != WARMER_UNLOADED) {
        site_task_again(site, SITE_FENCED, WAIT_NS / 4, false);
        return;
    }
    atomic_store(&site->fenced, false);
    atomic_store(&site->cancel, atomic_load(&site->cancelled));
    site->joined = site->alone_probed = site->asleep = false;
    site->after_lease = SITE_BEGIN_LOAD;
    site->probes = 0;
    fleet_load(site->seat, false);
    site_task_again(site, SITE_AWAIT_LEASE, 0, false);
}

bool site_fleet_failed(struct site *site, enum fw_err err, const struct fw_detail *detail)
{
    if (!site->seat)
        return false;
    if (atomic_load(&site->fenced)) {
        begin_fenced(site);
        return true;
    }
    uint64_t token;
    struct fw_detail ignored = {{0}};
    if (fleet_state(site->seat, &token, &ignored) == LEASE_WARM) {
        fleet_gone(site->seat); /* doubted, and rightly so */
        site->joined |= site->warmer.child == NULL;
    }
    if (!site->joined)
        return false;
    fail_here(site, err, detail);
    return true;
}

void site_fleet_load_again(struct site *site)
{
    fleet_gone(site->seat);
    fleet_load(site->seat, false);
    site->joined = site->alone_probed = false;
    site->after_lease = SITE_BEGIN_LOAD;
    site_set_stage(site, SITE_LOADING);
    site_task_again(site, SITE_AWAIT_LEASE, 0, false);
}

bool site_fleet_missed(struct site *site)
{
    struct fw_detail ignored = {{0}};
    uint64_t token;
    if (!site->seat || !site->joined || atomic_load(&site->cancel))
        return false;
    bool alone = fleet_state(site->seat, &token, &ignored) == LEASE_ALONE;
    if (++site->misses < MISSES_MAX && !alone)
        return false;
    site->joined = false;
    site->probes = 0;
    if (!alone)
        fleet_load(site->seat, true);
    site_set_stage(site, SITE_LOADING);
    site_task_again(site, SITE_AWAIT_LEASE, 0, false);
    return true;
}

bool site_fleet_proven(struct site *site)
{
    if (!site->seat || fleet_proven(site->seat))
        return true;
    atomic_store(&site->proven, false);
    begin_fenced(site);
    return false;
}

bool site_fleet_listens(const struct site *site)
{
    return call_connects(&site->warmer.config->upstream, CONNECT_NS);
}

/* ---- before an unload ---- */

static void await_leave(struct site *site)
{
    struct fw_detail detail = {{0}};
    uint64_t token = 0;
    enum lease_state state = fleet_state(site->seat, &token, &detail);
    if (state == LEASE_LEAVING) {
        site_task_again(site, SITE_AWAIT_LEAVE, WAIT_NS, false);
    } else if (state == LEASE_UNLOADING) {
        site->warmer.token = token;
        site_task_again(site, site->after_leave, 0,
                        site->after_leave != SITE_BEGIN_UNLOAD || site->warmer.ops->unload_blocks);
    } else {
        log_info("not unloaded: other forewarms use it", LOG_TEXT("resource", site->id));
        site->asleep = false;
        site->level = 0;
        fleet_unloaded(site->seat, site->warmer.child != NULL);
        site_task_finish(
            site, SITE_COLD,
            (struct event){.kind = EVENT_UNLOADED, .duration_ns = jobs_now_ns() - site->begun_ns});
    }
}

void site_fleet_step(struct site *site)
{
    if (site->phase == SITE_AWAIT_LEASE)
        await_lease(site);
    else if (site->phase == SITE_FENCED)
        await_fenced(site);
    else
        await_leave(site);
}
