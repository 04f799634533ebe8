# SPDX-License-Identifier: MIT
"""The real Prophet on the rows that bench_prophet gets, its processor time with that of the Stan program it
starts. Usage: peer.py additive|multiplicative|logistic ROUNDS. Prints "version ms lp"."""
import logging
import resource
import statistics
import sys

import pandas as pd

for name in ("cmdstanpy", "prophet", "prophet.plot"):
    logging.getLogger(name).setLevel(logging.CRITICAL)
from prophet import Prophet, __version__  # noqa: E402

mode, rounds = sys.argv[1], int(sys.argv[2])


def used():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


rows = [line.split() for line in sys.stdin]
frame = pd.DataFrame({"ds": pd.to_datetime([int(row[0]) for row in rows], unit="s"), "y": [float(row[1]) for row in rows],
                      "cap": [float(row[2]) for row in rows]})
took = []
for _ in range(rounds + 1):  # the first one warms up
    if mode == "multiplicative":
        model = Prophet(seasonality_mode="multiplicative", weekly_seasonality=False, daily_seasonality=False)
    else:
        model = Prophet(growth="logistic" if mode == "logistic" else "linear")
    begun = used()
    model.fit(frame)
    took.append((used() - begun) * 1e3)
print(__version__, f"{statistics.median(took[1:]):.2f}", model.stan_fit.optimized_params_dict["lp__"])
