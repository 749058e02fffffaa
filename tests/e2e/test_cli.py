"""The command line: golden bytes, exit codes, and what it never prints."""

import json
import re
import stat

import pytest

from harness import CUSTOMER, GOLDEN, KEY_TEXT, PHONE, Server, jwtd

XID = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def key(tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY_TEXT + "\n")
    file.chmod(0o600)
    return file


def issue(key, *options):
    return jwtd("token", "issue", "--key", key, "--issuer", CUSTOMER, *options)


def verify(key, *arguments, issuer=CUSTOMER, stdin=""):
    return jwtd("token", "verify", "--key", key, "--issuer", issuer, *arguments, stdin=stdin)


def test_the_golden_token_byte_for_byte(key):
    done = issue(key, "--at", 1500000010, "15555551234", XID)
    assert done.returncode == 0 and done.stdout == GOLDEN + "\n"


def test_the_golden_token_is_valid_within_its_time(key):
    done = verify(key, "--at", 1500000050, GOLDEN)
    assert done.returncode == 0 and done.stdout.startswith("valid")
    assert len(done.stdout.splitlines()) == 1


def test_an_expired_token_is_not_and_the_numbers_are_told(key):
    done = verify(key, "--at", 1500000091, GOLDEN)
    assert done.returncode == 1 and done.stdout.startswith("invalid") and "expired" in done.stdout
    assert "1500000090" in done.stdout or "1 s" in done.stdout


def test_verify_as_json(key):
    done = verify(key, "--at", 1500000050, "-o", "json", GOLDEN)
    verdict = json.loads(done.stdout)
    assert verdict["valid"] is True and verdict["iss"] == CUSTOMER and verdict["exp"] == 1500000090
    verdict = json.loads(verify(key, "-o", "json", GOLDEN).stdout)
    assert verdict["valid"] is False and verdict["check"]


def test_another_issuer_is_told(key):
    done = verify(key, "--at", 1500000050, GOLDEN, issuer="SOMEBODY-ELSE")
    assert done.returncode == 1 and "iss" in done.stdout


def test_the_classic_mistake_is_named(key):
    import jwt

    wrong = jwt.encode({"iss": CUSTOMER, "iat": 1500000000, "exp": 1500000090, "phn": PHONE, "xid": "a"}, KEY_TEXT, algorithm="HS256")
    done = verify(key, "--at", 1500000050, wrong)
    assert done.returncode == 1 and "base64" in done.stdout


def test_alg_none_is_never_valid(key):
    import jwt

    unsigned = jwt.encode({"iss": CUSTOMER, "iat": 1500000000, "exp": 1500000090}, None, algorithm="none")
    assert verify(key, "--at", 1500000050, unsigned).returncode == 1


def test_a_dash_takes_one_token_a_line_and_gives_one_verdict_a_line(key):
    broken = GOLDEN[:-1] + ("A" if GOLDEN[-1] != "A" else "B")
    done = verify(key, "--at", 1500000050, "-", stdin=f"{GOLDEN}\n{broken}\nnot-a-token\n{GOLDEN}\n")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["valid", "invalid", "invalid", "valid"]
    assert done.returncode == 1
    assert verify(key, "--at", 1500000050, "-", stdin=f"{GOLDEN}\n{GOLDEN}\n").returncode == 0


@pytest.mark.parametrize("arguments", [["token", "verify"], ["token", "verify", "--key", "/no/such", "--issuer", "x", GOLDEN], ["nonsense"], ["token"], [],
                                       ["serve"], ["token", "issue", "--issuer", "x", "15555551234"], ["caller", "add"]])
def test_wrong_usage_is_2(arguments):
    done = jwtd(*arguments)
    assert done.returncode == 2 and done.stderr, done


def test_inspect_shows_header_claims_and_dates(key):
    done = jwtd("token", "inspect", GOLDEN)
    assert done.returncode == 0
    for part in ("HS256", CUSTOMER, "2017-07-14", "15555551234"):
        assert part in done.stdout
    shown = json.loads(jwtd("token", "inspect", "-o", "json", GOLDEN).stdout)
    assert "1500000090" in json.dumps(shown)


@pytest.mark.parametrize("verb", [[], ["dev"], ["serve"], ["check-config"], ["keygen"], ["token"], ["token", "issue"], ["token", "inspect"], ["token", "verify"],
                                  ["caller"], ["caller", "add"], ["caller", "list"], ["caller", "remove"], ["version"]])
