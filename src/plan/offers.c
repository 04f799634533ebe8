/* SPDX-License-Identifier: MIT */
#include "plan/offers.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double HOUR_NS = 3600e9;

const char *const offers_tier_names[OFFERS_TIERS + 1] = {"owned", "reserved", "on_demand", "spot",
                                                         NULL};

struct offers offers_flat(double per_hour)
{
    struct offers offers = {.count = 1, .service_level = .95};
    offers.rows[0] =
        (struct offer){.region = "anywhere", .tier = OFFERS_ON_DEMAND, .per_hour = per_hour};
    return offers;
}

double offers_price(const struct offer *offer, int64_t from_ns, int64_t to_ns)
{
    double sum = 0, price = offer->per_hour;
    int64_t at_ns = from_ns;
    for (int i = 0; i < offer->change_count; i++) {
        const struct offers_change *change = &offer->changes[i];
        if (change->at_ns >= to_ns)
            break;
        if (change->at_ns > at_ns) {
            sum += price * (double)(change->at_ns - at_ns);
            at_ns = change->at_ns;
        }
        price = change->per_hour;
    }
    return (sum + price * (double)(to_ns - at_ns)) / (double)(to_ns - from_ns);
}

/* P(at least `needed` of n stay), the binomial law. */
static double enough(int n, int needed, double stays)
{
    double sum = 0;
    int sign;
    for (int k = needed; k <= n; k++)
        sum += exp(lgamma_r(n + 1., &sign) - lgamma_r(k + 1., &sign) - lgamma_r(n - k + 1., &sign) +
                   k * log(stays) + (n - k) * log1p(-stays));
    return sum;
}

int offers_spot_units(int needed, double risk, double level)
{
    if (needed <= 0 || !(risk > 0))
        return needed > 0 ? needed : 0;
    if (risk >= 1)
        return -1;
    int n = needed;
    while (n <= OFFERS_SPOT_MAX && enough(n, needed, 1 - risk) < level)
        n++;
    return n <= OFFERS_SPOT_MAX ? n : -1;
}

/* ---- checks ---- */

static enum fw_err check_offer(const struct offer *offer, int number, struct fw_detail *detail)
{
    const char *tier = offers_tier_names[offer->tier];
    bool priced = offer->per_hour >= 0 && isfinite(offer->per_hour);
    for (int i = 0; i < offer->change_count; i++) {
        priced = priced && offer->changes[i].per_hour >= 0 && isfinite(offer->changes[i].per_hour);
        if (i > 0 && offer->changes[i].at_ns <= offer->changes[i - 1].at_ns)
            return err_set(detail, FW_INPUT,
                           "offer %d (%s, %s): its changes of price are not in the order of time",
                           number, offer->region, tier);
    }
    if (!priced)
        return err_set(detail, FW_INPUT,
                       "offer %d (%s, %s): found a price that is no number from 0 up", number,
                       offer->region, tier);
    if (offer->most < 0 ||
        (offer->most == 0 && (offer->tier == OFFERS_OWNED || offer->tier == OFFERS_RESERVED)))
        return err_set(detail, FW_INPUT,
                       "offer %d (%s, %s): expected how many units there are at most", number,
                       offer->region, tier);
    if (!(offer->interruptions_per_hour >= 0) || !isfinite(offer->interruptions_per_hour))
        return err_set(detail, FW_INPUT,
                       "offer %d (%s, %s): interruptions per hour are not a number from 0 up",
                       number, offer->region, tier);
    return FW_OK;
}

static enum fw_err check_offers(const struct offers *offers, struct fw_detail *detail)
{
    if (offers->count < 1 || offers->count > OFFERS_MAX)
        return err_set(detail, FW_INPUT, "%d offers, expected 1 to %d", offers->count, OFFERS_MAX);
    if (!(offers->spot_share >= 0 && offers->spot_share <= 1) ||
        !(offers->service_level > 0 && offers->service_level < 1) || offers->lead_time_ns < 0)
        return err_set(detail, FW_INPUT,
                       "the share of spot is %g and the service level %g, expected 0 to 1 and "
                       "between 0 and 1",
                       offers->spot_share, offers->service_level);
    for (int i = 0; i < offers->count; i++)
        FW_TRY(check_offer(&offers->rows[i], i + 1, detail));
    return FW_OK;
}

/* ---- buying ---- */

struct buying {
    const struct offers *offers;
    struct purchase *to;
    int64_t start_ns, step_ns;
    double *price; /* of offer i at step t: price[t * count + i] */
    int *left;     /* by step: units still needed */
};

