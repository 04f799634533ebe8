/* SPDX-License-Identifier: MIT
 * Health and lists are not use: they are answered here, load nothing and are not counted. */
#include "base/json.h"
#include "edge/model.h"
#include "edge/relay.h"

enum { PAGE_MAX = 64 << 20 };

static void add_model(struct json *json, const struct config_resource *resource)
{
    json_object(json);
    json_key_text(json, "id", resource->id);
    json_key_text(json, "object", "model");
    json_key_int(json, "created", 0);
    json_key_text(json, "owned_by", "forewarm");
    json_object_end(json);
}

static void answer_models(struct exchange *exchange, const struct view *view)
{
    struct buf body;
    struct json json;
    buf_init(&body, PAGE_MAX);
    json_init(&json, &body, false);
    json_object(&json);
    json_key_text(&json, "object", "list");
    json_key(&json, "data");
    json_array(&json);
    for (uint32_t i = 0; i < view->route_count; i++)
        add_model(&json, view->routes[i].config);
    json_array_end(&json);
    json_object_end(&json);
    exchange_answer(exchange, 200, "application/json", (struct str){0}, buf_str(&body));
    buf_fini(&body);
}

static void answer_model(struct exchange *exchange, const struct view *view, struct str raw)
{
    char name[MODEL_NAME_MAX];
    size_t len;
    struct buf body;
    struct json json;
    const struct route *route = NULL;
    if (form_decode(raw, false, name, sizeof name, &len) == FORM_FOUND)
        route = view_find(view, (struct str){name, len});
    if (!route) {
        exchange_error(exchange, FW_MODEL_UNKNOWN, -1, (struct str){0});
        return;
    }
    buf_init(&body, PAGE_MAX);
    json_init(&json, &body, false);
    add_model(&json, route->config);
    exchange_answer(exchange, 200, "application/json", (struct str){0}, buf_str(&body));
    buf_fini(&body);
}

static bool is_read(const struct server_request *request)
{
    return str_equal(request->method, STR("GET")) || str_equal(request->method, STR("HEAD"));
}

bool proxy_answer_health(struct exchange *exchange, const struct server_request *request)
{
    if (!is_read(request) ||
        (!str_equal(request->path, STR("/health")) && !str_equal(request->path, STR("/healthz"))))
        return false;
    exchange_answer(exchange, 200, "application/json", (struct str){0},
                    STR("{\"status\":\"ok\"}\n"));
    return true;
}

bool proxy_answer_own(struct exchange *exchange, const struct view *view,
                      const struct server_request *request)
{
    struct str models = STR("/v1/models");
    if (!is_read(request))
        return false;
    if (str_equal(request->path, models)) {
        answer_models(exchange, view);
        return true;
    }
    if (str_starts(request->path, STR("/v1/models/"))) {
        answer_model(
            exchange, view,
            (struct str){request->path.data + models.len + 1, request->path.len - models.len - 1});
        return true;
    }
    return false;
}
