# SPDX-License-Identifier: MIT
"""The relay tests once more over plane.c, whose small brain checks what the engine is owed: a request that was served or
released ends exactly once, whatever became of its client and its upstream, and at the end nothing is in flight."""
import os

os.environ["FOREWARM_PLANE"] = "1"

import wire
from test_relay import Comments, HalfClose, HalfCloseAborts, Held, Relay  # noqa: F401
from test_exchange import Deadlines, Exchange  # noqa: F401

if __name__ == "__main__":
    wire.main()