/* The offers of a tier, the cheapest at step t first. */
static int order_of(const struct buying *buying, enum offers_tier tier, int t,
                    int order[OFFERS_MAX])
{
    const double *price = &buying->price[(long)t * buying->offers->count];
    int count = 0;
    for (int i = 0; i < buying->offers->count; i++) {
        if (buying->offers->rows[i].tier != tier)
            continue;
        int at = count++;
        for (; at > 0 && price[order[at - 1]] > price[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

/* `units` of an offer at all steps; what is not needed is paid for all the same. */
static void hold(struct buying *buying, int offer, int units)
{
    for (int t = 0; t < buying->to->steps; t++) {
        buying->to->units[(long)t * buying->offers->count + offer] = units;
        buying->left[t] -= units < buying->left[t] ? units : buying->left[t];
    }
}

/* What renting one unit on demand at step t would cost; infinite where none is offered. */
static double rent(const struct buying *buying, int t)
{
    int order[OFFERS_MAX];
    if (order_of(buying, OFFERS_ON_DEMAND, t, order) == 0)
        return INFINITY;
    return buying->price[(long)t * buying->offers->count + order[0]];
}

/* How many units pay: number k + 1 if holding it all the time costs less than renting it when more
 * than k are still needed. */
static int worth_reserving(const struct buying *buying, int offer)
{
    int count = buying->offers->count, most = buying->offers->rows[offer].most;
    for (int k = 0; k < most; k++) {
        double held = 0, rented = 0;
        for (int t = 0; t < buying->to->steps; t++) {
            held += buying->price[(long)t * count + offer];
            if (buying->left[t] > k)
                rented += rent(buying, t);
        }
        if (!(held < rented))
            return k;
    }
    return most;
}

static double mean_price(const struct buying *buying, int offer)
{
    double sum = 0;
    for (int t = 0; t < buying->to->steps; t++)
        sum += buying->price[(long)t * buying->offers->count + offer];
    return sum;
}

static void reserve(struct buying *buying)
{
    int order[OFFERS_MAX], count = order_of(buying, OFFERS_RESERVED, 0, order);
    for (int i = 1; i < count; i++) /* by what they cost in all, not at the first step */
        for (int at = i; at > 0; at--)
            if (mean_price(buying, order[at]) < mean_price(buying, order[at - 1])) {
                int other = order[at];
                order[at] = order[at - 1];
                order[at - 1] = other;
            }
    for (int i = 0; i < count; i++)
        hold(buying, order[i], worth_reserving(buying, order[i]));
}

static double risk_of(const struct buying *buying, const struct offer *offer)
{
    return -expm1(-offer->interruptions_per_hour * (double)buying->offers->lead_time_ns / HOUR_NS);
}

/* Spot at step t, as far as its share goes and it is cheaper than renting what it does. */
static void rent_spot(struct buying *buying, int t, int needed)
{
    int order[OFFERS_MAX], count = order_of(buying, OFFERS_SPOT, t, order);
    int share = (int)(buying->offers->spot_share * needed);
    double on_demand = rent(buying, t);
    for (int i = 0; i < count && share > 0; i++) {
        const struct offer *offer = &buying->offers->rows[order[i]];
        double price = buying->price[(long)t * buying->offers->count + order[i]];
        int counted = share < buying->left[t] ? share : buying->left[t], units = -1;
        for (; counted > 0; counted--) { /* fewer, until they fit and pay */
            units =
                offers_spot_units(counted, risk_of(buying, offer), buying->offers->service_level);
            if (units >= 0 && (offer->most == 0 || units <= offer->most) &&
                units * price < counted * on_demand)
                break;
        }
        if (counted <= 0)
            continue;
        buying->to->units[(long)t * buying->offers->count + order[i]] = units;
        buying->to->interruptions +=
            units * offer->interruptions_per_hour * (double)buying->step_ns / HOUR_NS;
        buying->left[t] -= counted;
        share -= counted;
    }
}

static void rent_on_demand(struct buying *buying, int t)
{
    int order[OFFERS_MAX], count = order_of(buying, OFFERS_ON_DEMAND, t, order);
    for (int i = 0; i < count && buying->left[t] > 0; i++) {
        int most = buying->offers->rows[order[i]].most;
        int units = most > 0 && most < buying->left[t] ? most : buying->left[t];
        buying->to->units[(long)t * buying->offers->count + order[i]] = units;
        buying->left[t] -= units;
    }
}

static void buy(struct buying *buying, const int *units)
{
    struct purchase *to = buying->to;
    int count = buying->offers->count;
    for (int i = 0; i < count; i++)
        if (buying->offers->rows[i].tier == OFFERS_OWNED)
            hold(buying, i, buying->offers->rows[i].most);
    reserve(buying);
    for (int t = 0; t < to->steps; t++) {
        rent_spot(buying, t, units[t]);
        rent_on_demand(buying, t);
        to->unmet[t] = buying->left[t];
        for (int i = 0; i < count; i++)
            to->cost_per_hour[t] +=
                to->units[(long)t * count + i] * buying->price[(long)t * count + i];
    }
}

enum fw_err offers_buy(const struct offers *offers, const int *units, int steps, int64_t start_ns,
                       int64_t step_ns, struct purchase *purchase, struct fw_detail *detail)
{
    size_t rows = (size_t)steps, cells = rows * (size_t)offers->count;
    *purchase = (struct purchase){.steps = steps, .offer_count = offers->count};
    FW_TRY(check_offers(offers, detail));
    struct buying buying = {offers,
                            purchase,
                            start_ns,
                            step_ns,
                            calloc(cells, sizeof *buying.price),
                            calloc(rows, sizeof *buying.left)};
    purchase->units = calloc(cells, sizeof *purchase->units);
    purchase->unmet = calloc(rows, sizeof *purchase->unmet);
    purchase->cost_per_hour = calloc(rows, sizeof *purchase->cost_per_hour);
    enum fw_err err =
        buying.price && buying.left && purchase->units && purchase->unmet && purchase->cost_per_hour
            ? FW_OK
            : FW_NOMEM;
    for (int t = 0; err == FW_OK && t < steps; t++) {
        int64_t from_ns = start_ns + t * step_ns;
        buying.left[t] = units[t];
        for (int i = 0; i < offers->count; i++)
            buying.price[(long)t * offers->count + i] =
                offers_price(&offers->rows[i], from_ns, from_ns + step_ns);
    }
    if (err == FW_OK)
        buy(&buying, units);
    else
        purchase_fini(purchase);
    free(buying.price);
    free(buying.left);
    return err;
}

void purchase_fini(struct purchase *purchase)
{
    free(purchase->units);
    free(purchase->unmet);
    free(purchase->cost_per_hour);
    *purchase = (struct purchase){0};
}
