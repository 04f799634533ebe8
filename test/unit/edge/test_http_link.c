/* SPDX-License-Identifier: MIT
 * The Link field and what its references stand for (RFC 8288, RFC 3986). F6: only same-origin
 * relative references are followed. */
#include "edge/pages/http_link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_fields(void **state)
{
    static const struct {
        const char *line, *links; /* "reference=rel;..." */
    } rows[] = {
        {"</a>; rel=next", "/a=next;"},
        {"</a>; rel=\"next prefetch\", <b>;rel=prev", "/a=next prefetch;b=prev;"},
        {"</a,b>; title=\"x, <y>; rel=z\"; rel=next", "/a,b=next;"},
        {"</a>; rel=next; rel=prev", "/a=next;"},
        {"</a>; REL = \"ne\\xt\"", "/a=next;"},
        {" , ,</a>;rel=next ,", "/a=next;"},
        {"</a>", "/a=;"},
        {"</a>; rel", "/a=;"},
        {"</a>;;rel=next", "/a=next;"},
        {"</a>; rel=\"next", ""},
        {"</a; rel=next", ""},
        {"/a; rel=next", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str rest = str_of(rows[i].line);
        struct http_link link;
        char found[512] = "";
        size_t at = 0;
        while (http_link_next(&rest, &link))
            at += (size_t)snprintf(found + at, sizeof found - at, "%.*s=%s;",
                                   STR_ARG(link.reference), link.rel);
        if (strcmp(found, rows[i].links) != 0)
            fail_msg("%s: found %s", rows[i].line, found);
    }
    struct str rest = STR("</a>; rel=\"Next\"; anchor=\"/x\"");
    struct http_link link;
    assert_true(http_link_next(&rest, &link));
    assert_true(http_link_has(&link, "next") && !http_link_has(&link, "nex") && link.anchored);
}

static void test_resolve(void **state)
{
    static const struct {
        const char *base, *reference, *target; /* NULL: none */
    } rows[] = {
        {"/b/c/d?q", "g", "/b/c/g"},
        {"/b/c/d?q", "./g", "/b/c/g"},
        {"/b/c/d?q", "g/", "/b/c/g/"},
        {"/b/c/d?q", "/g", "/g"},
        {"/b/c/d?q", "?y", "/b/c/d?y"},
        {"/b/c/d?q", "g?y", "/b/c/g?y"},
        {"/b/c/d?q", "#s", NULL},
        {"/b/c/d?q", "g#s", "/b/c/g"},
        {"/b/c/d?q", "", NULL},
        {"/b/c/d?q", ".", "/b/c/"},
        {"/b/c/d?q", "..", "/b/"},
        {"/b/c/d?q", "../g", "/b/g"},
        {"/b/c/d?q", "../../g", "/g"},
        {"/b/c/d?q", "../../../g", "/g"},
        {"/b/c/d?q", "/./g", "/g"},
        {"/b/c/d?q", "g.", "/b/c/g."},
        {"/b/c/d?q", "./g/.", "/b/c/g/"},
        {"/b/c/d?q", "g/../h", "/b/c/h"},
        {"/b/c/d?q", "g?y/../x", "/b/c/g?y/../x"},
        {"/a", "b", "/b"},
        {"/a", "//other.example/x", NULL},
        {"/a", "http://other.example/x", NULL},
        {"/a", "https:g", NULL},
        {"/a", "javascript:alert(1)", NULL},
        {"/a", "/x/..//y", NULL},
        {"/a", "a b", NULL},
        {"/a", "a\\b", NULL},
        {"/a", "%2e%2e/x", NULL},
        {"/a", "x%2Fy", NULL},
        {"/a", "x%5cy", NULL},
        {"/a", "x%00", NULL},
        {"/a", "x%", NULL},
        {"/a", "x%g0", NULL},
        {"/a", "x%20y", "/x%20y"},
        {"*", "x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char target[HTTP_LINK_TARGET_MAX];
        size_t len;
        bool ok = http_link_resolve(str_of(rows[i].base), str_of(rows[i].reference), target, &len);
        if (ok != (rows[i].target != NULL) ||
            (ok && !str_equal((struct str){target, len}, str_of(rows[i].target))))
            fail_msg("%s from %s: %.*s", rows[i].reference, rows[i].base, ok ? (int)len : 4,
                     ok ? target : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields),
                                       cmocka_unit_test(test_resolve)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
