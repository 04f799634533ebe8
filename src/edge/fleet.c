/* SPDX-License-Identifier: MIT
 * The fleet as others see it: words left under the lock. */
#include "edge/fleet.h"
#include "edge/fleet_part.h"
#include "edge/jobs.h"
#include "edge/log.h"
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MAX_NS TIME_SECOND
enum { TIMEOUT_SHARE = 4 };

int64_t fleet_now_ns(void)
{
    return jobs_now_ns();
}

/* ---- life ---- */

/* A name for people, and a number for this start: what a former one held is not ours. */
static enum fw_err name_node(struct fleet *fleet, struct fw_detail *detail)
{
    unsigned char nonce[8];
    char host[65] = "";
    if (RAND_bytes(nonce, sizeof nonce) != 1)
        return err_set(detail, FW_IO, "there are no random bytes");
    (void)gethostname(host, sizeof host - 1);
    if (fleet->config->node[0])
        snprintf(fleet->name, sizeof fleet->name, "%.70s", fleet->config->node);
    else
        snprintf(fleet->name, sizeof fleet->name, "%.48s:%.20s", host,
                 strrchr(fleet->config->listen, ':') ? strrchr(fleet->config->listen, ':') + 1
                                                     : "");
    snprintf(fleet->node, sizeof fleet->node, "%.70s#%02x%02x%02x%02x%02x%02x%02x%02x", fleet->name,
             nonce[0], nonce[1], nonce[2], nonce[3], nonce[4], nonce[5], nonce[6], nonce[7]);
    return FW_OK;
}

enum fw_err fleet_create(struct fleet **out, struct config *config, struct fw_detail *detail)
{
    struct redis_address address;
    FW_TRY(redis_address_parse(&address, config->state, detail));
    struct fleet *fleet = calloc(1, sizeof *fleet);
    *out = fleet;
    if (!fleet)
        return FW_NOMEM;
    fleet->config = config_retain(config);
    fleet->told = calloc(FLEET_ARRIVALS_MAX, sizeof *fleet->told);
    fleet->heard = calloc(FLEET_READ_MAX, sizeof *fleet->heard);
    fleet->settings = (struct lease_settings){.lease_ns = config->lease_time_ns,
                                              .alone = config->fleet_alone == FLEET_ALONE_LOAD};
    int64_t timeout_ns = config->lease_time_ns / TIMEOUT_SHARE;
    redis_link_init(&fleet->link, &address, config->redis_password_file,
                    timeout_ns < TIMEOUT_MAX_NS ? timeout_ns : TIMEOUT_MAX_NS);
    fleet->contact_ns = fleet_now_ns();
    pthread_mutex_init(&fleet->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&fleet->wake, &attributes);
    pthread_cond_init(&fleet->wake_guard, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!fleet->told || !fleet->heard)
        return FW_NOMEM;
    return name_node(fleet, detail);
}

enum fw_err fleet_start(struct fleet *fleet, fleet_take_fn *take, void *context,
                        struct fw_detail *detail)
{
    fleet->take = take;
    fleet->take_context = context;
    int error = pthread_create(&fleet->thread, NULL, fleet_run, fleet);
    if (error != 0)
        return err_set(detail, FW_IO, "the fleet's thread cannot be started: %s", strerror(error));
    fleet->running = true;
    error = pthread_create(&fleet->guard, NULL, fleet_guard, fleet);
    if (error != 0)
        return err_set(detail, FW_IO, "the fleet's guard cannot be started: %s", strerror(error));
    fleet->guarding = true;
    return FW_OK;
}

static void wake(struct fleet *fleet)
{
    pthread_cond_signal(&fleet->wake);
    pthread_cond_signal(&fleet->wake_guard);
}

void fleet_stop(struct fleet *fleet)
{
    if (!fleet || !fleet->running)
        return;
    pthread_mutex_lock(&fleet->lock);
    atomic_store(&fleet->stopping, true);
    wake(fleet);
    pthread_mutex_unlock(&fleet->lock);
    pthread_join(fleet->thread, NULL);
    if (fleet->guarding)
        pthread_join(fleet->guard, NULL);
    fleet->running = fleet->guarding = false;
}

void fleet_destroy(struct fleet **gone)
{
    struct fleet *fleet = *gone;
    if (!fleet)
        return;
    while (fleet->seats) {
        struct fleet_seat *seat = fleet->seats;
        fleet->seats = seat->next;
        free(seat);
    }
    redis_link_fini(&fleet->link);
    free(fleet->told);
    free(fleet->heard);
    config_free(&fleet->config);
    pthread_cond_destroy(&fleet->wake);
    pthread_cond_destroy(&fleet->wake_guard);
    pthread_mutex_destroy(&fleet->lock);
    free(fleet);
    *gone = NULL;
}

/* ---- seats ---- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

/* What several forewarms load together is one resource on one server. A loopback address is
 * another server on every machine. */
static void write_scope(const struct config_resource *resource, char *scope, size_t size)
{
    char host[65] = "";
    if (is_loopback(resource->upstream.host))
        (void)gethostname(host, sizeof host - 1);
    snprintf(scope, size, "%s%s%s", resource->id, host[0] ? "@" : "", host);
}

struct fleet_seat *fleet_seat(struct fleet *fleet, const struct config_resource *resource,
                              const struct fleet_hooks *hooks)
{
    char scope[sizeof((struct fleet_seat *)0)->scope];
    write_scope(resource, scope, sizeof scope);
    pthread_mutex_lock(&fleet->lock);
    struct fleet_seat *seat = fleet->seats;
    while (seat && strcmp(seat->scope, scope) != 0)
        seat = seat->next;
    if (!seat && (seat = calloc(1, sizeof *seat))) {
        seat->fleet = fleet;
        memcpy(seat->scope, scope, sizeof seat->scope);
        lease_init(&seat->lease, &fleet->settings, &fleet->contact_ns);
        seat->next = fleet->seats;
        fleet->seats = seat;
    }
    if (seat)
        seat->hooks = *hooks;
    pthread_mutex_unlock(&fleet->lock);
    return seat;
}

