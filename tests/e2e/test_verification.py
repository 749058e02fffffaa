"""Verification, introspection, revocation and one-time use on the real binary; Authlib (PyPI) as somebody else's OAuth client, PyJWT as second opinion."""

import base64
import fcntl
import hashlib
import http.client
import json
import os
import pathlib
import subprocess
import threading

import jwt
import pytest

import nodejs
import wanted
from harness import CUSTOMER, GOLDEN, KEY_OCTETS, KEY_TEXT, PHONE, Server, ask, is_problem, jwtd

PACKAGES = ("Authlib==1.3.2", "requests==2.32.3")

# What a resource server and an OAuth client do with Authlib: RFC 7009 and RFC 7662 s2.1 by its own client class.
CLIENT = """
import json, sys
from authlib.integrations.requests_client import OAuth2Session
job = json.load(sys.stdin)
session = OAuth2Session(job["name"], job["key"], token_endpoint_auth_method="client_secret_basic", revocation_endpoint_auth_method="client_secret_basic")
call = {"introspect": session.introspect_token, "revoke": session.revoke_token}[job["verb"]]
answer = call(job["url"], token=job["token"], token_type_hint="access_token")
print(json.dumps([answer.status_code, answer.json(), dict(answer.headers)]))
"""


def authlib_python(caches):
    """A Python that has Authlib: the virtual environment is made once and kept."""
    folder = caches / "jwtd" / ("authlib-" + hashlib.sha256("\n".join(PACKAGES).encode()).hexdigest()[:12])
    python, done = folder / "bin" / "python", folder / "jwtd-complete"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            try:
                quiet = {"check": True, "stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 300}
                subprocess.run(["/usr/bin/python3", "-m", "venv", folder], **quiet)
                subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], **quiet)
            except (OSError, subprocess.SubprocessError) as failure:
                wanted.missing(f"Authlib cannot be had (PyPI, python3-venv): {failure}")
            done.touch()
    return python


@pytest.fixture(scope="module")
def authlib():
    """Calls an endpoint with Authlib's OAuth2Session."""
    python = authlib_python(pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"))

    def call(server, verb, name, key, token):
        host, port = server.admin
        job = {"verb": verb, "url": f"http://{host}:{port}/v1/{verb}", "name": name, "key": key, "token": token}
        answer = subprocess.run([python, "-c", CLIENT], input=json.dumps(job), text=True, capture_output=True, timeout=60, check=False)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return call


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("judge")).durable
    for name, scopes in {"backend": "verify", "support": "verify,verify:explain", "auditor": "verify,verify:explain,read:pii,read", "security": "revoke"}.items():
        server.add_caller(name, scopes)
    with server:
        yield server


def post(server, path, caller, body, content_type="application/json"):
    fields = {"Authorization": f"Bearer {server.caller_keys[caller]}", "Content-Type": content_type}
    return ask(http.client.HTTPConnection(*server.admin, timeout=60), "POST", path, fields, body)


def verify(server, token, caller="backend"):
    answer = post(server, "/v1/verify", caller, json.dumps({"token": token}))
    assert answer.status == 200, answer
    return answer.json


def mint(server, xid, phone=PHONE):
    return server.get(f"/v1/token/{phone}/{xid}").text


def forged(token):
    head, claims, signature = token.split(".")
    return ".".join([head, claims, ("A" if signature[0] != "A" else "B") + signature[1:]])


def test_verify_and_pyjwt_agree(judge):
    token = mint(judge, "agreed")
    changed = jwt.encode({"iss": CUSTOMER, "iat": 1500000000, "exp": 1500000090, "phn": PHONE, "xid": "agreed"}, KEY_OCTETS)
    undecoded = jwt.encode(jwt.decode(token, KEY_OCTETS, algorithms=["HS256"]), KEY_TEXT)
    for one in (token, forged(token), changed, undecoded, GOLDEN, "x"):
        try:
            jwt.decode(one, KEY_OCTETS, algorithms=["HS256"], issuer=CUSTOMER)
            good = True
        except jwt.InvalidTokenError:
            good = False
        assert verify(judge, one)["valid"] == good, one
    assert not verify(judge, token + "=")["valid"], "PyJWT overlooks padding; to us one token has one text (RFC 7515 s2)"


