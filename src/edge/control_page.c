/* SPDX-License-Identifier: MIT
 * The dashboard at "/" (web/dashboard.js), the script for other pages, and the health page. */
#include "edge/control_part.h"
#include "web/page.h"

/* Scripts and styles are files of this origin; nothing else is loaded, and nobody frames it. */
#define PAGE_HEADERS                                                                               \
    "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: "              \
    "no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n"
#define PAGE_POLICY                                                                                \
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "           \
    "connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; "                 \
    "form-action 'none'\r\n"

static void answer_asset(struct call *call, const char *asset, const char *type)
{
    struct exchange *exchange = call->exchange;
    call_free(call);
    exchange_answer(exchange, 200, type, STR(PAGE_HEADERS PAGE_POLICY), page_asset(asset));
}

void control_page(struct control *control, struct call *call)
{
    (void)control;
    answer_asset(call, "dashboard.html", "text/html; charset=utf-8");
}

void control_page_script(struct control *control, struct call *call)
{
    (void)control;
    answer_asset(call, "dashboard.js", "text/javascript; charset=utf-8");
}

void control_page_style(struct control *control, struct call *call)
{
    (void)control;
    answer_asset(call, "dashboard.css", "text/css; charset=utf-8");
}

/* forewarm.js, for pages of any origin: what it calls is what origins are asked for. */
void control_script(struct control *control, struct call *call)
{
    struct exchange *exchange = call->exchange;
    (void)control;
    call_free(call);
    exchange_answer(exchange, 200, "text/javascript; charset=utf-8",
                    STR("Cache-Control: max-age=300\r\nX-Content-Type-Options: nosniff\r\n"
                        "Cross-Origin-Resource-Policy: cross-origin\r\n"),
                    page_asset("forewarm.js"));
}

/* Liveness of this thread, nothing else: it asks nobody and warms nothing (W3). */
void control_health(struct control *control, struct call *call)
{
    (void)control;
    buf_add_text(&call->out, "{\"status\":\"ok\"}");
    control_send(call);
}