/* ---- words ---- */

static int64_t enter(struct fleet_seat *seat)
{
    pthread_mutex_lock(&seat->fleet->lock);
    return fleet_now_ns();
}

static void leave(struct fleet_seat *seat)
{
    wake(seat->fleet);
    pthread_mutex_unlock(&seat->fleet->lock);
}

void fleet_load(struct fleet_seat *seat, bool not_there)
{
    int64_t now_ns = enter(seat);
    lease_load(&seat->lease, now_ns, not_there);
    leave(seat);
}

bool fleet_proven(struct fleet_seat *seat)
{
    int64_t now_ns = enter(seat);
    seat->left = false;
    bool proven = lease_proven(&seat->lease, now_ns);
    leave(seat);
    return proven;
}

void fleet_failed(struct fleet_seat *seat, const char *reason)
{
    int64_t now_ns = enter(seat);
    lease_failed(&seat->lease, now_ns, reason);
    leave(seat);
}

void fleet_found(struct fleet_seat *seat)
{
    int64_t now_ns = enter(seat);
    lease_found(&seat->lease, now_ns);
    leave(seat);
}

void fleet_gone(struct fleet_seat *seat)
{
    int64_t now_ns = enter(seat);
    lease_gone(&seat->lease, now_ns);
    leave(seat);
}

void fleet_leave(struct fleet_seat *seat)
{
    int64_t now_ns = enter(seat);
    seat->left_token = seat->lease.token;
    lease_leave(&seat->lease, now_ns);
    leave(seat);
}

void fleet_unloaded(struct fleet_seat *seat, bool left)
{
    int64_t now_ns = enter(seat);
    seat->left = left;
    lease_unloaded(&seat->lease, now_ns);
    leave(seat);
}

bool fleet_valid(struct fleet_seat *seat)
{
    int64_t now_ns = enter(seat);
    bool valid = lease_valid(&seat->lease, now_ns);
    pthread_mutex_unlock(&seat->fleet->lock);
    return valid;
}

/* "name#nonce" without its nonce. */
static void copy_name(char to[LEASE_NODE_MAX], const char *from)
{
    snprintf(to, LEASE_NODE_MAX, "%.*s", (int)strcspn(from, "#"), from);
}

enum lease_state fleet_state(struct fleet_seat *seat, uint64_t *token, struct fw_detail *detail)
{
    char holder[LEASE_NODE_MAX];
    (void)enter(seat);
    const struct lease *lease = &seat->lease;
    *token = lease->token;
    copy_name(holder, lease->seen.holder);
    if (lease->state == LEASE_REFUSED)
        (void)err_set(detail, FW_MODEL_FAILED, "another forewarm tried: %s", lease->reason);
    else if (!seat->fleet->counts.connected)
        (void)err_set(detail, FW_UNREACHABLE, "waits for Redis: %s", seat->fleet->names.reason);
    else if (holder[0])
        (void)err_set(detail, FW_MODEL_WARMING, "%s is %s it", holder, lease->seen.phase);
    else
        (void)err_set(detail, FW_MODEL_WARMING, "waits for its turn in the fleet");
    enum lease_state state = lease->state;
    pthread_mutex_unlock(&seat->fleet->lock);
    return state;
}

/* ---- arrivals ---- */

void fleet_observed(struct fleet *fleet, struct str id, uint64_t session)
{
    pthread_mutex_lock(&fleet->lock);
    if (fleet->told_count == FLEET_ARRIVALS_MAX) { /* the oldest goes */
        fleet->told_first = (fleet->told_first + 1) % FLEET_ARRIVALS_MAX;
        fleet->told_count--;
        fleet->counts.dropped++;
    }
    struct fleet_told *told =
        &fleet->told[(fleet->told_first + fleet->told_count++) % FLEET_ARRIVALS_MAX];
    told->at_ns = fleet_now_ns();
    told->arrival.session = session;
    snprintf(told->arrival.id, sizeof told->arrival.id, "%.*s", STR_ARG(id));
    pthread_mutex_unlock(&fleet->lock);
}

void fleet_took(struct fleet *fleet)
{
    atomic_store(&fleet->taking, false);
}

/* ---- status ---- */

void fleet_counts(struct fleet *fleet, struct fleet_counts *counts)
{
    pthread_mutex_lock(&fleet->lock);
    *counts = fleet->counts;
    pthread_mutex_unlock(&fleet->lock);
}

void fleet_view(struct fleet_seat *seat, struct fleet_view *view)
{
    (void)enter(seat);
    const struct lease_reply *seen = &seat->lease.seen;
    bool warm = seat->lease.state == LEASE_WARM || seat->lease.state == LEASE_JOINED;
    *view = (struct fleet_view){
        .users = seen->others + (warm ? 1 : 0), .token = seen->token, .here = seat->lease.state};
    snprintf(view->phase, sizeof view->phase, "%s", seen->phase[0] ? seen->phase : "unknown");
    copy_name(view->by, seen->by);
    pthread_mutex_unlock(&seat->fleet->lock);
}

const char *fleet_node(const struct fleet *fleet)
{
    return fleet->name;
}

void fleet_nodes(struct fleet *fleet, struct fleet_names *names)
{
    pthread_mutex_lock(&fleet->lock);
    *names = fleet->names;
    pthread_mutex_unlock(&fleet->lock);
}
