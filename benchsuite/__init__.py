"""System-level CNN/DNN benchmarking: the whole system, and each team's own part of it."""

__version__ = "0.1.0"
