/* SPDX-License-Identifier: MIT
 * Everything the engine can ask of the world. Each action carries its reason and the numbers behind
 * it. */
#ifndef FOREWARM_CORE_ACTION_H
#define FOREWARM_CORE_ACTION_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

/* X(kind, name, what the edge does) */
#define ACTION_KINDS(X)                                                                            \
    X(ACTION_WARM, "warm",                                                                         \
      "load it from the level it is at (status) and prove it warm; answer LOADED then PROVEN, or " \
      "FAILED (attempt); a failure leaves it cold, a cancelling where it was")                     \
    X(ACTION_DRAIN, "drain",                                                                       \
      "let nothing new start on it; answer DRAINED when nothing runs (attempt)")                   \
    X(ACTION_UNDRAIN, "undrain",                                                                   \
      "it is wanted again: requests may start; no DRAINED any more (attempt)")                     \
    X(ACTION_UNLOAD, "unload",                                                                     \
      "unload it, down to a level (status); answer RAISED, or UNLOADED when it is cold (attempt)") \
    X(ACTION_CANCEL, "cancel",                                                                     \
      "stop a warm-up that nobody waits for; answer FAILED with cancelled (attempt)")              \
    X(ACTION_RELEASE, "release", "a held request may go to the resource's upstream (request)")     \
    X(ACTION_FALLBACK, "fallback", "send a held request to the fallback upstream (request)")       \
    X(ACTION_REFUSE, "refuse",                                                                     \
      "answer a held request with 503 and Retry-After (request, status: enum fw_err, numbers[0]: " \
      "retry after, ns)")                                                                          \
    X(ACTION_STATE, "state", "the resource's state changed (status: enum resource_state)")         \
    X(ACTION_RAISE, "raise",                                                                       \
      "bring it from cold to a level (status); answer RAISED, or FAILED (attempt)")                \
    X(ACTION_LOWER, "lower", "from its level to cold; answer UNLOADED (attempt)")                  \
    X(ACTION_PROVE, "prove",                                                                       \
      "it was believed warm and is doubted: prove it again, and load it if it is gone; answer "    \
      "PROVEN or FAILED (attempt)")                                                                \
    X(ACTION_DECLINE, "decline",                                                                   \
      "nothing to do: a warm-up for this cause does not begin (reason)")                           \
    X(ACTION_WAIT, "wait", "nothing: it is told why the requests for it wait longer")

enum action_kind {
#define X(kind, name, sentence) kind,
    ACTION_KINDS(X)
#undef X
        ACTION_KIND_COUNT
};

/* Why a warm-up was begun; also the `cause` label of metrics. */
#define CAUSES(X)                                                                                  \
    X(CAUSE_NONE, "none")                                                                          \
    X(CAUSE_REQUEST, "request")                                                                    \
    X(CAUSE_PLAN, "plan")                                                                          \
    X(CAUSE_HINT, "hint")                                                                          \
    X(CAUSE_PAGE, "page")                                                                          \
    X(CAUSE_OPERATOR, "operator")                                                                  \
    X(CAUSE_PIN, "pin")                                                                            \
    X(CAUSE_SESSION, "session")                                                                    \
    X(CAUSE_DOUBT, "doubt")
enum cause {
#define X(cause, name) cause,
    CAUSES(X)
#undef X
        CAUSE_COUNT
};

/* X(reason, name, sentence; {0}..{3} are the action's numbers: {0s} a duration in ns, {1x} a factor
 * in millionths, {2b} bytes, {3} as it is, {0p} one
 * resource or two in turn: the earlier in the upper 32 bits, all ones if there is none) */
