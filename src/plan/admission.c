/* SPDX-License-Identifier: MIT */
#include "plan/admission.h"
#include "base/time.h"

static const double hysteresis = 0.1;
static const double debt_s = 60; /* of bytes_per_s, that is remembered at most */
static const double burst_s = 2; /* of bytes_per_s at once */
static const int64_t turn_ns = 100 * TIME_MILLISECOND;
static const double price_first = 0.05, price_up = 1.25, price_down = 0.9, price_most = 64;
static const double strained = 1, roomy = 0.8;
static const int64_t turns_most = 256; /* that a long pause counts for */
/* At each turn; a share halves in 28 s. */
static const double wasted_remembered = 0.995, judged_remembered = 0.9975;
static const double smoothing = 0.05;
static const double remembered_share = 0.98; /* of what was judged, at each next one */
static const double giant = 8;               /* times what is usual, that one counts at most */

const struct admission_settings admission_defaults = {
    .bytes_per_s = 0,
    .concurrent = 4,
    .waste_share = 0.5,
    .load_price = 0.2,
    .byte_second_price_ns = 0,
};

void admission_init(struct admission *admission, const struct admission_settings *settings,
                    int64_t at_ns)
{
    *admission = (struct admission){.settings = *settings,
                                    .tokens = burst_s * (double)settings->bytes_per_s,
                                    .at_ns = at_ns,
                                    .turned_ns = at_ns,
                                    .headroom = 1};
}

double admission_worth(const struct admission *admission, const struct admission_case *of)
{
    const struct admission_settings *settings = &admission->settings;
    double bytes = of->bytes > 0 ? (double)of->bytes : 1;
    double benefit_ns = of->probability * (double)of->saved_ns * of->weight;
    double cost_ns = settings->load_price * (double)of->load_ns + of->displaced_ns +
                     settings->byte_second_price_ns * bytes * time_to_seconds(of->hold_ns);
    return (benefit_ns - cost_ns) / bytes;
}

double admission_price(const struct admission *admission)
{
    return admission->price * admission->usual;
}

double admission_waste(const struct admission *admission)
{
    return admission->judged > 0 ? admission->wasted / admission->judged : 0;
}

uint32_t admission_slots(const struct admission *admission)
{
    return (uint32_t)(admission->headroom * (double)admission->settings.concurrent);
}

void admission_headroom(struct admission *admission, double share)
{
    admission->headroom = share > 0 ? (share < 1 ? share : 1) : 0;
}

static void refill(struct admission *admission, int64_t at_ns)
{
    double rate = (double)admission->settings.bytes_per_s;
    if (at_ns > admission->at_ns) {
        admission->tokens += rate * time_to_seconds(at_ns - admission->at_ns);
        admission->at_ns = at_ns;
    }
    if (admission->tokens > burst_s * rate)
        admission->tokens = burst_s * rate;
}

/* The most strained budget: 1 is all of it. */
static double strain(const struct admission *admission, int64_t at_ns)
{
    const struct admission_settings *settings = &admission->settings;
    double most = admission->strain;
    if (settings->bytes_per_s > 0) {
        double allowed =
            (double)settings->bytes_per_s * time_to_seconds(at_ns - admission->turned_ns);
        double bytes = admission->tokens < 0 ? 2 : admission->spent / allowed;
        most = bytes > most ? bytes : most;
    }
    if (admission->judged > 0 && settings->waste_share > 0) {
        double waste = admission_waste(admission) / settings->waste_share;
        most = waste > most ? waste : most;
    }
    return most;
}

/* Moves the price, at most once in turn_ns. */
static void turn(struct admission *admission, int64_t at_ns)
{
    if (at_ns - admission->turned_ns < turn_ns)
        return;
    double now = strain(admission, at_ns);
    if (now > strained)
        admission->price = admission->price > 0 ? admission->price * price_up : price_first;
    else if (now < roomy)
        admission->price = admission->price > price_first / 2 ? admission->price * price_down : 0;
    if (admission->price > price_most)
        admission->price = price_most;
    admission->turned_ns = at_ns;
    admission->spent = 0;
    admission->strain = 0;
}

void admission_turn(struct admission *admission, int64_t at_ns)
{
    int64_t turns = (at_ns - admission->turned_ns) / turn_ns;
    turns = turns < turns_most ? turns : turns_most;
    for (int64_t left = turns - 1; left >= 0; left--) {
        admission->wasted *= wasted_remembered;
        admission->judged *= judged_remembered;
        turn(admission, at_ns - left * turn_ns);
    }
}

bool admission_wants(struct admission *admission, double worth)
{
    if (!(worth > 0))
        return false;
    admission->usual =
        admission->usual > 0 ? admission->usual + smoothing * (worth - admission->usual) : worth;
    return worth > admission_price(admission) * (1 + hysteresis);
}

bool admission_may_begin(struct admission *admission, double worth, uint64_t bytes, int64_t at_ns)
{
    refill(admission, at_ns);
    turn(admission, at_ns);
    uint32_t slots = admission_slots(admission);
    if (admission->running >= slots) {
        /* Somebody is kept waiting: more was wanted than there is. */
        admission->strain = slots > 0 ? 1 + 1 / (double)slots : 2;
        return false;
    }
    if (admission->settings.bytes_per_s > 0 && admission->tokens <= 0) {
        admission->spent += (double)bytes;
        return false;
    }
    return worth > 0 && worth > admission_price(admission) * (1 - hysteresis);
}

void admission_begin(struct admission *admission, uint64_t bytes, int64_t at_ns)
{
    refill(admission, at_ns);
    admission->running++;
    admission->tokens -= (double)bytes;
    admission->spent += (double)bytes;
    double used = (double)admission->running / (double)admission->settings.concurrent;
    admission->strain = used > admission->strain ? used : admission->strain;
}

void admission_end(struct admission *admission, uint64_t thought_bytes, uint64_t bytes)
{
    admission->running -= admission->running > 0;
    admission->tokens += (double)thought_bytes - (double)bytes;
    double least = -debt_s * (double)admission->settings.bytes_per_s;
    if (admission->tokens < least)
        admission->tokens = least; /* one giant does not stop it for ever */
}

void admission_outcome(struct admission *admission, uint64_t bytes, bool used)
{
    double weight = bytes > 0 ? (double)bytes : 1, most = giant * admission->usual_bytes;
    if (most > 0 && weight > most)
        weight = most; /* one giant does not outweigh everything for ever */
    admission->usual_bytes +=
        admission->usual_bytes > 0 ? smoothing * (weight - admission->usual_bytes) : weight;
    admission->judged = admission->judged * remembered_share + weight;
    admission->wasted = admission->wasted * remembered_share + (used ? 0 : weight);
}

int64_t admission_ready(const struct admission *admission, int64_t at_ns)
{
    double rate = (double)admission->settings.bytes_per_s;
    double tokens =
        admission->tokens +
        (at_ns > admission->at_ns ? rate * time_to_seconds(at_ns - admission->at_ns) : 0);
    if (admission->settings.bytes_per_s == 0 || tokens > 0)
        return at_ns;
    return time_add(at_ns, time_from_seconds((1 - tokens) / rate));
}
