/* SPDX-License-Identifier: MIT */
#include "core/tally.h"
#include "base/check.h"
#include <stdlib.h>

/* A field that struct accounts gains must be named in TALLY_COUNTS or TALLY_TIMES. */
#define ONE(field) +1
enum { FIELDS = 0 TALLY_COUNTS(ONE) TALLY_TIMES(ONE) };
_Static_assert(sizeof(struct accounts) == FIELDS * sizeof(uint64_t), "tally.h names every field");
_Static_assert(sizeof((struct accounts){0}.warmups) == CAUSE_COUNT * sizeof(uint64_t),
               "a count a cause");

void tally_fini(struct tally *tally)
{
    free(tally->carried);
    *tally = (struct tally){0};
}

void tally_add(const struct tally *tally, struct accounts *sum)
{
#define ADD(field) sum->field += tally->field;
    TALLY_COUNTS(ADD)
    TALLY_TIMES(ADD)
#undef ADD
    if (!tally->carried)
        return;
#define ADD(field) sum->field += tally->carried->field;
    TALLY_COUNTS(ADD)
#undef ADD
}

static bool is_full(const struct tally *tally)
{
#define OR(field) | tally->field
    return (0 TALLY_COUNTS(OR)) >= TALLY_FULL;
#undef OR
}

void tally_carry(struct tally *tally)
{
    if (!is_full(tally))
        return;
    if (!tally->carried)
        tally->carried = calloc(1, sizeof *tally->carried);
    if (!tally->carried)
        return;
#define MOVE(field)                                                                                \
    tally->carried->field += tally->field;                                                         \
    tally->field = 0;
    TALLY_COUNTS(MOVE)
#undef MOVE
}

enum fw_err tally_set(struct tally *tally, const struct accounts *accounts)
{
#define SET(field) tally->field = accounts->field;
    TALLY_TIMES(SET)
#undef SET
#define OR(field) | accounts->field
    if ((0 TALLY_COUNTS(OR)) < TALLY_FULL) {
#define SET(field) tally->field = (uint32_t)accounts->field;
        TALLY_COUNTS(SET)
#undef SET
        return FW_OK;
    }
#undef OR
    CHECK(!tally->carried);
    tally->carried = calloc(1, sizeof *tally->carried);
    if (!tally->carried)
        return FW_NOMEM;
#define SET(field) tally->carried->field = accounts->field;
    TALLY_COUNTS(SET)
#undef SET
    return FW_OK;
}
