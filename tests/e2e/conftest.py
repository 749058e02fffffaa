"""Fixtures of the end-to-end tests: a server that a whole file shares, and one that a test can do anything to."""

import pytest

import harness


def pytest_sessionstart(session):
    if not harness.BINARY.exists():
        raise pytest.UsageError(f"{harness.BINARY} is not built: run script/build")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """No limits, no TLS, in memory, shared by a file; must not be stopped or reconfigured."""
    with harness.Server(tmp_path_factory.mktemp("server")) as running:
        yield running
        assert running.alive()


@pytest.fixture
def make_server(tmp_path):
    """Makes servers of a test's own; stops what still runs."""
    made = []

    def make(name="server", **options):
        made.append(harness.Server(tmp_path / name, **options))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.alive():
            one.stop()
