/* SPDX-License-Identifier: MIT
 * What is sent as the probe: as configured, or as the warmer's kind makes it. */
#include "edge/site_task.h"

enum fw_err site_probe_call(struct site *site, struct call_result *result, struct fw_detail *detail)
{
    const struct config_resource *config = site->warmer.config;
    struct config_call call = config->probe;
    struct warmer_probe made = {.timeout_ns = call.timeout_ns};
    *result = (struct call_result){0};
    if (!call.url[0]) {
        buf_init(&made.body, CALL_BODY_MAX);
        enum fw_err err = site->warmer.ops->probe(&site->warmer, &made, detail);
        if (err != FW_OK) {
            buf_fini(&made.body);
            return err;
        }
        call.method = "POST";
        call.url = made.path;
        call.body = made.body.data ? made.body.data : "";
        call.headers = config->warmer.headers;
        call.header_count = config->warmer.header_count;
    }
    enum fw_err err =
        call_perform(&call, &config->upstream, made.timeout_ns, &site->cancel, result, detail);
    buf_fini(&made.body);
    return err;
}
