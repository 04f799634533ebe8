/* SPDX-License-Identifier: MIT
 * Writing JSON into a buffer. Commas and quoting are done here; numbers read back exactly. Indented
 * when asked. */
#ifndef FOREWARM_BASE_JSON_H
#define FOREWARM_BASE_JSON_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

/* libjansson has functions of these three names and calls them itself. In the program ours go by
 * others, or jansson would call ours. A file that uses both includes <jansson.h> first and writes
 * with ours. */
#define json_object fw_json_object
#define json_array  fw_json_array
#define json_null   fw_json_null

enum { JSON_DEPTH_MAX = 32 };
struct json {
    struct buf *out;
    int depth;
    bool indent;
    bool first[JSON_DEPTH_MAX];
    bool after_key;
};

void json_init(struct json *json, struct buf *out, bool indent);
void json_object(struct json *json);
void json_object_end(struct json *json);
void json_array(struct json *json);
void json_array_end(struct json *json);
void json_key(struct json *json, const char *key);
void json_str(struct json *json, struct str value);   /* bytes that are not UTF-8 become U+FFFD */
void json_text(struct json *json, const char *value); /* NULL writes null */
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_double(struct json *json, double value); /* NaN and infinities write null */
void json_fixed(struct json *json, double value, int decimals);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);
void json_raw(struct json *json, struct str value); /* already JSON */
/* key and value in one call */
void json_key_str(struct json *json, const char *key, struct str value);
void json_key_text(struct json *json, const char *key, const char *value);
void json_key_int(struct json *json, const char *key, int64_t value);
void json_key_uint(struct json *json, const char *key, uint64_t value);
void json_key_double(struct json *json, const char *key, double value);
void json_key_fixed(struct json *json, const char *key, double value, int decimals);
void json_key_bool(struct json *json, const char *key, bool value);
void json_escape(struct buf *out, struct str value); /* with the quotes */

#endif
