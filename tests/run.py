#!/usr/bin/python3
"""Runs every test of the project and sums them up: unit tests, fuzz replays, the include rules, the end-to-end tests.

The real servers that some tests need are started here or by those tests (tests/servers). What cannot be had is skipped with a line that says so;
with JWTD_REQUIRE_ALL=1 that is a failure.

The last line is `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed and something passed. Building is
script/test's job: this only runs what is in build/test and build/release.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "servers"))
import server  # noqa: E402  pylint: disable=wrong-import-position

BUILD = ROOT / "build" / "test"
UNIT_SECONDS = 1800  # of one test program under sanitizers, on a machine that others use too; a hang must not hold up the run for ever
PYTEST_SECONDS = 3600
MAX_OUTPUT = 8000  # characters of one failure: its end says most


class Suite:
    """The outcome of one test program."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.seconds = 0.0
        self.failures = []  # (test, output)
        self.skips = []  # (test, reason)
        self.notes = []  # lines that a test wants seen even when it passed: a seed, a count

    def line(self):
        counts = f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped"
        return f"{'FAILED' if self.failures else 'ok':6} {self.name:24} {counts:42} {self.seconds:7.1f} s"


test_servers = {}  # JWTD_TEST_POSTGRESQL and the like, while the servers run


def environment(program=None):
    env = dict(os.environ)
    if program is not None:
        if program.name.startswith(("store_", "limit_")):
            env.update(test_servers)
        else:  # there it would be a setting that jwtd does not know
            env.pop("JWTD_REQUIRE_ALL", None)
    env["JWTD_VECTORS"] = str((ROOT / env.get("JWTD_VECTORS", "../shared/vectors")).resolve())
    # Not detect_stack_use_after_return: g++ 12's fake stack does not keep alignas(64).
    env.setdefault("ASAN_OPTIONS", "check_initialization_order=1:strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    return env


def run(command, seconds, **options):
    """(exit code, output) of a command that may hang; the code is None when it did."""
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment(command[0] if isinstance(command[0], pathlib.Path) else None), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False, **options)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode(errors="replace") + f"\n(stopped after {seconds} s)"


def take_report(report, suite):
    """Adds the cases of a JUnit report, as GoogleTest and pytest write it; a program that died early has left none."""
    for case in ElementTree.parse(report).getroot().iter("testcase") if report.exists() else []:
        test = f"{case.get('classname')}.{case.get('name')}"
        parts = "".join(part.text or "" for part in case if part.tag in ("system-out", "system-err"))
        captured = "\n".join(line for line in parts.splitlines() if line and not line.startswith("----"))
        suite.notes += [line for line in captured.splitlines() if line.startswith("NOTE ")]
        failures = [part for part in case if part.tag in ("failure", "error")]
        skipped = case.find("skipped")
        if failures:
            suite.failures.append((test, "\n".join(part.text or part.get("message", "") for part in failures) + "\n" + captured))
        elif skipped is not None:
            suite.skips.append((test, skipped.get("message", "no reason given").split("\n")[-1]))
        elif case.get("status") != "notrun":
            suite.passed += 1


def unit(program):
    suite = Suite(program.name)
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        code, output = run([program, f"--gtest_output=xml:{report}", "--gtest_brief=1"], UNIT_SECONDS)
        take_report(report, suite)
    # A sanitizer's report at the end, a crash and a hang leave no failed case behind.
    if code != 0 and not suite.failures:
        suite.failures.append((f"{program.name} ended with {code}", output))
    elif not suite.passed and not suite.skips and not suite.failures:
        suite.failures.append((program.name, "no tests in it"))
    return suite


def replay(program):
    suite = Suite(program.name)
    code, output = run([program, ROOT / "tests" / "corpus" / program.name], UNIT_SECONDS)
    if code == 0:
        suite.passed = 1
    else:
        suite.failures.append((f"{program.name} ended with {code}", output))
    return suite


def pytest(name, target):
    suite = Suite(name)
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        options = ["-q", "-p", "no:cacheprovider", "--tb=short", "-o", "junit_logging=all", f"--junitxml={report}"]
        code, output = run(["/usr/bin/python3", "-m", "pytest", *options, target], PYTEST_SECONDS)
        take_report(report, suite)
    if code != 0 and not suite.failures:
        suite.failures.append((f"{name} ended with {code}", output))
    return suite


def timed(function, *arguments):
    start = time.monotonic()
    suite = function(*arguments)
    suite.seconds = time.monotonic() - start
    print(suite.line(), flush=True)
    return suite


def programs(folder, ending):
    return sorted(p for p in folder.glob(f"*{ending}") if p.is_file() and os.access(p, os.X_OK))


def units_and_replays():
    tests = programs(BUILD / "test", "_test")
    fuzzers = programs(BUILD / "fuzz", "_fuzz")
    if not tests:
        missing = Suite("unit tests")
        missing.failures.append(("unit tests", f"none in {BUILD / 'test'}: run script/test, which builds them"))
        return [missing]
    jobs = [(unit, p) for p in tests] + [(replay, p) for p in fuzzers]
    with contextlib.ExitStack() as stack:
        variables, missing = server.start_for_programs(stack)
        test_servers.update(variables)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            suites = list(pool.map(lambda job: timed(*job), jobs))
        test_servers.clear()
    wanted = {kind: why for kind, why in missing.items() if not isinstance(why, server.NotWanted)}
    if wanted and os.environ.get("JWTD_REQUIRE_ALL") == "1":
        required = Suite("servers")
        required.failures = [(kind, f"{why}; JWTD_REQUIRE_ALL=1 wants it") for kind, why in wanted.items()]
        suites.append(required)
    return suites


def sum_up(suites):
    for suite in suites:
        for test, output in suite.failures:
            print(f"\n--- FAILED {suite.name}: {test}\n{output.rstrip()[-MAX_OUTPUT:]}")
    for note in (note for suite in suites for note in suite.notes):
        print(note)
    skips = {}
    for suite in suites:
        for test, reason in suite.skips:
            skips.setdefault((suite.name, reason), []).append(test)
    for (name, reason), tests in skips.items():
        print(f"skipped in {name}: {tests[0]}{f' and {len(tests) - 1} more' if len(tests) > 1 else ''}: {reason}")
    passed = sum(suite.passed for suite in suites)
    failed = sum(len(suite.failures) for suite in suites)
    skipped = sum(len(suite.skips) for suite in suites)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["unit", "layers", "e2e"], help="one suite instead of all")
    only = parser.parse_args().only
    suites = []
    if only in (None, "layers"):
        suites.append(timed(pytest, "layers", "tests/layers_test.py"))
        suites.append(timed(pytest, "docs", "tests/docs_test.py"))
    if only in (None, "unit"):
        suites += units_and_replays()
    if only in (None, "e2e"):
        suites.append(timed(pytest, "e2e", "tests/e2e"))
    return sum_up(suites)


if __name__ == "__main__":
    sys.exit(main())
