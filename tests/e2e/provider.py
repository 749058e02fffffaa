"""A provider that misbehaves as it is told: tests/servers/provider_stub.py, over plain HTTP."""

import re
import subprocess
import sys

import harness


class StubProvider:
    """Runs until close(). What becomes of a request stands in its XID."""

    def __init__(self, folder):
        program = harness.ROOT / "tests" / "servers" / "provider_stub.py"
        self.process = subprocess.Popen([sys.executable, program, folder, harness.CUSTOMER, harness.KEY_TEXT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(re.match(r"http (\d+)", self.process.stdout.readline())[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(60) == 0
