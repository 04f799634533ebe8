/* SPDX-License-Identifier: MIT
 * Who warms what, in all forewarms over one Redis. */
#include "edge/control_part.h"

/* "fleet" of a resource: absent when it is not shared. */
void control_write_fleet(struct json *json, struct site *site)
{
    struct fleet_view view;
    if (!site->seat)
        return;
    fleet_view(site->seat, &view);
    json_key(json, "fleet");
    json_object(json);
    json_key_text(json, "phase", view.phase);
    json_key_text(json, "by", view.by);
    json_key_uint(json, "users", view.users);
    json_key_uint(json, "token", view.token);
    json_key_text(json, "here", lease_state_name(view.here));
    json_object_end(json);
}

static void write_resources(struct brain *brain, struct json *json)
{
    json_key(json, "resources");
    json_array(json);
    for (uint32_t i = 0; i < engine_resource_count(brain_engine(brain)); i++) {
        struct site *site = brain_site(brain, i);
        if (!site || !site->configured || !site->seat)
            continue;
        json_object(json);
        json_key_text(json, "id", site->id);
        control_write_fleet(json, site);
        json_object_end(json);
    }
    json_array_end(json);
}

bool control_fleet(struct brain *brain, struct call *call)
{
    struct fleet *fleet = brain_fleet(brain);
    struct json json;
    struct fleet_counts counts;
    struct fleet_names names;
    if (!fleet) {
        call->err = err_set(&call->detail, FW_NOT_FOUND,
                            "this forewarm is alone: its state is not at redis://");
        return true;
    }
    fleet_counts(fleet, &counts);
    fleet_nodes(fleet, &names);
    json_init(&json, &call->out, false);
    json_object(&json);
    json_key_text(&json, "node", fleet_node(fleet));
    json_key_bool(&json, "connected", counts.connected);
    if (names.reason[0])
        json_key_text(&json, "reason", names.reason);
    json_key(&json, "nodes");
    json_array(&json);
    for (uint32_t i = 0; i < names.count; i++)
        json_text(&json, names.names[i]);
    json_array_end(&json);
    json_key(&json, "arrivals");
    json_object(&json);
    json_key_uint(&json, "sent", counts.sent);
    json_key_uint(&json, "taken", counts.taken);
    json_key_uint(&json, "dropped", counts.dropped);
    json_object_end(&json);
    write_resources(brain, &json);
    json_object_end(&json);
    return true;
}
