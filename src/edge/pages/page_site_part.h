/* SPDX-License-Identifier: MIT
 * What the files of a page site share. */
#ifndef FOREWARM_EDGE_PAGE_SITE_PART_H
#define FOREWARM_EDGE_PAGE_SITE_PART_H

#include "edge/pages/page_site.h"

enum {
    PAGE_SITE_VARIES_MAX = 64,       /* lists of fields that answers vary by */
    PAGE_SITE_NOTES_MAX = 1 << 16,   /* targets with a list of their own, passed, invalidated */
    PAGE_SITE_DEMANDS_MAX = 1 << 16, /* loads at the same time: the clients' own are not limited */
    PAGE_SITE_LINES_MAX = 4 << 10,
    PAGE_SITE_SPARE_MAX = 8,
};
#define PAGE_SITE_PASS_NS       (10 * TIME_SECOND) /* what was not stored is not waited for */
#define PAGE_SITE_STALE_KEEP_NS TIME_HOUR          /* what can be validated is kept past its time */

/* Those who wait for a load. */
struct page_flight {
    struct page_waiter *waiters;
};

struct page_site {
    struct page_sites *all;
    struct page_site *next;
    uint32_t references; /* under the lock of all */
    char upstream[CONFIG_URL_MAX];
    char *identity; /* of its settings */
    char *paths;
    int64_t assumed_ns;
    uint32_t yield_at;
    bool ahead;

    pthread_mutex_t lock; /* of what follows */
    struct prefetcher *machine;
    struct page_guess *guess;
    struct map64 flights;                        /* load -> struct page_flight, if somebody waits */
    struct page_load spare[PAGE_SITE_SPARE_MAX]; /* taken off the machine, and nobody's yet */
    uint32_t spare_count;
    struct table varies;  /* lists */
    struct map64 vary_of; /* target -> list, if it is not the usual one */
    bool usually_shared;  /* what was stored last was for everybody */
    uint32_t usual_vary;  /* of what was stored last; TABLE_NONE */
    struct map64 passes;  /* key -> until when */
    struct map64 wrong;   /* target -> since when what was asked for before is wrong (wall) */
    int64_t all_wrong_ns;
    struct buf usual_lines; /* the fields guesses are fetched with */
    int64_t demand;
    uint64_t results[PAGE_RESULT_COUNT];
};

/* page_site.c: hooks of the machine */
void page_site_ended(void *context, uint32_t id, uint32_t waiters,
                     const struct prefetcher_result *result);
void page_site_left(void *context, uint64_t value);
void page_site_cancelled(void *context, uint32_t id, uint64_t attempt);

/* What was asked for before the target was changed is wrong. */
bool page_site_is_wrong(const struct page_site *site, struct str target,
                        const struct page_object *object);

/* page_key.c */
uint64_t page_key_hash(struct str text);
/* Target, and the values of what it varies by, as far as is known. False: too long. */
bool page_key_write(const struct page_site *site, struct str target,
                    const struct server_field *fields, uint32_t count, struct buf *key);
/* What the answer varies by is remembered. */
void page_key_learn(struct page_site *site, struct str target, const struct page_object *object);
/* The key of a stored answer. */
void page_key_of(struct str target, const struct page_object *object, struct buf *key);
/* Lines "Name: value" that ask for what the key names. */
void page_key_lines(const struct page_site *site, struct str key, struct buf *lines);
/* Notes of a bounded map; when it is full it begins anew. */
void page_key_note(struct map64 *map, uint64_t key, int64_t value);

#endif
