/* SPDX-License-Identifier: MIT
 * The posterior's maximum for a model that is linear in its parameters, from its normal equations
 * alone. For a given sigma^2 the signs of the deltas are found as an active set: solve, step until
 * a delta would change its sign (it becomes 0 and leaves), add the zero delta that gains most; each
 * step gains, so it ends. */
#include "forecast/prophet_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MOST = 100, STEPS_PER_CHANGEPOINT = 20, STEPS_MORE = 200 };
static const double SIGMA_LEAST = 1e-9; /* what Prophet gives to a series that is constant */

struct solver {
    const struct prophet_problem *problem;
    double sigma_square;
    double *theta, *goal; /* of all unknowns */
    double *factor, *side;
    int *sign;      /* of each delta that is not held at 0 */
    size_t *active; /* the unknowns that move */
    size_t count;
};

double prophet_sigma_square(double sum_of_squares, double n)
{
    /* The positive root of 4 s^2 + n s - q = 0, in a form that keeps small q. */
    double root = sqrt(n * n + 16 * sum_of_squares), best = 2 * sum_of_squares / (n + root);
    return fmax(best, SIGMA_LEAST * SIGMA_LEAST);
}

static double damping(const struct prophet_problem *problem, size_t i)
{
    return problem->centre ? problem->damping * problem->gram[i * problem->unknowns + i] : 0;
}

static bool is_delta(const struct prophet_problem *problem, size_t i)
{
    return i >= PROPHET_TREND && i < PROPHET_TREND + problem->changepoints;
}

/* Where the active unknowns would go if none of the deltas changed its sign. */
static bool solve_active(struct solver *solver)
{
    const struct prophet_problem *problem = solver->problem;
    double jitter = 1e-12;
    size_t n = solver->count, all = problem->unknowns;
    for (int attempt = 0; attempt < 8; attempt++, jitter *= 100) {
        for (size_t i = 0; i < n; i++) {
            size_t u = solver->active[i];
            const double *line = problem->gram + u * all;
            double *row = solver->factor + i * all;
            double pull = solver->sigma_square * problem->precision[u], damp = damping(problem, u);
            for (size_t j = 0; j < i; j++)
                row[j] = line[solver->active[j]];
            row[i] = line[u] * (1 + jitter) + pull + damp;
            solver->side[i] = problem->target[u] + pull * problem->mean[u];
            if (damp > 0)
                solver->side[i] += damp * problem->centre[u];
            if (is_delta(problem, u))
                solver->side[i] -=
                    solver->sigma_square * problem->rate * solver->sign[u - PROPHET_TREND];
            if (row[i] == 0) /* a column of zeros without a prior */
                row[i] = 1;
        }
        if (!dense_cholesky(solver->factor, n, all))
            continue;
        dense_solve(solver->factor, n, all, solver->side);
        for (size_t i = 0; i < n; i++)
            solver->goal[solver->active[i]] = solver->side[i];
        return true;
    }
    return false;
}

static void collect_active(struct solver *solver)
{
    const struct prophet_problem *problem = solver->problem;
    solver->count = 0;
    for (size_t i = problem->fixed_k ? 1 : 0; i < problem->unknowns; i++)
        if (!is_delta(problem, i) || solver->sign[i - PROPHET_TREND] != 0)
            solver->active[solver->count++] = i;
}

/* Goes to the goal, or as far as the first delta that would change its sign; true at the goal. */
static bool step(struct solver *solver)
{
    double share = 1;
    size_t blocking = 0;
    for (size_t j = 0; j < solver->problem->changepoints; j++) {
        size_t u = PROPHET_TREND + j;
        double goal = solver->goal[u] * solver->sign[j], here = solver->theta[u] * solver->sign[j];
        if (solver->sign[j] == 0 || goal > 0)
            continue;
        double until = here > 0 ? here / (here - goal) : 0;
        if (until < share) {
            share = until;
            blocking = u;
        }
    }
    for (size_t i = 0; i < solver->count; i++) {
        size_t u = solver->active[i];
        solver->theta[u] += share * (solver->goal[u] - solver->theta[u]);
        if (share == 1)
            solver->theta[u] = solver->goal[u];
    }
    if (blocking == 0)
        return true;
    solver->theta[blocking] = 0;
    solver->sign[blocking - PROPHET_TREND] = 0;
    return false;
}

