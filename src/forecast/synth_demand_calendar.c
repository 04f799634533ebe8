/* SPDX-License-Identifier: MIT
 * What the calendar does to demand. */
#include "forecast/synth_demand_part.h"

/* At the full hours of a working day; between 9 and 17 is when people work. Mean 1. */
static const double hours[24] = {.63,  .59,  .56,  .55,  .57,  .63,  .75,  .91,
                                 1.10, 1.34, 1.42, 1.44, 1.36, 1.41, 1.45, 1.43,
                                 1.38, 1.28, 1.08, .97,  .91,  .84,  .74,  .66};
static const double months[12] = {.98, 1.00, 1.02, 1.01, 1.00, .98,
                                  .95, .95,  1.02, 1.04, 1.04, 1.01};
static const double weekend = .7, holiday = .65, month_end = 1.06, quarter_end = 1.15;
enum { MONTH_END_DAYS = 3, QUARTER_END_DAYS = 5, THURSDAY = 3, FRIDAY = 4, SATURDAY = 5 };

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* New year, the first of May, the fourth of July, Thanksgiving and the day after, Christmas. */
static bool is_holiday(const struct time_civil *day)
{
    static const int fixed[][2] = {{1, 1}, {5, 1}, {7, 4}, {12, 24}, {12, 25}, {12, 26}, {12, 31}};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (day->month == fixed[i][0] && day->day == fixed[i][1])
            return true;
    if (day->month != 11)
        return false;
    int thursday = day->weekday == THURSDAY ? day->day : day->weekday == FRIDAY ? day->day - 1 : 0;
    return thursday >= 22 && thursday <= 28;
}

static int day_class(const struct time_civil *day)
{
    if (is_holiday(day))
        return SYNTH_DEMAND_HOLIDAY;
    int left = days_in_month(day->year, day->month) - day->day;
    return day->month % 3 == 0 && left < QUARTER_END_DAYS ? SYNTH_DEMAND_QUARTER_END : -1;
}

int synth_demand_day_class(int64_t at_ns)
{
    struct time_civil day = time_civil(at_ns);
    return day_class(&day);
}

double synth_demand_day_factor(int class)
{
    return class == SYNTH_DEMAND_HOLIDAY       ? holiday
           : class == SYNTH_DEMAND_QUARTER_END ? quarter_end
                                               : 1;
}

double synth_demand_season(int64_t at_ns)
{
    struct time_civil at = time_civil(at_ns);
    double within = (at.minute * 60 + at.second) / 3600.0;
    double factor = hours[at.hour] + within * (hours[(at.hour + 1) % 24] - hours[at.hour]);
    int class = day_class(&at), left = days_in_month(at.year, at.month) - at.day;
    factor *= months[at.month - 1];
    if (class == SYNTH_DEMAND_HOLIDAY) /* instead of the weekend's, not on top of it */
        return factor * holiday;
    if (class == SYNTH_DEMAND_QUARTER_END)
        factor *= quarter_end;
    else if (left < MONTH_END_DAYS)
        factor *= month_end;
    return at.weekday >= SATURDAY ? factor * weekend : factor;
}
