/* SPDX-License-Identifier: MIT
 * Logistic trends and components that multiply: the model is made linear where it stands
 * (Gauss-Newton), that problem is solved exactly with its absolute values, and the step is taken as
 * far as the true posterior gains, with Levenberg's damping where it does not. Nothing is smoothed,
 * so deltas become exactly 0. */
#include "forecast/prophet_part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS_MOST = 300, HALVINGS = 10 };
static const double GAIN_LEAST = 1e-7, DAMPING_LEAST = 1e-9, DAMPING_FIRST = 1e-6,
                    DAMPING_MOST = 1e5;

struct newton {
    struct prophet *p;
    const struct prophet_history *history;
    struct prophet_sums sums;
    struct prophet_piece *piece;
    double *gram, *target, *precision, *mean, *goal, *trial;
    double target_square; /* gram, target and this are the linear problem at p->theta */
    double cost, sigma_square, damping;
};

static bool newton_init(struct newton *newton)
{
    size_t n = prophet_unknowns(newton->p);
    newton->piece = malloc((newton->p->changepoints + 1) * sizeof *newton->piece);
    newton->gram = calloc(n * (n + 5), sizeof *newton->gram);
    if (!newton->piece || !newton->gram || !prophet_sums_init(&newton->sums, newton->p))
        return false;
    newton->target = newton->gram + n * n;
    newton->precision = newton->target + n;
    newton->mean = newton->precision + n;
    newton->goal = newton->mean + n;
    newton->trial = newton->goal + n;
    prophet_priors(newton->p, newton->precision, newton->mean);
    return true;
}

static void newton_fini(struct newton *newton)
{
    prophet_sums_fini(&newton->sums);
    free(newton->piece);
    free(newton->gram);
}

struct judged {
    double cost, sigma_square; /* -lp, and the sigma^2 that is best there */
};

static struct judged judge(const struct newton *newton, const double *theta, double sum_of_squares)
{
    double n = (double)newton->history->n, sigma_square = prophet_sigma_square(sum_of_squares, n);
    return (struct judged){prophet_cost(newton->p, theta, sum_of_squares, n, sqrt(sigma_square)),
                           sigma_square};
}

/* The sums of the linear problem at theta, and how good it is there: one pass over the rows for
 * both. */
static struct judged linearise(struct newton *newton, const double *theta)
{
    prophet_pieces(newton->p, theta, newton->piece);
    prophet_sums_clear(&newton->sums);
    return judge(
        newton, theta,
        prophet_sums_linearised(&newton->sums, newton->p, newton->history, theta, newton->piece));
}

/* theta becomes where we stand; the sums are those there. */
static bool stand(struct newton *newton, const double *theta, struct judged judged)
{
    if (theta != newton->p->theta)
        memcpy(newton->p->theta, theta, prophet_unknowns(newton->p) * sizeof *theta);
    newton->cost = judged.cost;
    newton->sigma_square = judged.sigma_square;
    newton->target_square = newton->sums.gram[0];
    return prophet_normal(&newton->sums, newton->p, newton->p->theta, newton->gram, newton->target);
}

static enum fw_err aim(struct newton *newton, double *sd, struct fw_detail *detail)
{
    const struct prophet *p = newton->p;
    double sigma_square = newton->sigma_square;
    struct prophet_problem problem = {.unknowns = prophet_unknowns(p),
                                      .changepoints = p->changepoints,
                                      .gram = newton->gram,
                                      .target = newton->target,
                                      .target_square = newton->target_square,
                                      .n = (double)newton->history->n,
                                      .precision = newton->precision,
                                      .mean = newton->mean,
                                      .rate = 1 / p->changepoint_prior_scale,
                                      .centre = newton->damping > 0 ? p->theta : NULL,
                                      .damping = newton->damping,
                                      .fixed_k = p->growth == PROPHET_FLAT};
    memcpy(newton->goal, p->theta, problem.unknowns * sizeof *newton->goal);
    return prophet_exact(&problem, newton->goal, &sigma_square, sd, detail);
}

/* Towards the goal as far as it gains: all the way, half, a quarter, ... The gain is 0 when it does
 * not. */
static bool advance(struct newton *newton, double *gain)
{
    const double *theta = newton->p->theta;
    size_t n = prophet_unknowns(newton->p);
    double before = newton->cost;
    struct judged judged = linearise(newton, newton->goal);
    *gain = before - judged.cost;
    if (judged.cost < before)
        return stand(newton, newton->goal, judged);
    double share = 1;
    for (int i = 0; i < HALVINGS; i++) {
        double sum = 0;
        share /= 2;
        for (size_t u = 0; u < n; u++)
            newton->trial[u] = theta[u] + share * (newton->goal[u] - theta[u]);
        if (!prophet_sum_of_squares(newton->p, newton->history, newton->trial, &sum))
            return false;
        judged = judge(newton, newton->trial, sum);
        *gain = before - judged.cost;
        if (judged.cost < before)
            return stand(newton, newton->trial, linearise(newton, newton->trial));
    }
    *gain = 0;
    return true;
}

/* Until a free step gains next to nothing; damping grows where steps lose, and goes again where
 * they gain. */
static enum fw_err iterate(struct newton *newton, struct fw_detail *detail)
{
    for (int i = 0; i < ITERATIONS_MOST && newton->damping < DAMPING_MOST; i++) {
        double gain = 0;
        bool free_step = newton->damping == 0;
        FW_TRY(aim(newton, NULL, detail));
        if (!advance(newton, &gain))
            return err_set(detail, FW_NOMEM, "no memory for a step of %zu unknowns",
                           prophet_unknowns(newton->p));
        if (gain > GAIN_LEAST)
            newton->damping = newton->damping > DAMPING_LEAST ? newton->damping / 4 : 0;
        else if (gain > 0 && free_step)
            break;
        else
            newton->damping = newton->damping > 0 ? newton->damping * 10 : DAMPING_FIRST;
    }
    return FW_OK;
}

static enum fw_err newton_run(struct newton *newton, struct fw_detail *detail)
{
    struct prophet *p = newton->p;
    if (!newton_init(newton) || !stand(newton, p->theta, linearise(newton, p->theta)))
        return err_set(detail, FW_NOMEM, "no memory for %zu unknowns", prophet_unknowns(p));
    FW_TRY(iterate(newton, detail));
    p->sigma = sqrt(newton->sigma_square);
    p->lp = -newton->cost;
    newton->damping = 0;
    return aim(newton, p->sd, detail);
}

enum fw_err prophet_newton(struct prophet *p, const struct prophet_history *history,
                           struct fw_detail *detail)
{
    struct newton newton = {.p = p, .history = history};
    enum fw_err err = newton_run(&newton, detail);
    newton_fini(&newton);
    return err;
}
