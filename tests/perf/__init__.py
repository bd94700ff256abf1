"""Ratios and times that the project promises, measured: `make perf`. Not a test."""
