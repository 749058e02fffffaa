"""What a jwtd leaves on the machine beside what it was asked for: nothing."""

import pathlib

from harness import jwtd


def shared_memory():
    return {path.name for path in pathlib.Path("/dev/shm").iterdir() if "mongoc" in path.name}


def test_a_killed_server_leaves_no_shared_memory(make_server):
    before = shared_memory()
    server = make_server()
    server.start()
    assert shared_memory() == before
    server.kill()
    assert shared_memory() == before
    assert jwtd("version").stderr == ""
