"""What a test needs and this machine does not have."""

import os

import pytest


def missing(why):
    """A skip that says why; a failure where all proof is wanted (JWTD_REQUIRE_ALL=1)."""
    (pytest.fail if os.environ.get("JWTD_REQUIRE_ALL") == "1" else pytest.skip)(why)
