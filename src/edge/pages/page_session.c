/* SPDX-License-Identifier: MIT
 * Whose request it is, as far as guessing goes: a session that the client names, else where it
 * comes from. */
#include "edge/pages/page_visit.h"

static uint64_t hash_of(struct str text)
{
    uint64_t hash = str_hash(text.data, text.len, 0);
    return hash != 0 ? hash : 1;
}

static struct str cookie_of(const struct server_request *request, struct str wanted)
{
    for (uint32_t i = 0; i < request->field_count; i++) {
        struct str rest = request->fields[i].value, pair, name;
        if (!str_equal_nocase(request->fields[i].name, STR("cookie")))
            continue;
        while (str_cut(&rest, ';', &pair)) {
            pair = str_trim(pair);
            if (str_cut(&pair, '=', &name) && pair.data && str_equal(name, wanted))
                return pair;
        }
    }
    return (struct str){0};
}

static struct str address_of(const struct server_request *request)
{
    struct str peer = request->peer;
    while (peer.len > 0 && peer.data[peer.len - 1] != ':')
        peer.len--;
    if (peer.len > 0)
        peer.len--;
    return peer;
}

static struct str usual_of(const struct server_request *request)
{
    static const char *const names[] = {"x-forewarm-session", "x-session-id",
                                        "x-litellm-session-id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str value = server_field_get(request, names[i]);
        if (value.len > 0)
            return value;
    }
    return (struct str){0};
}

uint64_t page_session(const struct config_prefetch *config, const struct server_request *request)
{
    struct str how = str_of(config->session), found = {0};
    if (how.len == 0)
        found = usual_of(request);
    else if (str_starts(how, STR("header:")))
        found = server_field_get(request, config->session + strlen("header:"));
    else if (str_starts(how, STR("cookie:")))
        found = cookie_of(request, str_of(config->session + strlen("cookie:")));
    return hash_of(found.len > 0 ? found : address_of(request));
}
