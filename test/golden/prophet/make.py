#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the oracle cases beside it: synthetic series, fitted by the real Prophet (PyPI `prophet`). For each case NAME,
NAME.csv has a row for each row predicted (y empty where it was not fitted) with what Prophet said of it, and
NAME_params.csv its parameters in the order k, m, sigma, lp (as Stan counts it), then deltas, then betas.
Usage: make.py [CASE...]   Needs: pip install prophet"""
import logging
import os
import sys

import numpy as np
import pandas as pd

logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
logging.getLogger("prophet").setLevel(logging.ERROR)
from prophet import Prophet  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def hourly(rng):
    """Hourly, with holes; daily and weekly seasons found by themselves."""
    ds = pd.date_range("2024-02-20", periods=24 * 45, freq="h")
    hour = np.arange(len(ds))
    y = 50 + 0.01 * hour + 12 * np.sin(2 * np.pi * hour / 24) + 5 * np.cos(2 * np.pi * hour / 168)
    y += np.where(hour > 500, (hour - 500) * 0.03, 0) + rng.normal(0, 3, len(ds))
    frame = pd.DataFrame({"ds": ds, "y": y})
    frame.loc[frame.index[-120:], "y"] = np.nan
    frame.loc[frame.index[300:330], "y"] = np.nan
    return Prophet(uncertainty_samples=0), frame, 960


def holidays(rng):
    """Daily, holidays with windows and prior scales that multiply while seasons add."""
    ds = pd.date_range("2021-01-01", periods=900, freq="D")
    day = np.arange(len(ds))
    y = 200 + 0.1 * day + 20 * np.sin(2 * np.pi * day / 365.25) + 8 * (ds.day_of_week >= 5) + rng.normal(0, 4, len(ds))
    launches, feasts = ["2021-03-10", "2021-09-01", "2022-04-20", "2023-05-20"], ["2021-12-24", "2022-12-24"]
    for date in launches:
        for i, share in enumerate((0.5, 0.8, 0.3)):
            y = np.where(ds == pd.Timestamp(date) + pd.Timedelta(days=i), y * (1 + share), y)
    for date in feasts:
        for i in range(-1, 2):
            y = np.where(ds == pd.Timestamp(date) + pd.Timedelta(days=i), y * 0.6, y)
    table = pd.concat([
        pd.DataFrame({"holiday": "launch", "ds": pd.to_datetime(launches), "lower_window": 0, "upper_window": 2,
                      "prior_scale": 3.0}),
        pd.DataFrame({"holiday": "feast", "ds": pd.to_datetime(feasts), "lower_window": -1, "upper_window": 1,
                      "prior_scale": np.nan})])
    frame = pd.DataFrame({"ds": ds, "y": y})
    model = Prophet(holidays=table, holidays_mode="multiplicative", holidays_prior_scale=5, n_changepoints=12,
                    changepoint_range=0.9, changepoint_prior_scale=0.1, uncertainty_samples=0)
    return model, frame, 840


def regressors(rng):
    """Daily, regressors of all kinds, a season of one's own where a condition holds."""
    ds = pd.date_range("2023-06-01", periods=320, freq="D")
    day = np.arange(len(ds))
    price, promo, load = rng.normal(40, 6, len(ds)), (rng.random(len(ds)) < 0.2).astype(float), rng.gamma(2, 3, len(ds))
    cold = (ds.month >= 10) | (ds.month <= 3)
    y = 100 + 0.05 * day + 0.8 * (price - 40) + 9 * promo + np.where(cold, 6 * np.sin(2 * np.pi * day / 30.5), 0)
    y = y * (1 + 0.01 * load) + rng.normal(0, 2, len(ds))
    model = Prophet(yearly_seasonality=False, uncertainty_samples=0)
    model.add_seasonality("monthly", 30.5, 3, prior_scale=2, condition_name="cold")
    model.add_regressor("price", prior_scale=0.5)
    model.add_regressor("promo")
    model.add_regressor("load", mode="multiplicative", standardize=False)
    return model, pd.DataFrame({"ds": ds, "y": y, "price": price, "promo": promo, "load": load, "cold": cold}), 290


