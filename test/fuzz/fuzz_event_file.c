/* SPDX-License-Identifier: MIT
 * Calendars and classes of events: a sentence with a place, or rows within their bounds. */
#include "cli/event_file.h"
#include <math.h>
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct event_classes classes;
    if (len > 1 << 14)
        return 0;
    struct str text = {(const char *)data, len};
    struct calendar calendar;
    struct fw_detail detail = {""};
    if (event_file_parse(&calendar, "fuzz.yaml", text, &detail) == FW_OK) {
        for (size_t i = 0; i < calendar.count; i++) {
            const struct calendar_event *event = &calendar.events[i];
            require(event->name[0] != '\0' && event->multiplier >= 0 && event->multiplier <= 1e6 &&
                    event->duration_ns >= 0 && (i == 0 || event[-1].at_ns <= event->at_ns));
        }
        event_file_fini(&calendar);
    } else {
        require(detail.text[0] != '\0');
    }
    event_classes_default(&classes);
    detail.text[0] = '\0';
    if (event_file_parse_classes(&classes, "fuzz.yaml", text, &detail) != FW_OK)
        require(detail.text[0] != '\0');
    require(classes.count <= EVENT_CLASSES_MAX);
    struct event_seen seen = {.feature = {3, 4, 1, NAN, NAN}};
    struct event_verdict verdict;
    event_classify(&classes, &seen, &verdict);
    double sum = 0;
    for (size_t i = 0; i <= classes.count; i++)
        sum += verdict.probability[i];
    require(fabs(sum - 1) < 1e-9);
    return 0;
}
