# SPDX-License-Identifier: MIT
"""Asks the forecasting programs that this python has; see peers. Usage: peers_ask.py IN.json; JSON on standard output."""
import json
import logging
import sys
import time
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
LAGS = (24, 25, 48, 168)


def prophet(start, past, horizon, level):
    import pandas
    import prophet as library
    frame = pandas.DataFrame({"ds": pandas.to_datetime([start + 3600 * i for i in range(len(past) + horizon)], unit="s")})
    model = library.Prophet(interval_width=2 * level - 1)
    model.fit(frame[:len(past)].assign(y=past))
    said = model.predict(frame[len(past):])
    return list(said["yhat"]), list(said["yhat_upper"])


def statsforecast(name, season):
    def ask(start, past, horizon, level):
        import numpy
        from statsforecast import models
        model = getattr(models, name)(season_length=season)
        percent = round(100 * (2 * level - 1))
        said = model.forecast(y=numpy.array(past), h=horizon, level=[percent])
        return list(said["mean"]), list(said[f"hi-{percent}"])
    return ask


def table(start, past, horizon):
    rows = [[*(past[t - lag] for lag in LAGS), (start // 3600 + t) % 24, (start // 86400 + t // 24) % 7] for t in range(168, len(past) + horizon)]
    return rows[:len(past) - 168], past[168:], rows[len(past) - 168:]


def sklearn(start, past, horizon, level):
    from sklearn.ensemble import HistGradientBoostingRegressor as Trees
    rows, labels, asked = table(start, past, horizon)
    return list(Trees(random_state=1).fit(rows, labels).predict(asked)), list(Trees(loss="quantile", quantile=level, random_state=1).fit(rows, labels).predict(asked))


def xgboost(start, past, horizon, level):
    import xgboost as library
    rows, labels, asked = table(start, past, horizon)
    mean = library.XGBRegressor(n_jobs=1, random_state=1).fit(rows, labels).predict(asked)
    high = library.XGBRegressor(n_jobs=1, random_state=1, objective="reg:quantileerror", quantile_alpha=level).fit(rows, labels).predict(asked)
    return list(mean), list(high)


PEERS = {"prophet": [("", prophet)], "statsforecast": [(" AutoETS", statsforecast("AutoETS", 24)), (" AutoTheta", statsforecast("AutoTheta", 24))],
         "sklearn": [(" HistGradientBoosting", sklearn)], "xgboost": [("", xgboost)]}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    out = {}
    for package, ways in PEERS.items():
        try:
            version = __import__(package).__version__
        except ImportError as missing:
            out[package] = str(missing)
            continue
        for way, ask in ways:
            label, said = f"{package} {version}{way}", []
            try:
                ask(*task["asked"][0], task["horizon"], task["level"])  # compiles and imports what it needs
                for start, past in task["asked"]:
                    begun = time.process_time()
                    mean, high = ask(start, past, task["horizon"], task["level"])
                    said.append([[float(v) for v in mean], [float(v) for v in high], time.process_time() - begun])
                out[label] = said
            except Exception as broken:  # a peer that fails is named, and the others are measured
                out[label] = f"{type(broken).__name__}: {broken}"
    print(json.dumps(out))


if __name__ == "__main__":
    main()
