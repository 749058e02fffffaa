"""Holds docs/API.md and docs/METRICS.md to the program: every error code with its status, every metric, and nothing that is not there."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
API = (ROOT / "docs" / "API.md").read_text()
METRICS = (ROOT / "docs" / "METRICS.md").read_text()

STATUS_OF_FAULT = {"InvalidArgument": 400, "Unauthenticated": 401, "PermissionDenied": 403, "NotFound": 404, "AlreadyExists": 409,
                   "RateLimited": 429, "Unavailable": 503, "DeadlineExceeded": 504, "Internal": 500}
CODE = re.compile(r'constexpr (?:Http)?Code \w+\{\s*\{?"(\w+)",\s*Fault::k(\w+),\s*"((?:[^"\\]|\\.)*)"(?:\s*"[^"]*")*\}(?:,\s*(\d+)\})?')

# A title that is a whole sentence may be shown to a client; the others end in a detail, for the command line and the log. Except:
NOT_IN_A_PROBLEM = {
    "caller_name_malformed",  # command line; ends in a full stop that it is about
    "draining",               # a reason in /readyz
}


def codes():
    """id -> (status, whether a client may see it), of every code in the program."""
    found = {}
    for header in sorted(SRC.rglob("*.h")):
        for code, fault, title, status in CODE.findall(header.read_text()):
            assert code not in found, f"{code} stands for two things"
            shown = title.endswith(".") and code not in NOT_IN_A_PROBLEM
            found[code] = (int(status) if status else STATUS_OF_FAULT[fault], shown)
    return found


def documented_codes():
    """id -> status, from the table at the end of API.md."""
    table = API[API.index("| status | `code` | meaning |"):]
    return {code: int(row[1]) for row in re.finditer(r"^\| (\d{3}) \| ([^|]*) \|", table, re.MULTILINE) for code in re.findall(r"`(\w+)`", row[2])}


def registered_metrics():
    text = "".join(path.read_text() for path in SRC.rglob("*.cc") if not path.name.endswith(("_test.cc", "_bench.cc")))
    return set(re.findall(r'"((?:jwtd|process)_[a-z_]+)",\s*"', text))


def documented_metrics():
    rows = [line.split("|")[1] for line in METRICS.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`((?:jwtd|process)_[a-z_]+)", row)}


def test_every_code_is_declared_in_a_way_this_test_understands():
    declared = sum(len(re.findall(r"constexpr (?:Http)?Code k", header.read_text())) for header in SRC.rglob("*.h"))
    assert len(codes()) == declared


def test_every_error_that_a_client_may_see_is_documented_with_its_status():
    assert {code: status for code, (status, shown) in codes().items() if shown} == documented_codes()


def test_errors_named_with_a_route_are_in_the_table():
    known = set(documented_codes()) | {"api_key_malformed", "draining"}
    for line in API.splitlines():
        if line.startswith("Refusals:"):
            assert set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", line)) <= known, line


def test_metrics_and_their_documentation_name_the_same():
    assert registered_metrics() == documented_metrics()


def test_the_documented_queries_use_metrics_that_there_are():
    queries = METRICS[METRICS.index("## Worth an alert"):]
    histogram = {f"jwtd_http_request_duration_seconds_{part}" for part in ("bucket", "sum", "count")}
    assert set(re.findall(r"\b(?:jwtd|process)_[a-z_]+", queries)) <= registered_metrics() | histogram
