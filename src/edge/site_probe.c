/* SPDX-License-Identifier: MIT
 * What is sent as the probe: as configured, or as the warmer's kind makes it. */
#include "edge/site_task.h"
#include "edge/warmers/ask.h"

enum fw_err site_probe_call(struct site *site, struct call_result *result, struct fw_detail *detail)
{
    return ask_probe(&site->warmer, site->warmer.config->probe.timeout_ns, result, detail);
}
