"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# speed lives in benchmarks: a slow machine must not fail a property; the same examples on every run
settings.register_profile("ridgeline", deadline=None, derandomize=True, max_examples=60)
# HYPOTHESIS_PROFILE=deep: many examples, others on every run, to find what the few of every day do not
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=int(os.environ.get("RIDGELINE_EXAMPLES", "2000")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ridgeline"))

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real sample data (see README, "Tests"); the test is skipped where it is absent."""
    folder = Path(os.environ.get("RIDGELINE_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "real").is_dir():
        pytest.skip(f"the real sample data is not in {folder}; set RIDGELINE_DATA to its folder")
    return folder
