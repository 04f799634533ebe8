/* SPDX-License-Identifier: MIT
 * A site under a test's clock: what is served, joined, loaded and passed, and its account. F3: one
 * load for many; F6: what may not be shared is not. */
#include "edge/pages/page_site.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WALL_NS (INT64_C(1700000000) * TIME_SECOND)

struct fixture {
    struct page_sites *sites;
    struct page_site *site;
    struct page_inbox inbox;
    struct page_waiter waiters[8];
    struct server_field fields[8];
    struct http_rules_request request;
    int64_t at_ns; /* since the start */
    struct page_ask ask;
};

static void begin(struct fixture *f, const char *strategies)
{
    static const char config_text[] = "prefetch: {upstream: http://127.0.0.1:1, paths: [/], "
                                      "cache: 1MiB, object_max: 64KiB, yield_at: 2, "
                                      "strategies: %s}\n";
    char text[256];
    struct config *config;
    struct config_problems problems = {0};
    *f = (struct fixture){.at_ns = TIME_SECOND};
    snprintf(text, sizeof text, config_text, strategies);
    assert_int_equal(config_parse(&config, "f", str_of(text), NULL, &problems), FW_OK);
    config_problems_fini(&problems);
    assert_int_equal(page_sites_create(&f->sites), FW_OK);
    assert_int_equal(page_sites_get(f->sites, &config->prefetch[0], &f->site), FW_OK);
    struct page_site *again;
    assert_int_equal(page_sites_get(f->sites, &config->prefetch[0], &again), FW_OK);
    assert_ptr_equal(again, f->site); /* a reload finds it */
    page_site_drop(again);
    config_free(&config);
    page_inbox_init(&f->inbox, NULL);
}

static void check_account(void *context, const char *upstream, const char *paths,
                          const struct page_site_stats *stats)
{
    (void)upstream, (void)paths;
    assert_true(prefetcher_account_holds(&stats->machine.ahead));
    if (context)
        *(struct page_site_stats *)context = *stats;
}

static void end(struct fixture *f)
{
    page_sites_each(f->sites, check_account, NULL);
    page_site_drop(f->site);
    page_sites_destroy(&f->sites);
    pthread_mutex_destroy(&f->inbox.lock);
}

/* "Name: value|Name: value" */
static uint32_t split(const char *text, struct server_field *fields)
{
    struct str rest = str_of(text), line;
    uint32_t count = 0;
    while (rest.len > 0 && str_cut(&rest, '|', &line)) {
        assert_true(str_cut(&line, ':', &fields[count].name));
        fields[count++].value = str_trim(line);
    }
    return count;
}

static enum page_answer ask(struct fixture *f, int waiter, const char *target, const char *headers)
{
    struct server_request request = {.method = STR("GET"), .fields = f->fields};
    request.field_count = split(headers, f->fields);
    http_rules_read_request(&f->request, &request, STR(""));
    f->waiters[waiter] = (struct page_waiter){.inbox = &f->inbox};
    f->ask = (struct page_ask){.request = &f->request,
                               .target = str_of(target),
                               .session = 1,
                               .now_ns = f->at_ns,
                               .wall_ns = WALL_NS + f->at_ns,
                               .waiter = &f->waiters[waiter]};
    return page_site_ask(f->site, &f->ask);
}

static struct page_object *object(struct fixture *f, const char *headers, const char *asked,
                                  const char *body)
{
    struct server_field fields[8], asked_fields[8];
    struct http_rules_response rules = {0};
    struct head head = {.fields = fields, .status = 200, .field_count = split(headers, fields)};
    http_rules_read_response(&rules, &head, WALL_NS + f->at_ns, WALL_NS + f->at_ns);
    struct page_object *made =
        page_object_create(&head, &rules, str_of(body), asked_fields, split(asked, asked_fields));
    assert_non_null(made);
    return made;
}

