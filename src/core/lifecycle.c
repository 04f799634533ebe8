/* SPDX-License-Identifier: MIT */
#include "core/lifecycle.h"
#include "core/engine.h"
#include <stddef.h>

/* clang-format off */
static const struct lifecycle_row rows[] = {
    {RESOURCE_COLD,      SIGNAL_WANT,      RESOURCE_WARMING,   ACTION_WARM},
    {RESOURCE_COLD,      SIGNAL_FOUND,     RESOURCE_WARM,      LIFECYCLE_NO_ACTION},
    {RESOURCE_WARMING,   SIGNAL_LOADED,    RESOURCE_VERIFYING, LIFECYCLE_NO_ACTION},
    {RESOURCE_WARMING,   SIGNAL_PROVEN,    RESOURCE_WARM,      LIFECYCLE_NO_ACTION},
    {RESOURCE_WARMING,   SIGNAL_FAILED,    RESOURCE_FAILED,    LIFECYCLE_NO_ACTION},
    {RESOURCE_WARMING,   SIGNAL_CANCELLED, RESOURCE_COLD,      LIFECYCLE_NO_ACTION},
    {RESOURCE_VERIFYING, SIGNAL_PROVEN,    RESOURCE_WARM,      LIFECYCLE_NO_ACTION},
    {RESOURCE_VERIFYING, SIGNAL_FAILED,    RESOURCE_FAILED,    LIFECYCLE_NO_ACTION},
    {RESOURCE_VERIFYING, SIGNAL_CANCELLED, RESOURCE_COLD,      LIFECYCLE_NO_ACTION},
    {RESOURCE_WARM,      SIGNAL_LET_GO,    RESOURCE_DRAINING,  ACTION_DRAIN},
    {RESOURCE_WARM,      SIGNAL_LOST,      RESOURCE_COLD,      LIFECYCLE_NO_ACTION},
    {RESOURCE_DRAINING,  SIGNAL_WANT,      RESOURCE_WARM,      ACTION_UNDRAIN},
    {RESOURCE_DRAINING,  SIGNAL_DRAINED,   RESOURCE_UNLOADING, ACTION_UNLOAD},
    {RESOURCE_DRAINING,  SIGNAL_LOST,      RESOURCE_COLD,      LIFECYCLE_NO_ACTION},
    {RESOURCE_UNLOADING, SIGNAL_UNLOADED,  RESOURCE_COLD,      LIFECYCLE_NO_ACTION},
    {RESOURCE_FAILED,    SIGNAL_RETRY,     RESOURCE_COLD,      LIFECYCLE_NO_ACTION},
    {RESOURCE_FAILED,    SIGNAL_FOUND,     RESOURCE_WARM,      LIFECYCLE_NO_ACTION},
};
/* clang-format on */

const struct lifecycle_row *lifecycle_find(uint32_t state, uint32_t signal)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].state == state && rows[i].signal == signal)
            return &rows[i];
    return NULL;
}

const char *lifecycle_signal_name(uint32_t signal)
{
    static const char *const names[SIGNAL_COUNT] = {"want",      "loaded", "proven",  "failed",
                                                    "cancelled", "let go", "drained", "unloaded",
                                                    "lost",      "found",  "retry"};
    return signal < SIGNAL_COUNT ? names[signal] : "?";
}