def test_a_rightly_signed_token_that_is_not_on_record_is_not_valid(judge):
    token = mint(judge, "recorded")
    claims = jwt.decode(token, KEY_OCTETS, algorithms=["HS256"])
    assert verify(judge, jwt.encode({**claims, "xid": "never-minted"}, KEY_OCTETS)) == {"valid": False, "reason": "The token is not on record"}


def test_an_explanation_names_the_undecoded_key_and_hides_the_phone_number(judge):
    token = mint(judge, "explained")
    verdict = verify(judge, token, "support")
    assert verdict["valid"] and all(check["passed"] for check in verdict["checks"]) and verdict["claims"]["phn"] == "*******4567"
    assert verify(judge, token, "auditor")["claims"]["phn"] == PHONE
    undecoded = jwt.encode(jwt.decode(token, KEY_OCTETS, algorithms=["HS256"]), KEY_TEXT)
    verdict = verify(judge, undecoded, "support")
    key = next(check for check in verdict["checks"] if check["check"] == "key")
    assert key["passed"] is False and "if it is not base64-decoded" in key["detail"] and PHONE not in json.dumps(verdict)
    offline = jwtd("token", "verify", "--key", judge.key_file, "--issuer", CUSTOMER, "-o", "json", undecoded)
    assert offline.returncode == 1
    assert [check["detail"] for check in json.loads(offline.stdout)["checks"] if check["check"] == "key"] == [key["detail"]], "one engine"


def test_the_first_verification_by_each_caller_is_in_the_timeline(judge):
    token = mint(judge, "watched")
    for caller in ("backend", "backend", "support", "backend"):
        assert verify(judge, token, caller)["valid"]
    events = judge.admin_get("/v1/transactions/watched", judge.caller_keys["auditor"]).json["events"]
    assert [event["type"] for event in events if event["type"] == "verified"] == ["verified", "verified"]


OAUTH4WEBAPI = """
import * as oauth from 'oauth4webapi';
const { url, name, key, token, revoked } = JSON.parse(await new Response(process.stdin).text());
const server = { issuer: url, introspection_endpoint: url + '/v1/introspect', revocation_endpoint: url + '/v1/revoke' };
const client = { client_id: name }, plain = { [oauth.allowInsecureRequests]: true };
const told = async (use) => {
  try { return await use(); } catch (failure) { return { error: failure.error ?? String(failure), status: failure.status ?? failure.cause?.status }; }
};
console.log(JSON.stringify(await told(async () => {
  if (revoked) return (await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, oauth.ClientSecretBasic(key), token, plain))) ?? {};
  return await oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, oauth.ClientSecretBasic(key), token, plain));
})));
"""


@pytest.mark.parametrize("all_wanted", [True, False])
def test_other_hands_that_cannot_be_had_are_missed_where_all_is_wanted(monkeypatch, tmp_path, all_wanted):
    monkeypatch.setenv("JWTD_REQUIRE_ALL", "1" if all_wanted else "0")
    monkeypatch.setattr(nodejs.shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: (_ for _ in ()).throw(OSError("no such program")))
    for need in (lambda: nodejs.need("oauth4webapi"), lambda: authlib_python(tmp_path)):
        with pytest.raises(pytest.fail.Exception if all_wanted else pytest.skip.Exception):
            need()


# It escapes '_', '-' and '.' of name and key (RFC 6749 s2.3.1), as few others do.
def test_oauth4webapi_introspects_and_revokes(judge):
    nodejs.need("oauth4webapi")
    token = mint(judge, "oauth4webapi")

    def ask_it(caller, key=None, revoked=False):
        question = {"url": "http://{}:{}".format(*judge.admin), "name": caller, "key": key or judge.caller_keys[caller], "token": token, "revoked": revoked}
        return nodejs.run(OAUTH4WEBAPI, question)

    answer = ask_it("backend")
    assert answer["active"] is True and answer["xid"] == "oauth4webapi" and answer["iss"] == CUSTOMER
    assert ask_it("backend", judge.caller_keys["security"])["status"] == 401
    assert ask_it("security", revoked=True) == {}
    assert ask_it("backend") == {"active": False}


