"""What a jwtd leaves on the machine beside what it was asked for: nothing."""

import pathlib

from harness import jwtd


def shared_memory(server):
    """Of that process alone: others on the machine may use the same library."""
    return [path.name for path in pathlib.Path("/dev/shm").iterdir() if path.name.endswith(f"mongoc-{server.process.pid}")]


def test_a_killed_server_leaves_no_shared_memory(make_server):
    server = make_server()
    server.start()
    assert shared_memory(server) == []
    server.kill()
    assert shared_memory(server) == []
    assert jwtd("version").stderr == ""
