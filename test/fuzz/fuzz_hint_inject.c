/* SPDX-License-Identifier: MIT
 * Bodies that hints are written into: what was readable stays readable, and its other members are
 * the same bytes; what was not is left alone. The first byte chooses dialect and policy. */
#include "base/check.h"
#include "edge/hint_inject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct hint_rules rules = {
        .dialect = data[0] % 3, .client = data[0] / 3 % 3, .cap = 5, .scale = 5};
    struct hint_values values = {.known = data[0] & 64 ? 31 : 0,
                                 .osl = 3,
                                 .iat_ms = 7,
                                 .level = 2,
                                 .total_requests = 4,
                                 .remaining = 2,
                                 .prefix_id = "p"};
    struct str body = {(const char *)data + 1, size - 1};
    struct scan_field nvext = {.key = STR("nvext")}, hints = {.key = STR("agent_hints")};
    struct scan_field priority = {.key = STR("priority")};
    struct scan_error error;
    struct hint_edit edit;
    struct buf text, whole;
    buf_init(&text, 1 << 20);
    buf_init(&whole, 1 << 20);
    enum hint_outcome outcome = hint_inject_scan(&rules, &values, body, &text, &edit);
    if (outcome == HINT_INJECTED || outcome == HINT_STRIPPED) {
        CHECK(edit.at <= body.len && edit.cut <= body.len - edit.at);
        buf_add(&whole, body.data, edit.at);
        buf_add_str(&whole, edit.text);
        buf_add(&whole, body.data + edit.at + edit.cut, body.len - edit.at - edit.cut);
        CHECK(scan_object(buf_str(&whole), &nvext, 1, &error) == FW_OK && !nvext.twice);
        CHECK(scan_object(nvext.raw, &hints, 1, &error) == FW_OK && !hints.twice);
        CHECK(scan_object(hints.raw, &priority, 1, &error) == FW_OK && !priority.twice);
        CHECK(priority.type == SCAN_ABSENT ||
              (priority.type == SCAN_NUMBER && priority.raw.len == 1 &&
               priority.raw.data[0] >= '0' && priority.raw.data[0] <= '5'));
    }
    buf_fini(&text);
    buf_fini(&whole);
    return 0;
}
