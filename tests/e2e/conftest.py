"""Fixtures of the end-to-end tests: a server that a whole file shares, and one that a test can do anything to."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import harness
from clock import Clock, library
from sandbox import Sandbox

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
        shutil.rmtree(one.folder / "db", ignore_errors=True)  # 64 MiB of log and more, which pytest keeps for three runs


@pytest.fixture
def sandbox(tmp_path):
    """Starts `jwtd sandbox` with the arguments that are given; ends it."""
    running = []

    def start(*arguments):
        running.append(Sandbox(tmp_path, *arguments))
        return running[-1]

    yield start
    for one in running:
        one.end()


@pytest.fixture
def dev(tmp_path):
    """Starts `jwtd dev` in an empty folder and collects what it prints."""
    running = []

    def start(*arguments):
        out = tmp_path / f"out-{len(running)}"
        with out.open("wb") as file:
            process = subprocess.Popen([harness.BINARY, "dev", *arguments], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                       env=harness.clean_environment())
        running.append(process)

        def printed():
            assert process.poll() is None, out.read_text()
            return text if "Ctrl-C" in (text := out.read_text()) else ""  # the last line's word

        return process, harness.wait_until(printed, 60, "the lines to paste")

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
            assert process.wait(60) == 0


@pytest.fixture
def clock(tmp_path):
    if library() is None:
        pytest.skip("no libfaketime: the package faketime")
    return Clock(tmp_path)


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
