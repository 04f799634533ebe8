/* SPDX-License-Identifier: MIT
 * What a session will ask for next, from what sessions asked for before: by the learned sequences
 * (learn/sequence.h), by numbers in names (learn/sequence_names.h) and by the links that pages
 * give (rel=next and rel=prefetch), whose worth is learned too. No clock, no locks: the caller has
 * both. Sessions are bounded; the one idle longest makes way. */
#ifndef FOREWARM_EDGE_PAGE_GUESS_H
#define FOREWARM_EDGE_PAGE_GUESS_H

#include "base/err.h"
#include "base/str.h"
#include "edge/pages/http_link.h"
#include <stdbool.h>
#include <stdint.h>

/* X(value, name, sentence) */
#define PAGE_STRATEGIES(X)                                                                         \
    X(PAGE_MIX, "mix", "what sessions asked for in this order before")                             \
    X(PAGE_NAMES, "names", "numbers in names that go on")                                          \
    X(PAGE_LINKS, "links", "Link: rel=next and rel=prefetch of the answers")
enum page_strategy {
#define X(value, name, sentence) value,
    PAGE_STRATEGIES(X)
#undef X
        PAGE_STRATEGY_COUNT
};
extern const char *const page_strategy_names[PAGE_STRATEGY_COUNT + 1]; /* NULL at the end */

enum {
    PAGE_GUESS_MAX = 16,          /* wishes at a time */
    PAGE_GUESS_TARGET_MAX = 1024, /* bytes; longer ones are not guessed */
    PAGE_GUESS_SESSIONS = 4096,
    PAGE_GUESS_HISTORY = 24, /* requests of a session that are looked at */
    PAGE_GUESS_TARGETS = 1 << 16,
    PAGE_GUESS_LINKS = 8,    /* of one answer */
    PAGE_GUESS_PATIENCE = 4, /* requests until a link was not followed */
};
#define PAGE_GUESS_IDLE_NS (30 * TIME_MINUTE) /* then a session is over */
#define PAGE_GUESS_LEAST   .02                /* what is less likely is not worth a word */

struct page_wish {
    char target[PAGE_GUESS_TARGET_MAX];
    size_t len;
    double probability; /* that the session asks for it soon */
    enum page_strategy strategy;
};
struct page_guess;

/* `strategies`: bits 1 << enum page_strategy. */
FW_MUST_CHECK enum fw_err page_guess_create(struct page_guess **guess, unsigned strategies);
void page_guess_free(struct page_guess **guess);
/* The session asked for it. The same again at once is a reload, and nothing is learned from it. */
void page_guess_observe(struct page_guess *guess, uint64_t session, struct str target,
                        int64_t now_ns);
/* There is no such page. */
void page_guess_absent(struct page_guess *guess, struct str target);
/* What it will ask for, each target once, the likeliest first. */
uint32_t page_guess_expect(struct page_guess *guess, uint64_t session,
                           struct page_wish wishes[PAGE_GUESS_MAX]);
/* Adds what a Link line of the answer to `target` promises the session. */
void page_guess_link(struct page_guess *guess, uint64_t session, struct str target,
                     struct str line);

#endif
