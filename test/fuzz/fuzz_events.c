/* SPDX-License-Identifier: MIT
 * Any bytes as a router's stream of events, in two pieces: progress stays within its bounds, and
 * what is kept of a line too. */
#include "base/check.h"
#include "edge/warmers/llama.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    size_t half = len > 0 ? data[0] % len : 0;
    struct llama_events events = {.model = "m", .permille = -1};
    buf_init(&events.rest, LLAMA_EVENT_MAX);
    if (llama_take_events(&events, (struct str){text, half}))
        CHECK(llama_take_events(&events, (struct str){text + half, len - half}) == !events.ended);
    CHECK(events.permille >= -1 && events.permille <= 1000 && events.rest.len <= LLAMA_EVENT_MAX);
    buf_fini(&events.rest);
    return 0;
}