def flat(rng):
    """Flat growth, scaled from least to most, hourly."""
    ds = pd.date_range("2024-05-01", periods=24 * 12, freq="h")
    hour = np.arange(len(ds))
    y = 30 + 4 * np.sin(2 * np.pi * hour / 24) + rng.normal(0, 1, len(ds))
    model = Prophet(growth="flat", scaling="minmax", weekly_seasonality=False, daily_seasonality=6, uncertainty_samples=0)
    return model, pd.DataFrame({"ds": ds, "y": y}), 240


def logistic(rng):
    """Logistic growth between a floor and a capacity that moves; seasons multiply."""
    ds = pd.date_range("2022-01-01", periods=420, freq="D")
    day = np.arange(len(ds))
    cap, floor = 120 + 0.05 * day, np.full(len(ds), 10.0)
    y = floor + (cap - floor) / (1 + np.exp(-(day - 180) / 60)) * (1 + 0.08 * (ds.day_of_week < 5)) + rng.normal(0, 2, len(ds))
    model = Prophet(growth="logistic", yearly_seasonality=False, seasonality_mode="multiplicative", n_changepoints=10,
                    uncertainty_samples=0)
    return model, pd.DataFrame({"ds": ds, "y": y, "cap": cap, "floor": floor}), 380


def changepoints(rng):
    """Few weekly rows, changepoints given, what multiplies."""
    ds = pd.date_range("2020-01-05", periods=130, freq="7D")
    week = np.arange(len(ds))
    y = (20 + week * 0.5 - np.maximum(0, week - 60) * 0.8) * (1 + 0.2 * np.sin(2 * np.pi * week * 7 / 365.25))
    y += rng.normal(0, 1, len(ds))
    model = Prophet(changepoints=["2020-10-04", "2021-03-07", "2021-06-06"], yearly_seasonality=4,
                    seasonality_mode="multiplicative", seasonality_prior_scale=1, uncertainty_samples=0)
    return model, pd.DataFrame({"ds": ds, "y": y}), 118


def few(rng):
    """Fewer rows than changepoints."""
    ds = pd.date_range("2024-01-01", periods=16, freq="D")
    y = 5 + 0.3 * np.arange(16) + rng.normal(0, 0.4, 16)
    return Prophet(uncertainty_samples=0), pd.DataFrame({"ds": ds, "y": y}), 12


def make(name, case, seed):
    model, frame, fitted = case(np.random.default_rng(seed))
    frame.loc[frame.index[fitted:], "y"] = np.nan
    # What is stored must be what was fitted: as many digits as a double has.
    model.fit(frame[frame["y"].notnull()].copy())
    said = model.predict(frame.drop(columns="y"))
    out = pd.DataFrame({"at_s": (frame["ds"] - pd.Timestamp(0)) // pd.Timedelta(seconds=1), "y": frame["y"]})
    for column in ("cap", "floor", "price", "promo", "load", "cold"):
        if column in frame:
            out[column] = frame[column].astype(float)
    for column in ("trend", "additive_terms", "multiplicative_terms", "yhat"):
        out["oracle_" + column] = said[column].to_numpy()
    out.to_csv(os.path.join(HERE, name + ".csv"), index=False, float_format="%.17g", lineterminator="\n")
    stan = model.stan_fit.optimized_params_dict
    first = [stan["k"], stan["m"], stan["sigma_obs"], stan["lp__"]]
    rest = [value for key, value in stan.items() if key.startswith("delta")]
    rest += [value for key, value in stan.items() if key.startswith("beta")]
    with open(os.path.join(HERE, name + "_params.csv"), "w", encoding="utf-8") as file:
        file.write("value\n" + "".join(f"{float(value):.17g}\n" for value in first + rest))
    print(name, len(frame), "rows, lp", stan["lp__"])


CASES = {f.__name__: f for f in (hourly, holidays, regressors, flat, logistic, changepoints, few)}

if __name__ == "__main__":
    for number, (key, function) in enumerate(CASES.items()):
        if len(sys.argv) == 1 or key in sys.argv[1:]:
            make(key, function, 20240000 + number)
