/* SPDX-License-Identifier: MIT */
#include "edge/warmers/zeros.h"
#include <jansson.h>
/* behind jansson, see there */
#include "base/json.h"
#include <string.h>

struct tensor {
    const char *name, *type, *zero; /* zero: as JSON; NULL: binary */
    int64_t shape[ZEROS_DIMENSIONS_MAX], count;
    size_t dimensions, element_bytes;
};

static const struct {
    const char *type, *zero;
    size_t element_bytes;
} types[] = {
    {"BOOL", "false", 1}, {"UINT8", "0", 1},  {"UINT16", "0", 2}, {"UINT32", "0", 4},
    {"UINT64", "0", 8},   {"INT8", "0", 1},   {"INT16", "0", 2},  {"INT32", "0", 4},
    {"INT64", "0", 8},    {"FP32", "0.0", 4}, {"FP64", "0.0", 8}, {"BYTES", "\"\"", 4},
    {"FP16", NULL, 2},    {"BF16", NULL, 2},
};

static enum fw_err read_type(struct tensor *tensor, struct fw_detail *detail)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(tensor->type, types[i].type) == 0) {
            tensor->zero = types[i].zero;
            tensor->element_bytes = types[i].element_bytes;
            return FW_OK;
        }
    return err_set(
        detail, FW_UPSTREAM,
        "the metadata's input \"%.80s\" is of datatype \"%.40s\", which has no zero here: "
        "configure a probe",
        tensor->name, tensor->type);
}

static enum fw_err read_shape(struct tensor *tensor, const json_t *shape, int64_t batch,
                              struct fw_detail *detail)
{
    tensor->dimensions = json_array_size(shape);
    tensor->count = 1;
    if (tensor->dimensions > ZEROS_DIMENSIONS_MAX)
        return err_set(detail, FW_LIMIT, "the metadata's input \"%.80s\" has %zu dimensions",
                       tensor->name, tensor->dimensions);
    for (size_t i = 0; i < tensor->dimensions; i++) {
        int64_t size = json_integer_value(json_array_get(shape, i));
        if (i == 0 && batch > 0)
            size = batch;
        size = size < 0 ? 1 : size;
        if (size > 0 && tensor->count > ZEROS_BYTES_MAX / size)
            return err_set(detail, FW_LIMIT, "the metadata's input \"%.80s\" is too large",
                           tensor->name);
        tensor->shape[i] = size;
        tensor->count *= size;
    }
    return FW_OK;
}

static enum fw_err read_tensor(struct tensor *tensor, const json_t *input, int64_t batch,
                               struct fw_detail *detail)
{
    const json_t *shape = json_object_get(input, "shape");
    tensor->name = json_string_value(json_object_get(input, "name"));
    tensor->type = json_string_value(json_object_get(input, "datatype"));
    if (!tensor->name || !tensor->type || !json_is_array(shape))
        return err_set(detail, FW_UPSTREAM,
                       "the metadata's inputs are not described by name, datatype and shape");
    FW_TRY(read_type(tensor, detail));
    return read_shape(tensor, shape, batch, detail);
}

static void write_tensor(struct json *json, const struct tensor *tensor)
{
    json_object(json);
    json_key_text(json, "name", tensor->name);
    json_key_text(json, "datatype", tensor->type);
    json_key(json, "shape");
    json_array(json);
    for (size_t i = 0; i < tensor->dimensions; i++)
        json_int(json, tensor->shape[i]);
    json_array_end(json);
    if (tensor->zero) {
        json_key(json, "data");
        json_array(json);
        for (int64_t i = 0; i < tensor->count; i++)
            json_raw(json, str_of(tensor->zero));
        json_array_end(json);
    } else {
        json_key(json, "parameters");
        json_object(json);
        json_key_uint(json, "binary_data_size", (uint64_t)tensor->count * tensor->element_bytes);
        json_object_end(json);
    }
    json_object_end(json);
}

static void add_zeros(struct buf *body, size_t bytes)
{
    char *to = buf_reserve(body, bytes);
    if (!to)
        return;
    memset(to, 0, bytes);
    body->len += bytes;
}

enum fw_err zeros_write(const struct json_t *metadata, int64_t batch, struct buf *body,
                        size_t *json_bytes, struct fw_detail *detail)
{
    struct json json;
    struct tensor tensor = {0};
    const json_t *inputs = json_object_get(metadata, "inputs");
    size_t binary = 0;
    if (!json_is_array(inputs) || json_array_size(inputs) == 0)
        return err_set(detail, FW_UPSTREAM, "the model's metadata lists no inputs");
    json_init(&json, body, false);
    json_object(&json);
    json_key(&json, "inputs");
    json_array(&json);
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        FW_TRY(read_tensor(&tensor, json_array_get(inputs, i), batch, detail));
        write_tensor(&json, &tensor);
        binary += tensor.zero ? 0 : (size_t)tensor.count * tensor.element_bytes;
        if (body->len + binary > ZEROS_BYTES_MAX)
            return err_set(detail, FW_LIMIT, "zeros for all of the model's inputs are too much");
    }
    json_array_end(&json);
    json_object_end(&json);
    *json_bytes = binary > 0 ? body->len : 0;
    add_zeros(body, binary);
    return body->failed ? FW_NOMEM : FW_OK;
}
