"""The run that every other one is compared with, and what tests of data share."""

import sys
from pathlib import Path

import pytest
import small

sys.path.append(str(Path(__file__).parents[1] / "data"))  # `small_sets`


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """What the small sweep comes to when nothing happens."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    small.run(out)
    return small.everything(out)
