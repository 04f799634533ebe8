/* SPDX-License-Identifier: MIT
 * What is sent as the probe: as configured, or as the warmer's kind makes it, with the options that
 * users send most. */
#include "edge/call.h"
#include "edge/options.h"
#include "edge/site_task.h"
#include "edge/warmers/ask.h"

void site_probe_choose_options(struct site *site)
{
    char text[OPTIONS_TEXT_MAX];
    struct warmer *warmer = &site->warmer;
    buf_clear(&warmer->fingerprint);
    buf_clear(&warmer->options);
    warmer->fingerprint.max = warmer->options.max = CALL_BODY_MAX;
    if (!site->slot || options_keys(warmer->config).len == 0)
        return;
    size_t len = options_most_used(&site->slot->options, jobs_wall_ns(), text);
    buf_add(&warmer->fingerprint, text, len);
    options_object(str_of(warmer->config->probe.body), (struct str){text, len}, &warmer->options);
}

enum fw_err site_probe_call(struct site *site, struct call_result *result, struct fw_detail *detail)
{
    site_probe_choose_options(site);
    return ask_probe(&site->warmer, site->warmer.config->probe.timeout_ns, result, detail);
}
