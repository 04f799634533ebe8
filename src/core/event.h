/* SPDX-License-Identifier: MIT
 * Everything the engine can learn of the world. An event is one fixed record: it is what the
 * journal holds, what `replay` makes of a log line, and what the daemon's threads send each other.
 */
#ifndef FOREWARM_CORE_EVENT_H
#define FOREWARM_CORE_EVENT_H

#include "base/str.h"
#include "core/settings.h"
#include <stdint.h>

/* X(kind, name, what it says) */
#define EVENT_KINDS(X)                                                                             \
    X(EVENT_TIME, "time", "nothing happened; timers that are due fire")                            \
    X(EVENT_RESOURCE, "resource",                                                                  \
      "a resource is configured, or its settings changed (id, settings)")                          \
    X(EVENT_RETIRE, "retire",                                                                      \
      "a resource is no longer configured: unload it, keep what was learned")                      \
    X(EVENT_REQUEST, "request", "a request arrived (resource, request, session, flags)")           \
    X(EVENT_END, "end", "a request was answered (request, duration_ns, status)")                   \
    X(EVENT_GONE, "gone", "the client of a held request left (request)")                           \
    X(EVENT_LOADED, "loaded", "the warmer finished loading; proof follows (attempt, duration_ns)") \
    X(EVENT_PROVEN, "proven",                                                                      \
      "a real inference was answered at warm speed (attempt, duration_ns, value: memory bytes "    \
      "measured or 0)")                                                                            \
    X(EVENT_FAILED, "failed", "the warm-up failed (attempt, status: enum fw_err)")                 \
    X(EVENT_DRAINED, "drained",                                                                    \
      "nothing runs on the resource and nothing new can start (attempt)")                          \
    X(EVENT_UNLOADED, "unloaded", "the unload finished (attempt)")                                 \
    X(EVENT_LOST, "lost", "a warm resource is gone: its process ended or the server dropped it")   \
    X(EVENT_FOUND, "found",                                                                        \
      "a resource was found warm without our doing (adopted at start), proven (value, devices)")   \
    X(EVENT_HINT, "hint",                                                                          \
      "somebody says this will be wanted (source, probability, eta_ns, session)")                  \
    X(EVENT_WARM, "warm", "warm it now (source: operator or page)")                                \
    X(EVENT_UNLOAD, "unload", "unload it now, once nothing runs on it")                            \
    X(EVENT_PIN, "pin", "keep it warm until unpinned")                                             \
    X(EVENT_UNPIN, "unpin", "stop keeping it warm")                                                \
    X(EVENT_OBSERVED, "observed", "a request seen elsewhere: learned from, not served here")       \
    X(EVENT_RAISED, "raised",                                                                      \
      "it is at the level between cold and warm that was asked for (attempt)")                     \
    X(EVENT_EXPECT, "expect",                                                                      \
      "so many requests are expected in a span of time (source, eta_ns, duration_ns, "             \
      "probability, flags)")                                                                       \
    X(EVENT_SIZED, "sized", "a warm resource was measured (value: bytes)")                         \
    X(EVENT_DOUBTED, "doubted",                                                                    \
      "what is believed warm answered a request at cold speed (duration_ns, value, flags)")

enum event_kind {
#define X(kind, name, sentence) kind,
    EVENT_KINDS(X)
#undef X
        EVENT_KIND_COUNT
};

/* Requests: a REQUEST that is SERVED, or that was answered by RELEASE, is in use until exactly one
 * END (also when the client leaves or the upstream dies). One that was answered by FALLBACK or
 * REFUSE gets no END. A client that leaves while held: GONE; if a RELEASE crosses it, the edge
 * answers that with an END at once. GONE for a request that is not held is ignored. END carries in
 * `value` the nanoseconds the request was held. */

enum { PLANNED_MAX = 4096 };    /* planned events that can be to come */
#define EXPECT_REQUESTS_MAX 1e9 /* EVENT_EXPECT: requests in one span */

enum event_flags {
    EVENT_SERVED = 1,  /* EVENT_REQUEST: already sent to a warm upstream, nothing is awaited */
    EVENT_NO_HOLD = 2, /* EVENT_REQUEST: this client does not want to wait */
    EVENT_IGNORE_COOLDOWN = 4, /* EVENT_WARM by an operator */
    EVENT_PLANNED = 8,         /* EVENT_EXPECT: an event that is planned, not a forecast */
    EVENT_MULTIPLIER = 16,     /* EVENT_EXPECT: `probability` is how many times the usual number */
    EVENT_INFERRED =
        32, /* DOUBTED, PROVEN: traffic alone tells when it loads and how long it takes */
    EVENT_STREAM =
        128,         /* END, DOUBTED: the answer is a stream; for the edge, the engine sees none */
    EVENT_SEEN = 64, /* EVENT_DOUBTED: the request was seen elsewhere; nothing can be proven */
    EVENT_AGAIN = 256, /* EVENT_REQUEST: the fallback failed it; it was learned from already */
};

struct event {
    int64_t at_ns;       /* when; never decreasing from one step to the next */
    uint32_t kind;       /* enum event_kind */
    uint32_t resource;   /* number given by engine_resource */
    uint64_t request;    /* unique among open requests; 0 none */
    uint64_t session;    /* hash of the session's name; 0 none */
    uint64_t attempt;    /* of the ACTION_WARM, ACTION_DRAIN or ACTION_UNLOAD this answers */
    int64_t duration_ns; /* END: service time without the hold; LOADED, PROVEN: time the step took;
                            DOUBTED: time to the first byte; EXPECT: how long the span is; HINT: how
                            long after eta_ns it may still come, 0: a minute */
    int64_t eta_ns;      /* HINT: expected from now; END: time to the first byte, for the edge */
    uint64_t value;      /* END: ns it was held; PROVEN: bytes measured, 0 unknown; DOUBTED: ns to
                            the first byte when it is warm; REQUEST: ns by which the fallback begins
                            to answer later than the resource when warm, 0 not known to be later */
    double probability;  /* HINT: 0..1; EXPECT: how many requests */
    uint32_t source; /* END, DOUBTED: requests in flight, for the edge; HINT, WARM: number of the
                        source's name, 0 unnamed */
    uint32_t status;
    uint32_t flags;
    uint32_t devices; /* FOUND: where it is, a mask of the named devices; 0 unknown */
    struct str id;    /* RESOURCE: its name; borrowed for the call */
    const struct resource_settings *settings; /* RESOURCE; borrowed for the call */
};

const char *event_kind_name(uint32_t kind);

#endif
