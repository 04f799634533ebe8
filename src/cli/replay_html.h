/* SPDX-License-Identifier: MIT
 * What `forewarm replay --html` writes: one page that opens anywhere, without a network. The
 * numbers are a JSON block inside it, the same as --json gives and more; web/replay.js draws them.
 */
#ifndef FOREWARM_CLI_REPLAY_HTML_H
#define FOREWARM_CLI_REPLAY_HTML_H

#include "cli/replay_report.h"
#include "sim/trail.h"

struct replay_page {
    const struct replay_report *report;
    const struct score_arrivals *arrivals;
    const struct trail *trail; /* finished */
    const char *shown;         /* the policy it is about */
};

FW_MUST_CHECK enum fw_err replay_html(const struct replay_page *page, struct buf *out);

#endif