def test_authlib_introspects_and_revokes(judge, authlib):
    token = mint(judge, "authlib")
    backend, security = judge.caller_keys["backend"], judge.caller_keys["security"]
    status, answer, _ = authlib(judge, "introspect", "backend", backend, token)
    assert status == 200 and answer["active"] is True and answer["xid"] == "authlib" and answer["iss"] == CUSTOMER and "phn" not in answer
    status, answer, _ = authlib(judge, "introspect", "backend", backend, forged(token))
    assert (status, answer) == (200, {"active": False})
    status, _, _ = authlib(judge, "revoke", "security", security, token)
    assert status == 200
    status, answer, _ = authlib(judge, "introspect", "backend", backend, token)
    assert (status, answer) == (200, {"active": False})
    status, answer, fields = authlib(judge, "introspect", "backend", security, token)
    assert status == 401 and answer["error"] == "invalid_client" and fields["WWW-Authenticate"].startswith("Basic")
    status, answer, _ = authlib(judge, "introspect", "security", security, token)
    assert status == 403 and answer["error"] == "insufficient_scope"


def test_revocations_by_phone_number_and_key(judge):
    phone = "15550002222"
    tokens = [mint(judge, f"phone-{n}", phone) for n in range(120)]
    assert post(judge, "/v1/revocations", "security", json.dumps({"phone_number": phone})).json == {"transactions": 120, "already_revoked": 0, "keys": 0}
    assert verify(judge, tokens[7])["reason"] == "The token was revoked"
    is_problem(judge.get(f"/v1/token/{phone}/phone-7"), 409, "transaction_closed")
    assert verify(judge, mint(judge, "phone-new", phone))["valid"], "what is minted afterwards is another matter"


def test_exactly_one_of_many_consumes(judge):
    mint(judge, "used")
    answers = []

    def use():
        answers.append(post(judge, "/v1/transactions/used/consume", "backend", ""))

    threads = [threading.Thread(target=use) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] + [409] * 23
    assert all(answer.status == 200 or is_problem(answer, 409, "transaction_consumed") for answer in answers)


def test_revoked_and_used_outlive_the_process(make_server):
    server = make_server("again").durable
    server.add_caller("all", "verify,revoke")
    server.start()
    revoked, used, keyed = mint(server, "a"), mint(server, "b"), mint(server, "c")
    assert post(server, "/v1/revocations", "all", '{"xid":"a"}').status == 200
    assert post(server, "/v1/transactions/b/consume", "all", "{}").status == 200
    assert verify(server, keyed, "all")["valid"]
    server.kill()
    server.start()
    assert verify(server, revoked, "all")["reason"] == "The token was revoked"
    assert verify(server, used, "all")["reason"] == "The token's transaction was used already"
    assert verify(server, keyed, "all")["valid"]


def test_basic_is_the_callers_name_and_key(judge):
    pair = base64.b64encode(f"backend:{judge.caller_keys['backend']}".encode()).decode()
    fields = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
    assert ask(http.client.HTTPConnection(*judge.admin), "POST", "/v1/verify", fields, '{"token":"x"}').json == {"valid": False, "reason": "This is not a compact JWS"}


def test_revoke_on_the_command_line(make_server, tmp_path):
    server = make_server("cli").durable
    server.add_caller("all", "verify,revoke")
    server.start()
    tokens = {xid: mint(server, xid, phone) for xid, phone in {"a": "15550003331", "b": "15550003332", "c": "15550003332", "d": PHONE}.items()}
    refused = jwtd("revoke", "--xid", "a", "--config", server.config)
    assert refused.returncode == 1 and "--key-file" in refused.stderr, "the folder belongs to the server"
    server.stop()
    assert jwtd("revoke", "--xid", "a", "--config", server.config).returncode == 0
    number = tmp_path / "number"
    number.write_text("15550003332\n")
    done = jwtd("revoke", "--phone-file", number, "--config", server.config, "-o", "json")
    assert json.loads(done.stdout) == {"transactions": 2, "already_revoked": 0, "keys": 0}, done.stderr
    assert jwtd("revoke", "--xid", "nobody", "--config", server.config).returncode == 1
    mistyped = jwtd("revoke", "--kid", "AAAAAAAAAAA", "--config", server.config, "-o", "json")
    assert mistyped.returncode == 0 and json.loads(mistyped.stdout)["kid_is"] == "unknown" and "warning: this is the id of neither" in mistyped.stderr
    for wrong in (["--xid", "a", "--kid", "AAAAAAAAAAA"], [], ["--kid", "short"], ["--phone", "12"]):
        assert jwtd("revoke", *wrong, "--config", server.config).returncode == 2
    server.start()
    assert {xid: verify(server, token, "all")["valid"] for xid, token in tokens.items()} == {"a": False, "b": False, "c": False, "d": True}


