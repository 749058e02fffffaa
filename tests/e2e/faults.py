"""What the tests of faults share: libraries that stand between jwtd and the kernel, chance that can be repeated, and how many rounds are wanted."""

import os
import pathlib
import random
import subprocess

import harness


def rounds(default):
    """JWTD_FAULT_ROUNDS asks for more (or fewer) than a run of all tests has time for."""
    return int(os.environ.get("JWTD_FAULT_ROUNDS", default))


def seeded(what):
    """Chance for `what`; JWTD_SEED=<number> repeats a run as far as threads allow, and the run's notes say which it was."""
    seed = int(os.environ.get("JWTD_SEED", random.SystemRandom().randrange(2**32)))
    print(f"NOTE {what}: JWTD_SEED={seed} repeats it")
    return random.Random(seed)


def spread(count, last):
    """`count` numbers of 1..last, evenly, without repetition."""
    count = min(count, last)
    return [1 + n * last // count for n in range(count)]


def build(name, folder):
    """tests/e2e/NAME.c as a library for LD_PRELOAD."""
    library = folder / f"{name}.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, pathlib.Path(__file__).with_name(f"{name}.c"), "-ldl"], check=True)
    return library


def start_or_die(server, *arguments):
    """Whether it came as far as to listen."""
    try:
        server.start(*arguments)
        return True
    except AssertionError:
        assert server.process.poll() is not None, "neither listening nor dead"
        return False


def ask_for_tokens(server, count, prefix=""):
    """Up to `count` tokens, one after the other, until the server is gone; [(xid, phone, token)] of every 200, and the other answers."""
    got, refused = [], []
    connection = server.connection()
    try:
        for n in range(count):
            path = f"/v1/token/{harness.PHONE}" + (f"/{prefix}{n}" if n % 2 else "")
            answer = harness.ask_again(connection, "GET", path)
            if answer.status == 200:
                got.append((answer.field("X-Transaction-Id"), harness.PHONE, answer.text))
            else:
                refused.append(answer)
    except (OSError, harness.http.client.HTTPException):
        pass
    finally:
        connection.close()
    return got, refused


def metric(server, name):
    """A number from /metrics; `name` has its labels as Prometheus writes them."""
    return metric_in(server.admin_get("/metrics").text, name)


def metric_in(text, name):
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(f"no {name} in /metrics")