static void loaded(struct fixture *f, struct page_load *load, struct page_object *of, bool passes)
{
    page_site_loaded(f->site, load, of, passes, f->at_ns);
    page_load_fini(load);
}

static void served(struct fixture *f, const char *body, enum page_result result)
{
    const struct page_body *found = f->ask.object->body;
    assert_true(str_equal((struct str){found->data, found->len}, str_of(body)));
    assert_int_equal(f->ask.result, result);
    page_object_drop(f->ask.object);
}

static void test_one_load_for_many(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "links");
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_LOAD);
    struct page_load load = f.ask.load;
    assert_true(str_equal(page_load_target(&load), STR("/a")) && !load.ahead);
    assert_int_equal(ask(&f, 1, "/a", ""), PAGE_JOIN);
    assert_int_equal(ask(&f, 2, "/a", ""), PAGE_JOIN);
    assert_int_equal(ask(&f, 3, "/a", "Cache-Control: only-if-cached"), PAGE_ABSENT);
    assert_int_equal(ask(&f, 3, "/a", "Cookie: a=b"), PAGE_PASS); /* likely its own */
    assert_true(page_site_leave(f.site, &f.waiters[2], f.at_ns));
    loaded(&f, &load, object(&f, "Cache-Control: max-age=60", "", "A"), false);
    struct page_waiter *waiter = page_inbox_take(&f.inbox);
    assert_ptr_equal(waiter, &f.waiters[1]);
    assert_non_null(waiter->object);
    assert_false(page_site_leave(f.site, waiter, f.at_ns)); /* it is on its way */
    page_object_drop(waiter->object);
    assert_null(page_inbox_take(&f.inbox));
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_SERVE);
    served(&f, "A", PAGE_RESULT_HIT);
    end(&f);
}

static void test_stale(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, "links");
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_LOAD);
    loaded(&f, &f.ask.load, object(&f, "Cache-Control: max-age=60|ETag: \"1\"", "", "A"), false);
    f.at_ns += 61 * TIME_SECOND;
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_LOAD);
    assert_int_equal(f.ask.result, PAGE_RESULT_REVALIDATED);
    assert_non_null(f.ask.load.base);
    loaded(&f, &f.ask.load, NULL, false); /* the upstream failed: what was held stays */
    assert_int_equal(ask(&f, 0, "/a", "Cache-Control: max-stale"), PAGE_SERVE);
    served(&f, "A", PAGE_RESULT_HIT);
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_LOAD);
    loaded(&f, &f.ask.load, NULL, true); /* now it is not to be kept any more */
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_PASS);
    f.at_ns += 11 * TIME_SECOND;
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_LOAD);
    loaded(&f, &f.ask.load, object(&f, "Cache-Control: max-age=60", "", "B"), false);
    page_site_invalidate(f.site, STR("/a"), WALL_NS + f.at_ns);
    assert_int_equal(ask(&f, 0, "/a", ""), PAGE_LOAD);
    assert_null(f.ask.load.base); /* what is wrong is not asked about */
    loaded(&f, &f.ask.load, NULL, false);
    end(&f);
}

static void test_vary(void **state)
{
    static const char head[] = "Cache-Control: max-age=60|Vary: Accept-Language";
    struct fixture f;
    (void)state;
    begin(&f, "links");
    assert_int_equal(ask(&f, 0, "/a", "Accept-Language: de"), PAGE_LOAD);
    struct page_load first = f.ask.load;
    assert_int_equal(ask(&f, 1, "/a", "Accept-Language: fr"), PAGE_JOIN); /* nobody knows yet */
    loaded(&f, &first, object(&f, head, "Accept-Language: de", "D"), false);
    struct page_waiter *waiter = page_inbox_take(&f.inbox);
    assert_non_null(waiter->object);
    assert_false(page_object_selected(waiter->object, f.fields, 1)); /* fr: it goes by itself */
    page_object_drop(waiter->object);
    assert_int_equal(ask(&f, 0, "/a", "Accept-Language: de"), PAGE_SERVE);
    served(&f, "D", PAGE_RESULT_HIT);
    assert_int_equal(ask(&f, 0, "/a", "Accept-Language: fr"), PAGE_LOAD);
    loaded(&f, &f.ask.load, NULL, false);
    /* another page is taken to vary as this one, and is asked for with the same fields */
    assert_int_equal(ask(&f, 1, "/b", "Accept-Language: fr|Accept: x"), PAGE_LOAD);
    assert_string_equal(f.ask.load.lines.data, "Accept-Language: fr\r\n");
    loaded(&f, &f.ask.load, object(&f, head, "Accept-Language: fr", "F"), false);
    assert_int_equal(ask(&f, 0, "/b", "Accept-Language: fr"), PAGE_SERVE);
    served(&f, "F", PAGE_RESULT_HIT);
    end(&f);
}

