/* SPDX-License-Identifier: MIT
 * The alerts of this daemon, and which receiver has been told what: a bounded list in the order in
 * which things happened, that survives a restart. A condition opens one alert however long it
 * holds; each receiver is told once that it is open and once that it is over, in this order. Times
 * are arguments, and nothing here waits or locks. */
#ifndef FOREWARM_EDGE_ALERT_BOOK_H
#define FOREWARM_EDGE_ALERT_BOOK_H

#include "base/buf.h"
#include "edge/config.h"

enum {
    ALERT_SUBJECT_MAX = 256, /* bytes with the NUL; longer texts are cut */
    ALERT_WORDS_MAX = 400,
    ALERTS_MAX = 512,        /* waiting, open, and over with somebody still to be told */
    ALERTS_PAST_MAX = 64,    /* of those that are over and told, so many are kept to be shown */
    ALERT_FILE_MAX = 4 << 20 /* bytes of what is kept */
};

/* How much of it a receiver knows. */
enum alert_stage { ALERT_UNTOLD, ALERT_TOLD_OPEN, ALERT_TOLD_OVER };

struct alert {
    uint64_t number; /* ascending, never twice */
    uint32_t rule, severity;
    char subject[ALERT_SUBJECT_MAX];
    char words[ALERT_WORDS_MAX];       /* what is wrong, a sentence */
    int64_t first_ns, last_ns;         /* when the condition first and last held */
    int64_t open_ns;                   /* when it became an alert; 0: it is waited for that */
    int64_t over_ns;                   /* 0: it is not */
    bool held;                         /* the condition holds until the contrary is said */
    uint8_t told[ALERT_RECEIVERS_MAX]; /* enum alert_stage */
};

struct alert_book {
    struct alert *alerts; /* ALERTS_MAX of them, by number */
    uint32_t count, receiver_count;
    uint64_t next;
    uint64_t dropped; /* conditions for which there was no room */
};

FW_MUST_CHECK enum fw_err alert_book_init(struct alert_book *book, uint32_t receiver_count);
void alert_book_fini(struct alert_book *book); /* fine on a zeroed one */

/* The condition holds from now on, or does not any more. */
void alert_book_set(struct alert_book *book, enum alert_rule rule, struct str subject, bool held,
                    const char *words, int64_t now_ns);
/* It held at this moment. */
void alert_book_note(struct alert_book *book, enum alert_rule rule, struct str subject,
                     const char *words, int64_t now_ns);
/* All conditions of the rule are taken back but those that are set again before the sweep. */
void alert_book_unset(struct alert_book *book, enum alert_rule rule);
/* Opens and closes what it is time for, by the rules. True: something changed. */
bool alert_book_sweep(struct alert_book *book, const struct config_rule *rules, int64_t now_ns);

/* The oldest that the receiver is to be told something of, and what; NULL: it knows all. */
const struct alert *alert_book_due(const struct alert_book *book, uint32_t receiver,
                                   enum alert_stage *stage);
/* It has been told. */
void alert_book_told(struct alert_book *book, uint64_t number, uint32_t receiver,
                     enum alert_stage stage);
/* How many alerts the receiver is still to be told something of. */
uint32_t alert_book_waiting(const struct alert_book *book, uint32_t receiver);
/* Receivers in another order, of another number: `from[i]` is the former place of the new i, or
 * ALERT_RECEIVER_NEW. A new one is told of what is open, not of what is over. */
#define ALERT_RECEIVER_NEW UINT32_MAX
void alert_book_receivers(struct alert_book *book, const uint32_t *from, uint32_t count);

/* What is open or still to be told, as JSON. `names` of the receivers, in their order. */
void alert_book_save(const struct alert_book *book, const char *const *names, struct buf *out);
/* Into an empty book. FW_CORRUPT, FW_VERSION: it stays empty. */
FW_MUST_CHECK enum fw_err alert_book_load(struct alert_book *book, const char *const *names,
                                          struct str text, struct fw_detail *detail);

#endif
