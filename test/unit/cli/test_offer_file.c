/* SPDX-License-Identifier: MIT
 * Offers in a file (D11: tiers, spot, regions; prices missing for a region), with every problem at
 * its place. */
#include "base/time.h"
#include "cli/offer_file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_offers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "offers:\n- {tier: owned, region: cellar, price_per_hour: 0.5, most: 4}\n"
        "- {tier: spot, price_per_hour: 1, interruptions_per_hour: 0.05}\n"
        "- tier: on_demand\n  region: east\n  price_per_hour: 2\n  price_changes:\n"
        "  - {from: 2026-03-29, price_per_hour: 3}\n"
        "  - {from: \"2026-03-29T03:00:00+02:00\", price_per_hour: 2.5}\n",
        "[{\"tier\": \"owned\", \"region\": \"cellar\", \"price_per_hour\": 0.5, \"most\": 4},"
        " {\"tier\": \"spot\", \"price_per_hour\": 1, \"interruptions_per_hour\": 0.05, \"most\": "
        "null},"
        " {\"tier\": \"on_demand\", \"region\": \"east\", \"price_per_hour\": 2, "
        "\"price_changes\":"
        " [{\"from\": \"2026-03-29 00:00\", \"price_per_hour\": 3},"
        " {\"from\": \"2026-03-29T01:00:00Z\", \"price_per_hour\": 2.5}]}]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct offers offers = {.spot_share = .4};
        struct fw_detail detail = {""};
        if (offer_file_parse(&offers, "o.yaml", str_of(texts[i]), &detail) != FW_OK)
            fail_msg("%s", detail.text);
        assert_int_equal(offers.count, 3);
        assert_float_equal(offers.spot_share, .4, 0); /* left alone */
        assert_int_equal(offers.rows[0].tier, OFFERS_OWNED);
        assert_int_equal(offers.rows[0].most, 4);
        assert_string_equal(offers.rows[0].region, "cellar");
        assert_string_equal(offers.rows[1].region, "anywhere");
        assert_float_equal(offers.rows[1].interruptions_per_hour, .05, 0);
        assert_int_equal(offers.rows[2].change_count, 2);
        assert_int_equal(offers.rows[2].changes[1].at_ns - offers.rows[2].changes[0].at_ns,
                         TIME_HOUR);
        assert_float_equal(offers.rows[2].changes[1].per_hour, 2.5, 0);
    }
}

static void refused(const char *text, const char *words)
{
    struct offers offers = {.count = 0};
    struct fw_detail detail = {""};
    assert_int_equal(offer_file_parse(&offers, "o.yaml", str_of(text), &detail), FW_INPUT);
    if (strstr(detail.text, words) == NULL)
        fail_msg("found: %s\nexpected: %s", detail.text, words);
}

static void test_refused(void **state)
{
    (void)state;
    refused("- {tier: on_demand, region: east}", "o.yaml:1:3: price_per_hour: missing");
    refused("- {tier: rented, price_per_hour: 1}",
            "tier: found \"rented\", expected owned, reserved, on_demand or spot");
    refused("- {price_per_hour: 1}", "tier: missing");
    refused("- {tier: owned, price_per_hour: 1}",
            "most: missing; how many units there are (owned must tell)");
    refused("- {tier: reserved, price_per_hour: 1, most: 1.5}",
            "most: found \"1.5\", expected a whole number from 1 to 1000000");
    refused("- {tier: on_demand, price_per_hour: cheap}",
            "price_per_hour: found \"cheap\", expected a number");
    refused("- {tier: on_demand, price_per_hour: -1}", "expected a number from 0");
    refused("- {tier: on_demand, price_per_hour: .nan}", "expected a number from 0");
    refused("- {tier: spot, price_per_hour: 1}", "interruptions_per_hour: missing");
    refused("- {tier: owned, most: 1, price_per_hour: 1, interruptions_per_hour: 1}",
            "only spot is interrupted");
    refused("- {tier: on_demand, price_per_hou: 1}", "expected price_per_hour");
    refused("- {tier: on_demand, price_per_hour: 1, region: \"\"}", "region: found \"\"");
    refused("- {tier: on_demand, price_per_hour: 1, price_changes: [{from: soon, price_per_hour: "
            "2}]}",
            "from: found \"soon\", expected YYYY-MM-DD");
    refused("- {tier: on_demand, price_per_hour: 1, price_changes: [{from: 2026-01-02, "
            "price_per_hour: 2}, {from: 2026-01-01, price_per_hour: 3}]}",
            "from: found \"2026-01-01\", expected a later time than the change before it");
    refused("- {tier: on_demand, price_per_hour: 1, price_changes: [{price_per_hour: 2}]}",
            "from: missing");
    refused("[]", "found no offer");
    refused("", "found no offer");
    refused("- {tier: [on_demand", "o.yaml");
    refused("- 7", "o.yaml:1:3");
    char *many = malloc(70 * 40 + 1);
    assert_non_null(many);
    many[0] = '\0';
    for (int i = 0; i < 70; i++)
        memcpy(many + (size_t)i * 39, "- {tier: on_demand, price_per_hour: 1}\n", 40);
    refused(many, "found 70 offers, expected at most 64");
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
