/* SPDX-License-Identifier: MIT */
#include "core/action.h"
#include "base/time.h"
#include <stdlib.h>

static const char *const action_names[] = {
#define X(kind, name, sentence) name,
    ACTION_KINDS(X)
#undef X
};
static const char *const cause_names[] = {
#define X(cause, name) name,
    CAUSES(X)
#undef X
};
static const struct {
    const char *name, *sentence;
} reasons[] = {
#define X(reason, name, sentence) {name, sentence},
    REASONS(X)
#undef X
};

void action_list_fini(struct action_list *list)
{
    free(list->items);
    *list = (struct action_list){0};
}

const char *action_kind_name(uint32_t kind)
{
    return kind < ACTION_KIND_COUNT ? action_names[kind] : "?";
}

const char *cause_name(uint32_t cause)
{
    return cause < CAUSE_COUNT ? cause_names[cause] : "?";
}

const char *reason_name(uint32_t reason)
{
    return reason < REASON_COUNT ? reasons[reason].name : "?";
}

/* One {N}, {Ns}, {Nx} or {Nb}. */
static void describe_number(int64_t number, char form, struct buf *out)
{
    char text[(int)TIME_TEXT_MAX > (int)STR_NUMBER_MAX ? (int)TIME_TEXT_MAX : (int)STR_NUMBER_MAX];
    switch (form) {
    case 's':
        buf_add_text(out, time_format_human(number, text));
        break;
    case 'x':
        buf_add_text(out, str_from_fixed((double)number / 1e6, 2, text));
        break;
    case 'b':
        buf_add_text(out, str_from_size((uint64_t)number, text));
        break;
    default:
        buf_printf(out, "%lld", (long long)number);
    }
}

static void describe_resource(uint32_t resource, reason_name_fn *name_of, const void *context,
                              struct buf *out)
{
    if (name_of)
        buf_add_str(out, name_of(context, resource));
    else
        buf_printf(out, "#%u", resource);
}

static void describe_pair(int64_t pair, reason_name_fn *name_of, const void *context,
                          struct buf *out)
{
    uint32_t before = (uint32_t)((uint64_t)pair >> 32);
    if ((uint32_t)pair == UINT32_MAX) {
        buf_add_text(out, "a past like this");
        return;
    }
    if (before != UINT32_MAX) {
        describe_resource(before, name_of, context, out);
        buf_add_text(out, " then ");
    }
    describe_resource((uint32_t)pair, name_of, context, out);
}

void reason_describe(uint32_t reason, const int64_t numbers[4], reason_name_fn *name_of,
                     const void *context, struct buf *out)
{
    const char *at = reason < REASON_COUNT ? reasons[reason].sentence : "?";
    while (*at != '\0') {
        if (at[0] != '{' || at[1] < '0' || at[1] > '3') {
            buf_add_char(out, *at++);
            continue;
        }
        int64_t number = numbers[at[1] - '0'];
        char form = at[2];
        if (form == 'p')
            describe_pair(number, name_of, context, out);
        else
            describe_number(number, form, out);
        at += form == '}' ? 3 : 4;
    }
}
