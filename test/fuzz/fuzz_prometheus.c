/* SPDX-License-Identifier: MIT
 * Answers to range queries: whatever the server says, a sentence, or points on the grid that was
 * asked for, in the order of time. The first byte chooses status and grid. */
#include "base/time.h"
#include "edge/prometheus.h"
#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const long statuses[] = {200, 200, 400, 401, 404, 422, 500, 302};
    struct prometheus_points points = {0};
    struct fw_detail detail = {""};
    if (len < 1 || len > 1 << 15)
        return 0;
    int64_t step_ns = data[0] & 8 ? TIME_HOUR : TIME_SECOND;
    const struct prometheus_range piece = {1772316000 * TIME_SECOND,
                                           1772316000 * TIME_SECOND + 99 * step_ns, step_ns};
    struct str body = {(const char *)data + 1, len - 1};
    /* Twice: a later piece is added to the first. */
    for (int i = 0; i < 2; i++) {
        enum fw_err err =
            prometheus_answer(&points, body, statuses[data[0] & 7], &piece, "fuzz", &detail);
        require(err == FW_OK || err == FW_NOMEM || detail.text[0] != '\0');
        require(err == FW_OK || err == FW_INPUT || err == FW_UPSTREAM || err == FW_FORBIDDEN ||
                err == FW_NOMEM);
        require(err != FW_OK || (data[0] & 7) < 2);
    }
    for (size_t i = 0; i < points.count; i++) {
        require(points.at_ns[i] >= piece.from_ns && points.at_ns[i] <= piece.to_ns);
        require((points.at_ns[i] - piece.from_ns) % step_ns == 0);
        require(i == 0 || points.at_ns[i] > points.at_ns[i - 1]);
    }
    prometheus_points_fini(&points);
    return 0;
}
