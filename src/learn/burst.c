/* SPDX-License-Identifier: MIT */
#include "learn/burst.h"
#include "base/time.h"
#include "learn/recall.h"

#define KEEP_OLD 0.97

void burst_learn(struct burst *burst, int64_t at_ns, int64_t gap_ns, int64_t load_ns)
{
    bool open = burst->waited_ns > 0;
    if (!open || gap_ns < 0 || gap_ns - load_ns > load_ns) {
        if (open) {
            double waited_s = time_to_seconds(burst->waited_ns);
            burst->average_s = burst->average_s > 0
                                   ? KEEP_OLD * burst->average_s + (1 - KEEP_OLD) * waited_s
                                   : waited_s;
        }
        burst->began_ns = at_ns;
        burst->waited_ns = load_ns;
        return;
    }
    int64_t since_ns = at_ns - burst->began_ns;
    if (since_ns >= 0 && since_ns < load_ns)
        burst->waited_ns = time_add(burst->waited_ns, load_ns - since_ns);
}

double burst_wait_s(const struct burst *burst, int64_t load_ns)
{
    double load_s = time_to_seconds(load_ns);
    return burst->average_s > load_s ? burst->average_s : load_s;
}

void burst_save(const struct burst *burst, struct buf *out)
{
    buf_put_i64(out, burst->began_ns);
    buf_put_i64(out, burst->waited_ns);
    buf_put_double(out, burst->average_s);
}

bool burst_load(struct burst *burst, struct buf_reader *in)
{
    return recall_instant(in, &burst->began_ns) && recall_duration(in, &burst->waited_ns) &&
           recall_positive(in, &burst->average_s);
}
