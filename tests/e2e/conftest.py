"""Fixtures of the end-to-end tests: a server that a whole file shares, and one that a test can do anything to."""

import os
import pathlib
import sys

import pytest

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))
import server as servers  # noqa: E402  pylint: disable=wrong-import-position


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


def real_server(kind, folder):
    """A database or the like for a whole file; a skip that says why when it cannot be had, a failure where all is wanted."""
    try:
        running = servers.start(kind, folder)
    except servers.Unavailable as why:
        wanted = os.environ.get("JWTD_REQUIRE_ALL") == "1" and not isinstance(why, servers.NotWanted)
        (pytest.fail if wanted else pytest.skip)(f"no {kind}: {why}")
    with running:
        yield running


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    """A PostgreSQL that a file shares; whoever stops it starts it again."""
    yield from real_server("postgresql", tmp_path_factory.mktemp("postgresql"))


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """A Redis that a file shares; whoever stops it starts it again."""
    yield from real_server("redis", tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="module")
def mongodb(tmp_path_factory):
    """A MongoDB-protocol server that a file shares; whoever stops it starts it again."""
    yield from real_server("mongodb", tmp_path_factory.mktemp("mongodb"))


@pytest.fixture(scope="module")
def ferretdb(tmp_path_factory):
    """A FerretDB that a file shares; where Go is at hand."""
    yield from real_server("ferretdb", tmp_path_factory.mktemp("ferretdb"))
