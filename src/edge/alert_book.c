/* SPDX-License-Identifier: MIT */
#include "edge/alert_book.h"
#include "base/check.h"
#include "base/time.h"
#include <stdlib.h>

enum fw_err alert_book_init(struct alert_book *book, uint32_t receiver_count)
{
    CHECK(receiver_count <= ALERT_RECEIVERS_MAX);
    *book = (struct alert_book){.receiver_count = receiver_count, .next = 1};
    book->alerts = calloc(ALERTS_MAX, sizeof *book->alerts);
    return book->alerts ? FW_OK : FW_NOMEM;
}

void alert_book_fini(struct alert_book *book)
{
    free(book->alerts);
    *book = (struct alert_book){0};
}

static void copy(char *to, size_t size, struct str text)
{
    size_t len = text.len < size ? text.len : size - 1;
    while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80)
        len--; /* not in the middle of a character */
    if (len > 0)
        memcpy(to, text.data, len);
    to[len] = '\0';
}

static void take_out(struct alert_book *book, uint32_t at)
{
    memmove(&book->alerts[at], &book->alerts[at + 1],
            (book->count - at - 1) * sizeof book->alerts[0]);
    book->count--;
}

static enum alert_stage wanted(const struct alert *alert)
{
    return alert->over_ns ? ALERT_TOLD_OVER : alert->open_ns ? ALERT_TOLD_OPEN : ALERT_UNTOLD;
}

static bool is_past(const struct alert_book *book, const struct alert *alert)
{
    bool told = alert->over_ns != 0;
    for (uint32_t i = 0; i < book->receiver_count; i++)
        told &= alert->told[i] == ALERT_TOLD_OVER;
    return told;
}

/* Of those that are over and known to all, the oldest beyond `most` go. */
static void forget_past(struct alert_book *book, uint32_t most)
{
    uint32_t past = 0;
    for (uint32_t i = book->count; i-- > 0;)
        if (is_past(book, &book->alerts[i]) && ++past > most)
            take_out(book, i);
}

static struct alert *find(const struct alert_book *book, enum alert_rule rule, struct str subject)
{
    char name[ALERT_SUBJECT_MAX];
    copy(name, sizeof name, subject);
    for (uint32_t i = book->count; i-- > 0;) {
        struct alert *alert = &book->alerts[i];
        if (alert->rule == rule && !alert->over_ns && strcmp(alert->subject, name) == 0)
            return alert;
    }
    return NULL;
}

static struct alert *add(struct alert_book *book, enum alert_rule rule, struct str subject,
                         int64_t now_ns)
{
    if (book->count == ALERTS_MAX)
        forget_past(book, 0);
    if (book->count == ALERTS_MAX) {
        book->dropped++;
        return NULL;
    }
    struct alert *alert = &book->alerts[book->count++];
    *alert = (struct alert){.number = book->next++, .rule = rule, .first_ns = now_ns};
    copy(alert->subject, sizeof alert->subject, subject);
    return alert;
}

void alert_book_note(struct alert_book *book, enum alert_rule rule, struct str subject,
                     const char *words, int64_t now_ns)
{
    struct alert *alert = find(book, rule, subject);
    if (!alert)
        alert = add(book, rule, subject, now_ns);
    if (!alert)
        return;
    alert->last_ns = now_ns;
    if (!alert->open_ns) /* what was said is what stays said */
        copy(alert->words, sizeof alert->words, str_of(words));
}

void alert_book_set(struct alert_book *book, enum alert_rule rule, struct str subject, bool held,
                    const char *words, int64_t now_ns)
{
    struct alert *alert;
    if (held)
        alert_book_note(book, rule, subject, words, now_ns);
    alert = find(book, rule, subject);
    if (alert)
        alert->held = held;
}

void alert_book_unset(struct alert_book *book, enum alert_rule rule)
{
    for (uint32_t i = 0; i < book->count; i++)
        if (book->alerts[i].rule == rule)
            book->alerts[i].held = false;
}

bool alert_book_sweep(struct alert_book *book, const struct config_rule *rules, int64_t now_ns)
{
    bool changed = false;
    for (uint32_t i = book->count; i-- > 0;) {
        struct alert *alert = &book->alerts[i];
        const struct config_rule *rule = &rules[alert->rule];
        if (alert->over_ns)
            continue;
        if (alert->held)
            alert->last_ns = now_ns;
        bool ended = !alert->held && now_ns - alert->last_ns >= rule->resolve_ns;
        if (!alert->open_ns && rule->on && alert->last_ns - alert->first_ns >= rule->hold_ns) {
            alert->open_ns = now_ns;
            alert->severity = (uint32_t)rule->severity;
            changed = true;
        } else if (alert->open_ns && (ended || !rule->on)) {
            alert->over_ns = now_ns;
            changed = true;
        } else if (!alert->open_ns && (ended || !rule->on)) {
            take_out(book, i);
        }
    }
    forget_past(book, ALERTS_PAST_MAX);
    return changed;
}

/* ---- telling ---- */

const struct alert *alert_book_due(const struct alert_book *book, uint32_t receiver,
                                   enum alert_stage *stage)
{
    for (uint32_t i = 0; i < book->count; i++) {
        const struct alert *alert = &book->alerts[i];
        if (alert->told[receiver] >= wanted(alert))
            continue;
        *stage = (enum alert_stage)(alert->told[receiver] + 1);
        return alert;
    }
    return NULL;
}

void alert_book_told(struct alert_book *book, uint64_t number, uint32_t receiver,
                     enum alert_stage stage)
{
    for (uint32_t i = 0; i < book->count; i++)
        if (book->alerts[i].number == number && book->alerts[i].told[receiver] < stage)
            book->alerts[i].told[receiver] = (uint8_t)stage;
}

uint32_t alert_book_waiting(const struct alert_book *book, uint32_t receiver)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < book->count; i++)
        waiting += book->alerts[i].told[receiver] < wanted(&book->alerts[i]);
    return waiting;
}

void alert_book_receivers(struct alert_book *book, const uint32_t *from, uint32_t count)
{
    CHECK(count <= ALERT_RECEIVERS_MAX);
    for (uint32_t i = 0; i < book->count; i++) {
        struct alert *alert = &book->alerts[i], before = *alert;
        for (uint32_t j = 0; j < count; j++)
            alert->told[j] = from[j] != ALERT_RECEIVER_NEW ? before.told[from[j]]
                             : before.over_ns              ? ALERT_TOLD_OVER
                                                           : ALERT_UNTOLD;
    }
    book->receiver_count = count;
}
