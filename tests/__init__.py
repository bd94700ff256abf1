"""Tests: they mirror the package's modules."""
