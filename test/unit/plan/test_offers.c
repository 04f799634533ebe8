/* SPDX-License-Identifier: MIT
 * Money by hand (D11): a price that changes at midnight, in the middle of a step, on a day of 23
 * hours; owned, reserved, spot and on demand; regions; what is refused. */
#include "base/time.h"
#include "plan/offers.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int64_t instant(const char *text)
{
    int64_t at_ns = 0;
    assert_true(time_parse_iso(str_of(text), &at_ns, NULL));
    return at_ns;
}

static double buy(const struct offers *offers, const int *units, int steps, int64_t start_ns,
                  struct purchase *purchase)
{
    struct fw_detail detail = {""};
    double cost = 0;
    if (offers_buy(offers, units, steps, start_ns, TIME_HOUR, purchase, &detail) != FW_OK)
        fail_msg("%s", detail.text);
    for (int t = 0; t < steps; t++)
        cost += purchase->cost_per_hour[t];
    return cost;
}

static void test_midnight(void **state)
{
    (void)state;
    static const int two[] = {2, 2, 2, 2};
    struct purchase purchase;
    struct offers offers = offers_flat(3.5);
    int64_t start_ns = instant("2026-03-28T22:00:00Z");
    assert_float_equal(buy(&offers, two, 4, start_ns, &purchase), 28, 1e-12);
    purchase_fini(&purchase);
    offers.rows[0].change_count = 1;
    offers.rows[0].changes[0] = (struct offers_change){instant("2026-03-29T00:00:00Z"), 4};
    assert_float_equal(buy(&offers, two, 4, start_ns, &purchase), 2 * (3.5 + 3.5 + 4 + 4), 1e-12);
    assert_float_equal(purchase.cost_per_hour[1], 7, 0);
    assert_float_equal(purchase.cost_per_hour[2], 8, 0);
    purchase_fini(&purchase);
    /* A local midnight half an hour off: each part of the step at its own price. */
    offers.rows[0].changes[0].at_ns = instant("2026-03-29T00:00:00+00:30");
    assert_float_equal(buy(&offers, two, 4, start_ns, &purchase), 2 * (3.5 + 3.75 + 4 + 4), 1e-12);
    purchase_fini(&purchase);
}

static void test_short_day(void **state)
{
    (void)state;
    /* 2026-03-29 has 23 hours in Berlin; at its local midnights the price changes and changes back.
     */
    int units[48];
    struct purchase purchase;
    struct offers offers = offers_flat(1);
    for (int t = 0; t < 48; t++)
        units[t] = 1;
    offers.rows[0].change_count = 2;
    offers.rows[0].changes[0] = (struct offers_change){instant("2026-03-29T00:00:00+01:00"), 2};
    offers.rows[0].changes[1] = (struct offers_change){instant("2026-03-30T00:00:00+02:00"), 1};
    assert_float_equal(buy(&offers, units, 48, instant("2026-03-28T12:00:00Z"), &purchase),
                       23 * 2 + 25, 1e-12);
    purchase_fini(&purchase);
    /* 2026-10-25 has 25. */
    offers.rows[0].changes[0].at_ns = instant("2026-10-25T00:00:00+02:00");
    offers.rows[0].changes[1].at_ns = instant("2026-10-26T00:00:00+01:00");
    assert_float_equal(buy(&offers, units, 48, instant("2026-10-24T12:00:00Z"), &purchase),
                       25 * 2 + 23, 1e-12);
    purchase_fini(&purchase);
}

static struct offer offer_of(enum offers_tier tier, const char *region, double price, int most)
{
    struct offer offer = {.tier = tier, .per_hour = price, .most = most};
    for (size_t i = 0; region[i] != '\0'; i++)
        offer.region[i] = region[i];
    return offer;
}