def test_revoke_by_token_in_a_store(make_server, tmp_path):
    server = make_server("by-token").durable
    server.add_caller("all", "verify,revoke")
    with server:
        token, other = mint(server, "a"), mint(server, "b")
    done = jwtd("revoke", "--token-file", "-", "--config", server.config, "-o", "json", stdin=token + "\n")
    assert json.loads(done.stdout) == {"transactions": 1, "already_revoked": 0, "keys": 0}, done.stderr
    file = tmp_path / "token"
    file.write_text(token)
    assert json.loads(jwtd("revoke", "--token-file", file, "--config", server.config, "-o", "json").stdout)["already_revoked"] == 1
    not_ours = jwtd("revoke", "--token-file", "-", "--config", server.config, stdin=forged(other))
    assert not_ours.returncode == 1 and other[:20] not in not_ours.stderr
    for wrong in (["--token-file", "-", "--store", f"rocksdb://{server.folder}/db"], ["--token-file", tmp_path / "none", "--config", server.config], ["--token-file", "-"]):
        refused = jwtd("revoke", *wrong, stdin=token)
        assert refused.returncode == 2 and token not in refused.stderr, wrong
    assert jwtd("revoke", "--token-file", "-", "--config", server.config, stdin=f"{token}\n{other}\n").returncode == 2, "one at a time"
    server.start()
    assert (verify(server, token, "all")["valid"], verify(server, other, "all")["valid"]) == (False, True)


def test_revoke_through_a_running_server(make_server, tmp_path):
    server = make_server("asked").durable
    server.add_caller("all", "verify,verify:explain,revoke")
    reader = server.add_caller("reader", "read")
    server.start()
    key_file, wrong_key_file = tmp_path / "caller_key", tmp_path / "reader_key"
    for file, key in ((key_file, server.caller_keys["all"]), (wrong_key_file, reader)):
        file.write_text(key + "\n")
        file.chmod(0o600)
    admin = ("--admin", f"http://{server.admin[0]}:{server.admin[1]}", "--key-file", key_file, "-o", "json")
    phone = "15550004441"
    tokens = {xid: mint(server, xid, number) for xid, number in {"a": PHONE, "b": phone, "c": phone, "d": phone, "e": "15550004442", "f": "15550004443"}.items()}

    def revoked(*what, stdin=""):
        done = jwtd("revoke", *what, *admin, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert revoked("--xid", "a") == {"transactions": 1, "already_revoked": 0, "keys": 0}
    assert revoked("--token-file", "-", stdin=tokens["b"]) == {"transactions": 1, "already_revoked": 0, "keys": 0}
    assert revoked("--phone", "-", stdin=phone + "\n") == {"transactions": 2, "already_revoked": 1, "keys": 0}
    number = tmp_path / "number"
    number.write_text("15550004442\n")
    assert revoked("--phone-file", number)["transactions"] == 1
    assert {xid: verify(server, token, "all")["valid"] for xid, token in tokens.items()} == {"a": False, "b": False, "c": False, "d": False, "e": False, "f": True}
    kid = next(check["detail"] for check in verify(server, tokens["f"], "all")["checks"] if check["check"] == "key").split(", ")[1]
    assert revoked("--kid", kid) == {"transactions": 0, "already_revoked": 0, "keys": 1, "kid_is": "current"}
    mistyped = jwtd("revoke", "--kid", "AAAAAAAAAAA", *admin)
    assert mistyped.returncode == 0 and json.loads(mistyped.stdout)["kid_is"] == "unknown" and "warning: this is the id of neither" in mistyped.stderr
    assert not verify(server, tokens["f"], "all")["valid"]

    not_ours = jwtd("revoke", "--token-file", "-", *admin, stdin=forged(tokens["f"]))
    assert (not_ours.returncode, not_ours.stderr) == (1, "jwtd: The token is not one that this service signed.\n")
    assert jwtd("revoke", "--xid", "nobody", *admin).returncode == 1
    refused = jwtd("revoke", "--xid", "a", *admin[:2], "--key-file", wrong_key_file)
    assert refused.returncode == 1 and "scope" in refused.stderr.lower()
    for wrong in (["--config", server.config, "--key-file", key_file], ["--admin", "http://127.0.0.1:1"], ["--admin", "http://example.com", "--key-file", key_file]):
        assert jwtd("revoke", "--xid", "a", *wrong).returncode == 2, wrong
