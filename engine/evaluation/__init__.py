"""Metrics, benchmark data sets and speed benchmarks."""
