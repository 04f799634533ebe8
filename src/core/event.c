/* SPDX-License-Identifier: MIT */
#include "core/event.h"

const char *event_kind_name(uint32_t kind)
{
    static const char *const names[] = {
#define X(kind, name, sentence) name,
        EVENT_KINDS(X)
#undef X
    };
    return kind < EVENT_KIND_COUNT ? names[kind] : "?";
}