static void seen(struct fixture *f, const char *target, const char *lines)
{
    struct server_request request = {.method = STR("GET")};
    http_rules_read_request(&f->request, &request, STR(""));
    const struct page_seen told = {.session = 1,
                                   .target = str_of(target),
                                   .status = 200,
                                   .wall_ns = WALL_NS + f->at_ns,
                                   .lines = str_of(lines),
                                   .request = &f->request};
    page_site_seen(f->site, &told, f->at_ns);
}

static void test_ahead(void **state)
{
    struct fixture f;
    struct page_load load;
    struct page_site_stats stats;
    (void)state;
    begin(&f, "links");
    /* a load shows what a load takes */
    assert_int_equal(ask(&f, 0, "/1", ""), PAGE_LOAD);
    f.at_ns += TIME_SECOND / 10;
    loaded(&f, &f.ask.load, object(&f, "Cache-Control: max-age=60", "", "one"), false);
    page_site_demand(f.site, 2);
    seen(&f, "/1", "Link: </2>; rel=next, <https://other.example/3>; rel=next\r\n");
    assert_false(page_site_next(f.site, &load, f.at_ns)); /* clients come first */
    page_site_demand(f.site, -2);
    assert_true(page_site_next(f.site, &load, f.at_ns));
    assert_true(load.ahead && str_equal(page_load_target(&load), STR("/2")));
    struct page_load none;
    assert_false(page_site_next(f.site, &none, f.at_ns));
    f.at_ns += TIME_SECOND / 10;
    loaded(&f, &load, object(&f, "Cache-Control: max-age=60", "", "two"), false);
    /* a client's own guess is no use of it, and no demand */
    assert_int_equal(ask(&f, 0, "/2", "Sec-Purpose: prefetch"), PAGE_SERVE);
    served(&f, "two", PAGE_RESULT_HIT);
    assert_int_equal(ask(&f, 0, "/2", ""), PAGE_SERVE);
    served(&f, "two", PAGE_RESULT_PREFETCHED);
    assert_int_equal(ask(&f, 0, "/2", ""), PAGE_SERVE);
    served(&f, "two", PAGE_RESULT_HIT);
    /* asked for while it is being fetched ahead */
    seen(&f, "/2", "Link: </3>; rel=next\r\n");
    assert_true(page_site_next(f.site, &load, f.at_ns));
    assert_int_equal(ask(&f, 1, "/3", ""), PAGE_JOIN);
    assert_int_equal(f.ask.result, PAGE_RESULT_LATE);
    loaded(&f, &load, NULL, true); /* and it was not to be kept: the client goes by itself */
    assert_null(page_inbox_take(&f.inbox)->object);
    page_sites_each(f.sites, check_account, &stats);
    assert_true(stats.machine.ahead.issued == 2 && stats.machine.ahead.in_time == 1);
    seen(&f, "/2", "Link: </3>; rel=next\r\n");
    assert_false(page_site_next(f.site, &load, f.at_ns)); /* not soon again */
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_load_for_many),
                                       cmocka_unit_test(test_stale), cmocka_unit_test(test_vary),
                                       cmocka_unit_test(test_ahead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
