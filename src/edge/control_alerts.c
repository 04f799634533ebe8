/* SPDX-License-Identifier: MIT
 * GET /v1/alerts: what is wrong now, what was, and who has been told. */
#include "edge/control_part.h"

void control_alerts(struct control *control, struct call *call)
{
    struct json json;
    json_init(&json, &call->out, false);
    alerts_write(control->setup.alerts, &json);
    control_send(call);
}