/* The zero delta whose gradient is furthest past the prior's; false when none is. */
static bool add_delta(struct solver *solver)
{
    const struct prophet_problem *problem = solver->problem;
    double most = problem->rate * (1 + 1e-7);
    size_t best = 0;
    int sign = 0;
    for (size_t j = 0; j < problem->changepoints; j++) {
        if (solver->sign[j] != 0)
            continue;
        size_t u = PROPHET_TREND + j;
        double pull = problem->target[u] - dense_dot(problem->gram + u * problem->unknowns,
                                                     solver->theta, problem->unknowns);
        if (problem->centre)
            pull += damping(problem, u) * problem->centre[u];
        pull /= solver->sigma_square;
        if (fabs(pull) > most) {
            most = fabs(pull);
            best = j;
            sign = pull > 0 ? 1 : -1;
        }
    }
    if (sign == 0)
        return false;
    solver->sign[best] = sign;
    return true;
}

/* Signs and values for the given sigma^2. Rounding may send a delta back that was just added; the
 * limit on the steps ends that, at a point that differs from the maximum by rounding. */
static bool solve_signs(struct solver *solver)
{
    size_t most = STEPS_PER_CHANGEPOINT * solver->problem->changepoints + STEPS_MORE;
    for (size_t i = 0; i < most; i++) {
        collect_active(solver);
        if (!solve_active(solver))
            return false;
        if (step(solver) && !add_delta(solver))
            return true;
    }
    return true;
}

static double sum_of_squares(const struct prophet_problem *problem, const double *theta)
{
    double sum = problem->target_square;
    for (size_t i = 0; i < problem->unknowns; i++)
        if (theta[i] != 0)
            sum += theta[i] *
                   (dense_dot(problem->gram + i * problem->unknowns, theta, problem->unknowns) -
                    2 * problem->target[i]);
    return fmax(sum, 1e-15 * problem->target_square); /* less than rounding leaves of it */
}

/* The standard deviations of the smooth unknowns given sigma: of the inverse of the last factor. */
static void spreads(struct solver *solver, double *sd)
{
    size_t all = solver->problem->unknowns, first = PROPHET_TREND + solver->problem->changepoints;
    for (size_t i = 0; i < solver->count; i++) {
        size_t u = solver->active[i];
        if (u < first)
            continue;
        for (size_t j = 0; j < solver->count; j++)
            solver->side[j] = j == i;
        dense_solve(solver->factor, solver->count, all, solver->side);
        sd[u - first] = sqrt(fmax(0, solver->side[i] * solver->sigma_square));
    }
}

static enum fw_err rounds(struct solver *solver, double *sigma_square, double *sd,
                          struct fw_detail *detail)
{
    const struct prophet_problem *problem = solver->problem;
    for (int round = 0; round < ROUNDS_MOST; round++) {
        if (!solve_signs(solver))
            return err_set(detail, FW_INPUT,
                           "the model cannot be solved: its columns depend on each other, or "
                           "their values are too large");
        double next = prophet_sigma_square(sum_of_squares(problem, solver->theta), problem->n);
        bool done = fabs(next - solver->sigma_square) <= 1e-10 * next;
        solver->sigma_square = next;
        if (done)
            break;
    }
    *sigma_square = solver->sigma_square;
    if (sd)
        spreads(solver, sd);
    return FW_OK;
}

enum fw_err prophet_exact(const struct prophet_problem *problem, double *theta,
                          double *sigma_square, double *sd, struct fw_detail *detail)
{
    size_t n = problem->unknowns;
    struct solver solver = {.problem = problem, .theta = theta};
    double *numbers = calloc(n * (n + 2), sizeof *numbers);
    size_t *active = malloc(n * sizeof *active);
    int *sign = calloc(problem->changepoints + 1, sizeof *sign);
    enum fw_err err = FW_NOMEM;
    if (!numbers || !active || !sign) {
        err = err_set(detail, FW_NOMEM, "no memory for %zu unknowns", n);
    } else {
        solver.factor = numbers;
        solver.side = numbers + n * n;
        solver.goal = solver.side + n;
        solver.active = active;
        solver.sign = sign;
        solver.sigma_square =
            *sigma_square > 0 ? *sigma_square : problem->target_square / problem->n;
        if (!(solver.sigma_square > 0))
            solver.sigma_square = SIGMA_LEAST;
        for (size_t j = 0; j < problem->changepoints; j++)
            sign[j] = (theta[PROPHET_TREND + j] > 0) - (theta[PROPHET_TREND + j] < 0);
        err = rounds(&solver, sigma_square, sd, detail);
    }
    free(numbers);
    free(active);
    free(sign);
    return err;
}
