"""`jwtd dev`: one command to a first token."""

import re
import signal
import stat
import subprocess

import pytest

import harness


def free_ports():
    return ["--port", "0", "--admin-port", "0"]


TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def pasted(printed, part, nth=0):
    """Runs the printed line that has `part` in it, as a shell would; returns what that printed."""
    lines = [text.strip() for text in printed.splitlines() if text.strip().startswith("curl") and part in text]
    done = subprocess.run(["bash", "-o", "pipefail", "-c", lines[nth]], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (lines[nth], done)
    return done.stdout


@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["http", "https"])
def test_the_printed_lines_work_when_pasted(dev, options):
    _, printed = dev(*free_ports(), *options)
    assert TOKEN.fullmatch(pasted(printed, "/v1/token/"))
    assert pasted(printed, "token verify").startswith("valid")
    assert TOKEN.search(pasted(printed, "/v1/tokens"))
    assert TOKEN.search(pasted(printed, "/v1/transactions/")), "the caller `dev` sees everything"
    assert pasted(printed, "?phone_number=").count('"token":"eyJ') == 3
    assert '"ok"' in pasted(printed, "/readyz") and "jwtd_" in pasted(printed, "/metrics")


def test_browsers_are_not_told_to_use_https_on_localhost_for_years(dev):
    _, printed = dev(*free_ports(), "--tls")
    ping = re.search(r"https://[\d.:]+", printed)[0] + "/ping"
    head = subprocess.run(["curl", "-sk", "-D", "-", ping], capture_output=True, text=True, timeout=60, check=True).stdout
    assert head.startswith("HTTP/1.1 200") and "strict-transport" not in head.lower(), head


def test_it_says_that_it_is_not_for_production(dev):
    _, printed = dev(*free_ports())
    assert "not for production" in printed.lower()


def test_what_it_makes_is_kept_and_private(dev, tmp_path):
    process, printed = dev(*free_ports())
    first = pasted(printed, "/v1/token/")
    pasted(printed, "token verify")  # makes the transaction that is looked up below
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    secrets = [p for p in tmp_path.rglob("*") if p.is_file() and ("key" in p.name) and not p.name.endswith((".crt", ".sst", ".log"))]
    assert secrets, list(tmp_path.rglob("*"))
    for file in secrets:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    _, again = dev(*free_ports())
    key = next(p for p in secrets if "api" in p.name)
    done = harness.jwtd("token", "verify", "--key", key, "--issuer", harness.claims_of(first)["iss"], first)
    assert done.returncode == 0, done
    assert "my-first-transaction" in pasted(again, "/v1/transactions/")


def test_the_default_addresses_are_loopback():
    said = harness.jwtd("dev", "--help").stdout
    assert "8080" in said and "8081" in said and "127.0.0.1" in said


@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["http", "https"])
def test_the_flow_with_the_sandbox_works_when_pasted(dev, options):
    _, printed = dev(*free_ports(), "--sandbox", "--sandbox-port", "0", *options)
    printed = printed[printed.index("The whole flow"):]
    lines = [text.strip() for text in printed.splitlines() if text.startswith("  ")][:5]
    # Between finalize and the look at the transaction a person takes longer than the callback does.
    script = "\n".join([*lines[:3], f"for i in $(seq 600); do R=$({lines[3]}); case \"$R\" in *'\"callback\"'*) break;; esac; sleep 0.1; done; echo \"$R\"", lines[4]])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done
    token, initiate_id, *rest = done.stdout.splitlines()
    assert TOKEN.fullmatch(token) and re.fullmatch("[0-9A-F]{32}", initiate_id), done
    assert '"code":2401' in "".join(rest) and '"type":"callback"' in "".join(rest) and '"state":"success"' in rest[-1], done
