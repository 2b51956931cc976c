"""The run that every other one is compared with."""

import pytest
import small


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """What the small sweep comes to when nothing happens."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    small.run(out)
    return small.everything(out)
