/* SPDX-License-Identifier: MIT
 * A small page for people at "/", the script for other pages, and the health page. The first has
 * everything in it, loads nothing from elsewhere, and shows resource names as text only. */
#include "edge/control_part.h"
#include "web/page.h"

static const char PAGE[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>forewarm</title>"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 "
    "1rem;color:#1c1c1c;background:#fff}"
    "h1{font-size:1.3rem;margin:0 0 .2rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid "
    "#ddd;white-space:nowrap}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bar{display:inline-block;width:"
    "6rem;height:.6rem;background:#e4e4e4}"
    ".bar i{display:block;height:100%;background:#2a6fb0}button{font:inherit}#say{color:#a00}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}th,td{border-color:#"
    "333}.bar{background:#333}}"
    "</style></head><body><h1>forewarm</h1><p id=\"sum\"></p><p id=\"say\" role=\"status\"></p>"
    "<label id=\"ask\" hidden>Token <input id=\"token\" type=\"password\" "
    "autocomplete=\"off\"></label>"
    "<table><thead><tr><th>Resource</th><th>State</th><th>Progress</th><th class=\"n\">In "
    "use</th><th class=\"n\">Held</th>"
    "<th class=\"n\">Requests</th><th class=\"n\">Cold</th><th class=\"n\">Chance in 10 "
    "min</th><th></th></tr></thead>"
    "<tbody id=\"rows\"></tbody></table><script>\n"
    "'use strict';const $=i=>document.getElementById(i);\n"
    "const head=()=>$('token').value?{authorization:'Bearer '+$('token').value}:{};\n"
    "function cell(row,text,cls){const "
    "td=document.createElement('td');td.textContent=text;if(cls)td.className=cls;row.append(td);"
    "return td}\n"
    "function act(row,id,what){const b=document.createElement('button');b.textContent=what;\n"
    "b.onclick=()=>fetch('/v1/resources/'+encodeURIComponent(id)+'/"
    "'+what,{method:'POST',headers:head()}).then(look);row.append(b,' ')}\n"
    "async function look(){let d;try{const r=await "
    "fetch('/v1/resources',{headers:head()});$('ask').hidden=r.status!==401&&!$('token').value;\n"
    "if(!r.ok)throw new Error(r.status===401?'This forewarm asks for its token.':'It answered "
    "'+r.status+'.');d=await r.json();$('say').textContent=''}\n"
    "catch(e){$('say').textContent=e.message;return}\n"
    "const m=d.memory,gib=b=>(b/2**30).toFixed(1)+' GiB';\n"
    "$('sum').textContent='Policy '+d.policy+'. Memory "
    "'+gib(m.used_bytes)+(m.budget_bytes===null?'':' of '+gib(m.budget_bytes))+'. "
    "'+d.accounts.requests+' requests, '+d.accounts.cold_requests+' met a cold resource.';\n"
    "const rows=document.createDocumentFragment();for(const r of d.resources){const "
    "tr=document.createElement('tr');\n"
    "cell(tr,r.id+(r.pinned?' "
    "(pinned)':''));cell(tr,r.warmup.in_progress?r.warmup.stage:r.state).title=r.warmup.error||'';"
    "\n"
    "const p=cell(tr,'');if(r.warmup.in_progress){const "
    "bar=document.createElement('span');bar.className='bar';const i=document.createElement('i');\n"
    "i.style.width=Math.round(100*r.warmup.progress)+'%';bar.append(i);p.append(bar,r.warmup.eta_s="
    "==null?'':' '+Math.ceil(r.warmup.eta_s)+' s')}\n"
    "cell(tr,r.in_use,'n');cell(tr,r.held,'n');cell(tr,r.accounts.requests,'n');cell(tr,r.accounts."
    "cold_requests,'n');\n"
    "cell(tr,Math.round(100*r.prediction.probability_10min)+' %','n');const "
    "a=cell(tr,'');act(a,r.id,'warm');act(a,r.id,'unload');act(a,r.id,r.pinned?'unpin':'pin');rows."
    "append(tr)}\n"
    "$('rows').replaceChildren(rows)}\n"
    "$('token').onchange=look;look();setInterval(look,2000);\n"
    "</script></body></html>\n";

void control_page(struct control *control, struct call *call)
{
    static const char headers[] =
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: "
        "no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src "
        "'unsafe-inline'; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n";
    struct exchange *exchange = call->exchange;
    (void)control;
    call_free(call);
    exchange_answer(exchange, 200, "text/html; charset=utf-8",
                    (struct str){headers, sizeof headers - 1}, (struct str){PAGE, sizeof PAGE - 1});
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