static void test_tiers(void **state)
{
    (void)state;
    /* Needs 5, 1, 3, 8. Owned 2 are always paid. Left: 3, 0, 1, 6. Reserved at 1.9 against 4 on
     * demand: the first is needed in 3 hours (7.6 < 12), the second and third in two (7.6 < 8), the
     * fourth in one (7.6 > 4). Left: 0, 0, 0, 3, of which the cheap region has 2. */
    static const int units[] = {5, 1, 3, 8};
    struct purchase purchase;
    struct offers offers = {.count = 4, .service_level = .95};
    offers.rows[0] = offer_of(OFFERS_ON_DEMAND, "east", 5, 0);
    offers.rows[1] = offer_of(OFFERS_RESERVED, "east", 1.9, 10);
    offers.rows[2] = offer_of(OFFERS_OWNED, "cellar", .5, 2);
    offers.rows[3] = offer_of(OFFERS_ON_DEMAND, "west", 4, 2);
    double cost = buy(&offers, units, 4, 0, &purchase);
    for (int t = 0; t < 4; t++) {
        assert_int_equal(purchase.units[4 * t + 2], 2);
        assert_int_equal(purchase.units[4 * t + 1], 3);
        assert_int_equal(purchase.units[4 * t + 3], t == 3 ? 2 : 0);
        assert_int_equal(purchase.units[4 * t + 0], t == 3 ? 1 : 0);
        assert_int_equal(purchase.unmet[t], 0);
    }
    assert_float_equal(cost, 4 * (2 * .5 + 3 * 1.9) + 2 * 4 + 5, 1e-9);
    purchase_fini(&purchase);
    offers.rows[0].most = 1; /* one less than is needed */
    offers.rows[3].most = 1;
    cost = buy(&offers, units, 4, 0, &purchase);
    assert_int_equal(purchase.unmet[3], 1);
    assert_int_equal(purchase.unmet[0], 0);
    purchase_fini(&purchase);
    (void)cost;
}

static void test_spot(void **state)
{
    (void)state;
    assert_int_equal(offers_spot_units(0, .1, .95), 0);
    assert_int_equal(offers_spot_units(3, 0, .95), 3);
    assert_int_equal(offers_spot_units(1, .1, .9), 1);
    assert_int_equal(offers_spot_units(1, .1, .95), 2); /* 1 - .01 */
    assert_int_equal(offers_spot_units(2, .1, .95), 3); /* .81; .972 */
    assert_int_equal(offers_spot_units(2, .1, .99), 4); /* .9963 */
    assert_int_equal(offers_spot_units(1, 1, .5), -1);
    /* 10 needed, 30 % of them spot: 3, of which 4 are had at the risk of an hour; 4 x 1 < 3 x 4. */
    static const int units[] = {10};
    struct purchase purchase;
    struct offers offers = {
        .count = 2, .spot_share = .3, .service_level = .95, .lead_time_ns = TIME_HOUR};
    offers.rows[0] = offer_of(OFFERS_ON_DEMAND, "east", 4, 0);
    offers.rows[1] = offer_of(OFFERS_SPOT, "east", 1, 0);
    offers.rows[1].interruptions_per_hour = -log1p(-.05); /* a risk of 5 %: .8574; .98598 */
    double cost = buy(&offers, units, 1, 0, &purchase);
    assert_int_equal(purchase.units[1], 4);
    assert_int_equal(purchase.units[0], 7);
    assert_float_equal(cost, 4 + 28, 1e-9);
    assert_float_equal(purchase.interruptions, 4 * -log1p(-.05), 1e-12);
    purchase_fini(&purchase);
    offers.rows[1].per_hour = 3.5; /* four of it cost more than three on demand; so do 2 and 3 */
    cost = buy(&offers, units, 1, 0, &purchase);
    assert_int_equal(purchase.units[1], 1); /* one alone stays with 95 % */
    assert_float_equal(cost, 3.5 + 36, 1e-9);
    purchase_fini(&purchase);
}

static void refused(const struct offers *offers, const char *words)
{
    static const int units[] = {1};
    struct purchase purchase;
    struct fw_detail detail = {""};
    assert_int_equal(offers_buy(offers, units, 1, 0, TIME_HOUR, &purchase, &detail), FW_INPUT);
    if (strstr(detail.text, words) == NULL)
        fail_msg("found: %s\nexpected: %s", detail.text, words);
    purchase_fini(&purchase);
}

static void test_refused(void **state)
{
    (void)state;
    struct offers offers = offers_flat(NAN);
    refused(&offers, "offer 1 (anywhere, on_demand): found a price");
    offers = offers_flat(-1);
    refused(&offers, "a price that is no number from 0 up");
    offers = offers_flat(1);
    offers.rows[0].tier = OFFERS_OWNED;
    refused(&offers, "expected how many units there are at most");
    offers = offers_flat(1);
    offers.rows[0].change_count = 2;
    refused(&offers, "not in the order of time");
    offers = offers_flat(1);
    offers.spot_share = 2;
    refused(&offers, "the share of spot is 2");
    offers.count = 0;
    refused(&offers, "0 offers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_midnight), cmocka_unit_test(test_short_day),
        cmocka_unit_test(test_tiers),    cmocka_unit_test(test_spot),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
