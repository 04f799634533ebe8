/* SPDX-License-Identifier: MIT
 * The Link field: parsing ends, and every target that comes out of it is a clean path of this
 * origin: resolving it once more changes nothing. */
#include "edge/pages/http_link.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct http_link link;
    char target[HTTP_LINK_TARGET_MAX], again[HTTP_LINK_TARGET_MAX];
    size_t len, again_len, left = rest.len;
    while (http_link_next(&rest, &link)) {
        if (rest.len >= left)
            abort();
        left = rest.len;
        (void)http_link_has(&link, "next");
        if (!http_link_resolve(STR("/a/b/c?d"), link.reference, target, &len))
            continue;
        if (len == 0 || target[0] != '/' || (len > 1 && target[1] == '/'))
            abort();
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)target[i] <= ' ' || (unsigned char)target[i] >= 0x7f)
                abort();
        if (!http_link_resolve(STR("/"), (struct str){target, len}, again, &again_len) ||
            !str_equal((struct str){target, len}, (struct str){again, again_len}))
            abort();
    }
    return 0;
}
