/* SPDX-License-Identifier: MIT
 * Cache-Control and dates: durations stay in their bounds, adding a line never takes back a
 * no-store, and what is cut off in a quote is never kept. */
#include "edge/pages/http_date.h"
#include "edge/pages/http_directives.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int64_t seconds)
{
    if (seconds < HTTP_DIRECTIVES_ABSENT || seconds > HTTP_DIRECTIVES_MOST)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_directives directives, again;
    struct str rest = {(const char *)data, size}, line;
    int64_t at_ns;
    bool no_store = false;
    http_directives_init(&directives);
    while (str_cut(&rest, '\n', &line)) {
        http_directives_add(&directives, line);
        if (no_store && !directives.no_store)
            abort();
        no_store = directives.no_store;
        if (http_date_parse(line, 0, &at_ns) && at_ns != TIME_NEVER && at_ns % TIME_SECOND != 0)
            abort();
    }
    check(directives.max_age_s);
    check(directives.s_maxage_s);
    check(directives.min_fresh_s);
    check(directives.max_stale_s);
    check(directives.stale_if_error_s);
    http_directives_init(&again);
    http_directives_add(&again, STR("x=\"max-age=5"));
    if (!again.no_store)
        abort();
    return 0;
}