#define REASONS(X)                                                                                 \
    X(REASON_NONE, "none", "")                                                                     \
    X(REASON_DEMAND, "demand", "a request waits for it; loading takes about {0s}")                 \
    X(REASON_PLAN_WINDOW, "plan_window",                                                           \
      "the plan expects a request: {0s} after the last one, loading takes {1s}")                   \
    X(REASON_MEDIAN, "median", "the median gap of {0s} puts the next request in {1s}")             \
    X(REASON_HINTED, "hinted", "a hint says it is wanted in {0s} with probability {1x}")           \
    X(REASON_ASKED, "asked", "asked for by a page or program")                                     \
    X(REASON_OPERATOR, "operator", "an operator asked for it")                                     \
    X(REASON_PINNED, "pinned", "it is pinned")                                                     \
    X(REASON_KEEP_END, "keep_end",                                                                 \
      "{0s} since the last request: keeping it longer costs more than a cold start ({1s} of "      \
      "waiting and loading) saves")                                                                \
    X(REASON_PREWARM_EXPIRED, "prewarm_expired", "warmed ahead {0s} ago and not used")             \
    X(REASON_EVICTED, "evicted", "{0b} are needed for another resource; this one was worth least") \
    X(REASON_OVERGROWN, "overgrown",                                                               \
      "what is loaded has grown {0b} beyond the memory there is; this one was worth least")        \
    X(REASON_RETIRED, "retired", "it is no longer configured")                                     \
    X(REASON_WARM, "warm", "it is warm")                                                           \
    X(REASON_COLD_POLICY, "cold_policy", "it is cold and configured not to hold requests")         \
    X(REASON_HOLD_TIMEOUT, "hold_timeout", "held for {0s}, longer than allowed")                   \
    X(REASON_HOLD_FULL, "hold_full", "{0} requests wait for it already")                           \
    X(REASON_WARM_FAILED, "warm_failed", "its warm-up failed; next attempt in {0s}")               \
    X(REASON_NO_ROOM, "no_room", "no room: {0b} needed, {1b} free, the rest is in use")            \
    X(REASON_TOO_LARGE, "too_large", "it needs {0b}, more than the whole budget of {1b}")          \
    X(REASON_WANTED, "wanted", "a request arrived while it was being drained")                     \
    X(REASON_LOST, "lost", "the server lost it")                                                   \
    X(REASON_LIFECYCLE, "lifecycle", "the step before it finished")                                \
    X(REASON_WORTH, "worth",                                                                       \
      "{0x} requests are expected within ten minutes; loading it ahead saves {1s} of waiting "     \
      "more than what it displaces ({2})")                                                         \
    X(REASON_ROOM_MADE, "room_made",                                                               \
      "room was made to load it ahead: the requests expected within ten minutes would wait {0s} "  \
      "in all for loading it then")                                                                \
    X(REASON_GAVE_WAY, "gave_way", "a request needs the loader for another resource")              \
    X(REASON_UNWANTED, "unwanted", "nobody waits for it any more")                                 \
    X(REASON_KEPT, "kept", "{0s} since the last request: the policy keeps it no longer")           \
    X(REASON_HALF_WORTH, "half_worth",                                                             \
      "half warm it loads in {0s} instead of {1s}: worth {2s} of expected waiting")                \
    X(REASON_HALF_END, "half_end",                                                                 \
      "{0s} since the last request: keeping it half warm costs more than it saves")                \
    X(REASON_HOST_EVICTED, "host_evicted",                                                         \
      "{0b} of host memory are needed for another resource; this one was worth least there")       \
    X(REASON_FORETOLD, "foretold",                                                                 \
      "after {0p} in a session it follows in {1} % of {2} cases, after {3s}")                      \
    X(REASON_DOUBTED, "doubted",                                                                   \
      "a request waited {0s} for its first byte, {1s} are usual when it is warm: it is proven "    \
      "again")                                                                                     \
    X(REASON_COOLDOWN, "cooldown",                                                                 \
      "its last warm-up ahead went unused; none for a hint or page in the next {0s}")              \
    X(REASON_BUDGET_WARMUPS, "budget_warmups",                                                     \
      "{1} warm-ups within the hour, {2} are allowed; the oldest will be an hour old in {0s}")     \
    X(REASON_BUDGET_LOADING, "budget_loading",                                                     \
      "{1s} of loading within the hour and about {3s} more, {2s} are allowed; the oldest will be " \
      "an hour old in {0s}")                                                                       \
    X(REASON_BUDGET_USD, "budget_usd",                                                             \
      "loading has cost {1x} USD within the day and would cost {3x} more, {2x} are allowed; the "  \
      "oldest will be a day old in {0s}")                                                          \
    X(REASON_BREAKER, "breaker",                                                                   \
      "the last {1} warm-ups on its server failed; the next try in {0s}")                          \
    X(REASON_TRAFFIC, "traffic",                                                                   \
      "{1} requests run beside it, more than {2}: it waits for {0s} at most")                      \
    X(REASON_SOONER, "sooner",                                                                     \
      "it is ready in {0s}; the fallback answers at most {1s} later than it does when warm")       \
    X(REASON_DWELLING, "dwelling",                                                                 \
      "{0p} was loaded a moment ago and stays while it is used, {1s} more at most: the last {3} "  \
      "times it made way it was asked for again within {2s}")
enum reason {
#define X(reason, name, sentence) reason,
    REASONS(X)
#undef X
        REASON_COUNT
};

struct why {
    enum reason reason;
    int64_t numbers[4];
};

struct action {
    int64_t at_ns; /* when it was decided */
    uint32_t kind; /* enum action_kind */
    uint32_t resource;
    uint64_t request;
    uint64_t attempt;
    uint32_t reason; /* enum reason */
    uint32_t cause;  /* enum cause */
    uint32_t status;
    uint32_t devices;   /* WARM: where, a mask of the named devices; 0: there are none */
    int64_t numbers[4]; /* integers only: they are part of the decision hash */
};

/* Caller-owned; engine_step appends. */
struct action_list {
    struct action *items;
    size_t count, capacity;
};
void action_list_fini(struct action_list *list);

const char *action_kind_name(uint32_t kind);
const char *cause_name(uint32_t cause);
/* Nobody asked: the engine warms it because it expects a request. */
static inline bool cause_is_ahead(uint32_t cause)
{
    return cause == CAUSE_PLAN || cause == CAUSE_HINT || cause == CAUSE_SESSION;
}
const char *reason_name(uint32_t reason);
/* The reason as a sentence with its numbers, without a full stop. Resources are named by `name_of`,
 * or by their numbers where it is NULL. */
typedef struct str reason_name_fn(const void *context, uint32_t resource);
void reason_describe(uint32_t reason, const int64_t numbers[4], reason_name_fn *name_of,
                     const void *context, struct buf *out);

#endif