def test_help_everywhere(verb):
    done = jwtd(*verb, "--help")
    assert done.returncode == 0 and len(done.stdout) > 40 and done.stderr == ""


def test_the_exit_codes_are_documented():
    assert re.search(r"exit code", jwtd("--help").stdout, re.IGNORECASE)


def test_version():
    assert re.search(r"\d+\.\d+\.\d+", jwtd("version").stdout)
    json.loads(jwtd("version", "-o", "json").stdout)


def test_keygen_makes_a_key_that_serves(tmp_path):
    import base64

    done = jwtd("keygen")
    assert done.returncode == 0 and len(base64.b64decode(done.stdout, validate=False)) == 64
    assert jwtd("keygen").stdout != done.stdout


def test_keygen_into_a_file_never_overwrites(tmp_path):
    file = tmp_path / "api_key"
    done = jwtd("keygen", "--out", file)
    assert done.returncode == 0 and stat.S_IMODE(file.stat().st_mode) == 0o600
    made = file.read_text()
    assert made.strip() not in done.stdout + done.stderr
    assert jwtd("keygen", "--out", file).returncode == 1 and file.read_text() == made


# -- callers --------------------------------------------------------------------------------------------------------


def test_a_caller_key_is_printed_once_alone_on_a_line_and_only_hashed_in_the_file(tmp_path):
    server = Server(tmp_path / "s")
    done = jwtd("caller", "add", "billing", "--scope", "read,read:pii,mint", "--config", server.config)
    assert done.returncode == 0
    assert re.fullmatch(r"jwtd_[\w-]{43}\n", done.stdout)
    key = done.stdout.strip()
    assert key not in done.stderr
    stored = server.callers_file.read_text()
    assert key not in stored and key[5:] not in stored and "billing" in stored
    assert stat.S_IMODE(server.callers_file.stat().st_mode) == 0o600
    listed = jwtd("caller", "list", "--config", server.config)
    assert "billing" in listed.stdout and "read:pii" in listed.stdout and key not in listed.stdout
    assert jwtd("caller", "add", "billing", "--scope", "read", "--config", server.config).returncode == 1
    assert jwtd("caller", "remove", "billing", "--config", server.config).returncode == 0
    assert "billing" not in jwtd("caller", "list", "--config", server.config).stdout
    assert jwtd("caller", "remove", "billing", "--config", server.config).returncode == 1


def test_callers_as_json(tmp_path):
    server = Server(tmp_path / "s")
    server.add_caller("one", "read")
    assert "one" in json.dumps(json.loads(jwtd("caller", "list", "--config", server.config, "-o", "json").stdout))


def test_an_unknown_scope_is_refused(tmp_path):
    server = Server(tmp_path / "s")
    done = jwtd("caller", "add", "x", "--scope", "root", "--config", server.config)
    assert done.returncode != 0 and "read:pii" in done.stderr and done.stdout == ""
    assert not server.callers_file.exists() or "root" not in server.callers_file.read_text()


# -- check-config ---------------------------------------------------------------------------------------------------


def test_check_config(tmp_path):
    server = Server(tmp_path / "s")
    assert jwtd("check-config", server.config).returncode == 0
    server.settings |= {"issuer.lifetme": "90s", "listen.public": "nowhere"}
    server.write_config()
    done = jwtd("check-config", server.config)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert "lifetme" in said and "lifetime" in said and "public" in said
    assert len(re.findall(rf"{re.escape(str(server.config))}:\d+", said)) >= 2


@pytest.mark.parametrize("name", ["jwtd.toml", "jwtd.full.toml", "tutorial.toml"])
def test_the_shipped_configurations_are_understood(name, tmp_path):
    from harness import ROOT

    text = (ROOT / "conf" / name).read_text()
    copy = tmp_path / name
    copy.write_text(text + "\n[nonsense]\n")
    said = jwtd("check-config", copy)
    said = said.stdout + said.stderr
    assert "nonsense" in said
    others = [line for line in said.splitlines() if re.search(rf"{re.escape(str(copy))}:\d+", line) and "nonsense" not in line and ": warning: " not in line]
    assert others == [], "the only problem with keys and values is the one that was added"


