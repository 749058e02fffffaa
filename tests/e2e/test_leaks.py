"""A full run in which everything is used, and then a search: no phone number, token or key stands in anything that jwtd printed, logged or showed without
being asked for it, nor on disk outside the store. Each function below is a part of the run."""

import base64
import hashlib
import itertools
import json
import re
import socket

import pytest

import harness
import wire
from harness import wait_until
from leaks import PERSONAL, XID, Run
from operator_url import OperatorUrl
from provider import StubProvider
from sandbox import CODE, post
from test_callbacks import fields_of, report, send
from test_dev import free_ports

PHONE = "15557308642"  # no digits in a row that a time or a port could have
XID_PHONE = "15559164038"  # of somebody who takes phone numbers for transaction ids
ALL_SCOPES = "mint,read,read:pii,verify,verify:explain,revoke,callbacks,admin"
FORM = "application/x-www-form-urlencoded"
FORMER_KEY = hashlib.sha512(b"the former API key").digest()
WEBHOOK_KEY = hashlib.sha256(b"the webhook secret").digest()
WEBHOOK_SECRET = "whsec_" + base64.b64encode(WEBHOOK_KEY).decode()
ATTEMPTS = 36  # of a delivery before it is given up
LONGEST_PAUSE = 3600  # between two of them


class Operator(OperatorUrl):
    """Answers deliveries as it is told: a status, or "cut"; `outcome` gets the XID. What reaches it may name the phone number, as the provider does."""

    def __init__(self, run, outcome):
        self.run, self.outcome, self.attempts = run, outcome, []
        super().__init__()
        self.server.handle_error = lambda *_: None  # of connections that are cut

    def received(self, fields, body):
        self.run.show("what the operator's URL got", str(fields) + body.decode(), XID | {"phone"})
        xid = json.loads(body)["data"]["xid"]
        outcome = self.outcome(xid)
        self.attempts.append((xid, outcome))
        if outcome == "cut":
            raise ConnectionError("as told")
        return outcome

    def got(self, xid, outcome=200):
        return wait_until(lambda: self.attempts.count((xid, outcome)), 60, f"the delivery of {xid} answered {outcome}")


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    run.keep_phone(PHONE)
    run.keep("xid", "phone number that is an XID", XID_PHONE[1:])
    run.keep_octets("API key", harness.KEY_OCTETS)
    run.keep_octets("former API key", FORMER_KEY)
    run.keep_octets("webhook secret", WEBHOOK_KEY)
    return run


def make(run, make_server, name="server", callers=True, **options):
    """A server under the run's eyes, with two callers: one may see everything, one may see only what is masked."""
    server = run.watch(make_server(name, **options).durable)
    server.settings |= {"log.level": "debug", "log.requests": "all", "issuer.lifetime": "1h"}  # the life of a token: longer than a run on the slowest machine
    server.write_config()
    server.full = run.keep_caller("full", server.add_caller("full", ALL_SCOPES))
    server.masked = run.keep_caller("masked", server.add_caller("masked", "read,verify,callbacks"))
    return server


def ask(run, server, method, path, body=None, content_type="application/json"):
    """Asked by both callers; the answer to the one who may see everything."""
    run.show_answer(f"{method} {path} without read:pii", server.admin_request(method, path, server.masked, body, content_type), XID)
    return run.show_answer(f"{method} {path} with read:pii", server.admin_request(method, path, server.full, body, content_type), PERSONAL)


def mint(run, server, xid, phone=PHONE):
    answer = server.get(f"/v1/token/{phone}/{xid}")
    assert answer.status == 200, answer
    run.show(f"the fields of the answer with the token of {xid}", str(answer.fields), XID)
    return run.keep_token(f"token of {xid}", answer.text)


def forwarding_to(run, operator):
    secret = run.file("webhook_secret", WEBHOOK_SECRET, {"key"})
    return {"callbacks.forward_to": operator.url, "callbacks.forward_secret_file": secret}


# -- the server -------------------------------------------------------------------------------------------------------


def begin_with_the_former_key(run, server):
    """The API key is changed, and what the former one signed still counts."""
    key_text = server.key_file.read_text()
    server.key_file.write_text(base64.b64encode(FORMER_KEY).decode())
    server.start()
    token = mint(run, server, "former-1")
    assert server.stop() == 0
    server.key_file.write_text(key_text)
    server.settings["issuer.previous_api_key_file"] = run.file("former_key", base64.b64encode(FORMER_KEY).decode(), {"key"})
    server.write_config()
    server.start()
    verdict = ask(run, server, "POST", "/v1/verify", json.dumps({"token": token})).json
    assert verdict["valid"], verdict
    body = report("F1", 2400, "former-1", phone_number=PHONE)
    assert send(server, body, fields_of(body, FORMER_KEY)).status == 200
    return token


def mint_in_every_way(run, server):
    tokens = [mint(run, server, f"leak-{number}") for number in range(5)]
    posted = server.request("POST", "/v1/tokens", {"Content-Type": "application/json"}, json.dumps({"phone_number": PHONE}))
    assert posted.status == 201
    tokens.append(run.keep_token("posted token", posted.json["token"]))
    return tokens


def report_back(run, server):
    """Callbacks that are good, stray, and not the provider's."""
    final = report("R1", 2401, "leak-0", phone_number=PHONE)
    contradicting = report("R1", 2402, "leak-0", second=9, phone_number=PHONE)
    for body in (final, final, contradicting, report("R2", 2401, phone_number=PHONE)):
        assert run.show_answer("the answer to a callback", send(server, body)).status == 200
    server.wait_for_event("status_contradicted")
    refused = [send(server, final[:-1]), send(server, final, fields_of(final, b"k" * 61)), send(server, final, {"Content-Type": "application/json"}),
               send(server, body := b'{"x":"' + PHONE.encode() + b'"', fields_of(body))]
    for answer in refused:
        assert 400 <= run.show_answer("the answer to a callback that is none", answer).status < 500


def look_up(run, server):
    for path in ("/v1/transactions/leak-0", f"/v1/transactions?phone_number={PHONE}", "/v1/transactions/leak-0/status", "/v1/transactions/former-1"):
        assert ask(run, server, "GET", path).status == 200
    for path in ("/v1/callbacks?unmatched=1", "/v1/callbacks/outbox", "/v1/callbacks/dead"):
        assert ask(run, server, "GET", path).status == 200


def judge(run, server, tokens):
    for token in (tokens[0], tokens[1] + "x", tokens[1][:-1], tokens[1].replace(".", ".x", 1), "not.a.token"):
        assert ask(run, server, "POST", "/v1/verify", json.dumps({"token": token})).status == 200
        assert ask(run, server, "POST", "/v1/introspect", f"token={token}", FORM).status == 200
    for _ in range(2):
        ask(run, server, "POST", "/v1/transactions/leak-1/consume")
    ask(run, server, "POST", "/v1/revoke", f"token={tokens[2]}", FORM)
    run.show("the answer to who wants a token of what is closed", server.get(f"/v1/token/{PHONE}/leak-2").text)


def erase(run, server):
    ask(run, server, "POST", "/v1/revocations", json.dumps({"phone_number": PHONE}))
    assert ask(run, server, "DELETE", f"/v1/transactions?phone_number={PHONE}").json["transactions"] > 5
    assert ask(run, server, "GET", "/v1/transactions/leak-0").status == 404


# -- requests that are refused ------------------------------------------------------------------------------------------


def raw_requests(key, token):
    """Whole heads that hold what none of the answers may have."""
    lines = [f"CONNECT {PHONE}:443", f"CONNECT http://x/{PHONE}", f"GET http://{PHONE}/v1/token/{PHONE}/a%20b", f"GET http://x/v1/nowhere/{PHONE}/{token}",
             f"GET //{PHONE}", f"GET {PHONE}", f"{PHONE} /", f"GET /?phone={PHONE}", "GET /" + PHONE * 800, f"GET /metrics?{PHONE}",
             f"GET /v1/token/{PHONE}%zz", f"GET /v1/token/{PHONE}%2F", f"GET /v1/token/{PHONE}/{PHONE}/{PHONE}", f"GET /v1/token/{PHONE}{PHONE}", f"GET /v1/token/{token}",
             f"DELETE /v1/token/{PHONE}", f"OPTIONS /v1/token/{PHONE}", f"TRACE /v1/token/{PHONE}",
             f"GET /v1/transactions/{token}", f"GET /v1/transactions?phone_number={PHONE}x", f"GET /v1/transactions?phone_number={PHONE}&{PHONE}=1",
             f"DELETE /v1/transactions?phone_number={PHONE}", f"GET /v1/callbacks?phone_number={PHONE}"]
    basic = base64.b64encode(f"full:{key}x".encode()).decode()
    fields = [PHONE, f"Content-Length: {PHONE}{PHONE}", f"Transfer-Encoding: {PHONE}", f"Expect: {PHONE}", f"Connection: {PHONE}",
              "\r\n".join(f"a{n}: {PHONE}" for n in range(110)),
              f"X-Request-Id: {token}", f"X-Request-Id: {PHONE};",  # too long, and a character that it may not have: others are given back and logged, as docs/API.md says
              f"Authorization: Bearer {token}", f"Authorization: {key}", f"Authorization: Basic {basic}", f"Cookie: {key}",
              f"Referer: http://x/{PHONE}", f"User-Agent: {PHONE}", f"X-Forwarded-For: {PHONE}"]
    heads = [f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close" for line in lines]
    heads += [f"GET /{PHONE} HTTP/{PHONE}", f"GET / HTTP/1.1\r\nHost: {PHONE}/"]
    for path in ("v1/tokens", "v1/revocations"):
        heads += [f"POST /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {PHONE}\r\nContent-Length: 0\r\n{field}" for field in fields]
    return [(head + "\r\n\r\n").encode() for head in heads]


def send_what_is_refused(run, server, token):
    """Problems, fields and the log of refusals, on both listeners; among them request targets that are no paths, and ids that are none."""
    refused = 0
    for listener in ("public", "admin"):
        for octets in raw_requests(server.full, token):
            outcome = wire.exchange(socket.create_connection(getattr(server, listener), timeout=60), octets)
            for reply in outcome.replies:
                refused += reply.status >= 400
                run.show(f"the {listener} listener's answer to {octets[:70]!r}", f"{reply.status} {reply.fields}".encode() + reply.body)
            run.show(f"what the {listener} listener said to {octets[:70]!r} besides", outcome.leftover)
    assert refused > 100, "most of them are refused with an answer"


def send_bodies_that_are_refused(run, server, token):
    body = json.dumps({"phone_number": PHONE, "xid": "a b", "token": token, "more": server.full})
    objects = [{"phone_number": PHONE + "x"}, {"phone_number": PHONE, "xid": f"{PHONE} "}, {"phone_number": PHONE, PHONE: PHONE},
               {"phone_number": "15550000000", "xid": "leak-0"}]
    for bad in (body, body[:-1], PHONE, token, *map(json.dumps, objects)):
        answer = server.request("POST", "/v1/tokens", {"Content-Type": "application/json"}, bad)
        assert run.show_answer(f"POST /v1/tokens {bad[:40]}", answer).status in (400, 409)
        for path in ("/v1/verify", "/v1/revocations", "/v1/callbacks/replay", "/v1/transactions/leak-3/consume"):
            assert ask(run, server, "POST", path, bad).status == 400
        for path in ("/v1/introspect", "/v1/revoke"):
            assert run.show_answer(f"POST {path} {bad[:40]}", server.admin_request("POST", path, server.full, bad + "&token=%zz", FORM)).status == 400
    for path in (f"/v1/token/{PHONE}x", f"/v1/token/{PHONE}/leak-0/more", "/v1/token/15550000000/leak-0"):
        assert run.show_answer(f"GET {path}", server.get(path)).status >= 400
    for key in (server.full[:-1], server.full + "x", token, PHONE * 200):
        assert run.show_answer("the answer to a wrong key", server.admin_get(f"/v1/transactions?phone_number={PHONE}", key)).status == 401


def reload_what_is_wrong(run, server):
    """A key where its hash belongs, at SIGHUP: the log says what is wrong and no more."""
    good = server.callers_file.read_text()
    for bad in (f'{good}\n[[caller]]\nname = "x"\nkey = "{server.full}"\n', f"{good}\n{server.full}\n", re.sub(r'(key_sha256 = )"\w+"', rf'\1"{server.full}"', good)):
        kept = len(server.events("callers_kept"))
        harness.replace(server.callers_file, bad)
        server.hang_up()
        server.wait_for_event("callers_kept", kept + 1)
    harness.replace(server.callers_file, good)


# -- callbacks on their way ---------------------------------------------------------------------------------------------


def caller_options(run, server, key):
    file = run.file(f"{server.folder.name}_{key}", getattr(server, key), {"key"})
    return ["--admin", "http://{}:{}".format(*server.admin), "--key-file", file]


def list_callbacks(run, server, xid, *options):
    """The queue by the command line, for both callers; bodies are for who has read:pii."""
    for key, may_print in (("masked", XID), ("full", PERSONAL)):
        listed = run.verb("callbacks", "list", *options, "-o", "json", *caller_options(run, server, key), may_print=may_print)
        assert listed.returncode == 0 and xid in listed.stdout and (PHONE in listed.stdout) == (key == "full"), listed
        assert xid in run.verb("callbacks", "list", *options, *caller_options(run, server, key), may_print=XID).stdout


def fail_to_forward(run, server, operator):
    """One delivery is refused, one is cut, one arrives; those that wait are listed."""
    for xid in ("refused", "cut", "taken"):
        mint(run, server, xid)
        assert send(server, report(f"D-{xid}", 2401, xid, phone_number=PHONE)).status == 200
    operator.got("refused", 500), operator.got("cut", "cut"), operator.got("taken")
    server.wait_for_event("forward", 2)
    list_callbacks(run, server, "refused")
    assert run.verb("callbacks", "replay", *caller_options(run, server, "masked")).stdout == "replayed 0\n"


def wait_until_given_up(server, operator, clock):
    """The clock goes on by the longest pause, and another callback has what is due looked for, until there were attempts enough."""
    turn = 0
    while sum(xid == "stubborn" for xid, _ in operator.attempts) < ATTEMPTS:
        turn += 1
        assert turn < 2 * ATTEMPTS, "one turn makes one attempt, but for those whose pause began after the clock was turned"
        clock.set(turn * (LONGEST_PAUSE + 1))
        assert send(server, report(f"W{turn}", 2400, "waker")).status == 200
        wait_until(lambda n=turn: operator.attempts.count(("waker", 200)) >= n, 60, f"delivery {turn}")
    server.said("a callback was given up")


def flow_with_the_sandbox(run, server, sandbox):
    """`jwtd sandbox` is the provider of an app: what it prints is for a person's eyes, without the person's number."""
    provider = sandbox("--callback-url", "http://{}:{}/v1/callbacks/telesign".format(*server.public), "--copies", "2")
    run.keepers[provider.out.with_name("sandbox_key")] = {"key"}
    run.show_process("jwtd sandbox", provider.process)
    token = mint(run, server, "flow-1")
    begun = post(provider.url + "/v1/mobile/verification", jwt=token, phone_number=PHONE)
    for jwt, phone in ((token + "x", PHONE), (token, "15550000000"), (token, PHONE + "x"), (PHONE, "")):
        run.show("the sandbox's refusal", json.dumps(post(provider.url + "/v1/mobile/verification", jwt=jwt, phone_number=phone)))
    post(provider.url + "/v1/mobile/verification/finalize", initiate_id=begun["initiate_id"], verification_code="00000" + CODE)
    post(provider.url + "/v1/mobile/verification/finalize", initiate_id=PHONE, verification_code=CODE)
    for kind in ("duplicate", "late", "contradiction", "forged", "unsigned", "unmatched", PHONE, "other_customer"):
        run.show(f"the sandbox's answer to the order {kind}", json.dumps(post(provider.url + "/sandbox/callbacks", xid="flow-1", kind=kind)))
    provider.said("callback other_customer for flow-1: answered 401")
    return provider


# -- the provider ---------------------------------------------------------------------------------------------------------


def ask_the_provider(run, server, xids):
    """{xid: status of the answer} of ?refresh=1, of tokens that are minted for it."""
    statuses = {}
    for xid in xids:
        mint(run, server, xid)
        statuses[xid] = ask(run, server, "GET", f"/v1/transactions/{xid}/status?refresh=1").status
    return statuses


def provider_that_misbehaves(run, make_server, auth):
    """Good answers, refusals, HTML, and nobody there, under one of the two ways of authorization."""
    folder = run.folder / f"provider-{auth}"
    folder.mkdir()
    stub = StubProvider(folder)
    server = make(run, make_server, auth, settings={"telesign.url": stub.url, "telesign.auth": auth, "telesign.cache": "0s"}).start()
    expected = dict.fromkeys(["html", "e500", "suspended", "redirect", "cut", "garbage", "large-head", "twice"], 503) | {"good-1": 200, "clock-once": 200, "unknown": 404}
    assert ask_the_provider(run, server, expected) == expected
    stub.close()
    assert ask_the_provider(run, server, ["down-1"]) == {"down-1": 503}
    run.finish(server)


def provider_that_is_the_sandbox(run, make_server, provider):
    """Digest and Basic authorization against `jwtd sandbox`; with another key than its own it refuses."""
    for auth in ("digest", "basic"):
        server = make(run, make_server, f"sandbox-{auth}", settings={"telesign.url": provider.url, "telesign.auth": auth, "telesign.cache": "0s"}).start()
        assert ask_the_provider(run, server, ["never-begun"]) == {"never-begun": 404}
        post(provider.url + "/v1/mobile/verification", jwt=mint(run, server, f"asked-{auth}"), phone_number=PHONE)
        assert ask_the_provider(run, server, [f"asked-{auth}"]) == {f"asked-{auth}": 200}
        run.finish(server)
        server.key_file.write_text(base64.b64encode(FORMER_KEY).decode())
        server.start()
        assert ask_the_provider(run, server, ["other-key"]) == {"other-key": 503}
        run.finish(server)
    provider.said("refused: Invalid signature")


# -- the command line ---------------------------------------------------------------------------------------------------


def verbs_for_tokens(run, server, tokens):
    """Claims are shown by `token inspect` and a token by `token issue`, as they are asked to; their errors, and `token verify`, show neither."""
    key = ["--key", server.key_file, "--issuer", harness.CUSTOMER]
    former = ["--key", server.settings["issuer.previous_api_key_file"], "--issuer", harness.CUSTOMER]
    issued = run.verb("token", "issue", "--lifetime", "1h", *key, PHONE, "issued-1", may_print=PERSONAL)
    assert issued.returncode == 0
    token = run.keep_token("issued token", issued.stdout.strip())
    run.keep_token("second issued token", json.loads(run.verb("token", "issue", "-o", "json", *key, PHONE, may_print=PERSONAL).stdout)["token"])
    for output in ("text", "json"):
        assert run.verb("token", "inspect", "-o", output, token, may_print={"phone"}).returncode == 0
        for bad in (token + ".x", "." + token, server.full, PHONE, harness.KEY_TEXT):
            assert run.verb("token", "inspect", "-o", output, bad).returncode != 0, bad
        assert run.verb("token", "verify", "-o", output, *key, token).returncode == 0
        assert run.verb("token", "verify", "-o", output, *key, "--previous-key", former[1], tokens["former"]).returncode == 0
        for wrong in (["--at", "1500000000", token], ["--at", "4000000000", token], [token + "x"], [token[:-2]], [token.replace(".", ".x", 1)],
                      [PHONE], [server.full], [harness.KEY_TEXT]):
            assert run.verb("token", "verify", "-o", output, *key, *wrong).returncode == 1, wrong
        assert run.verb("token", "verify", "-o", output, *former, token).returncode == 1
        assert run.verb("token", "verify", "-o", output, *key[:3], "SOMEBODY-ELSE", token).returncode == 1
        assert run.verb("token", "verify", "-o", output, *key, "-", stdin=f"{token}\n{PHONE}\n{token}x\n").returncode == 1


def keys_that_are_wrong(run, token):
    """Key files with a mistake in them are told by the mistake."""
    text = harness.KEY_TEXT
    mistakes = [text[:-1], text[:20], text + text, text.replace("=", ""), text.replace("+", "-").replace("/", "_"), f'"{text}"', text[:40] + " " + text[40:],
                text + "\n" + text, WEBHOOK_SECRET]
    for number, bad in enumerate(mistakes):
        file = run.file(f"wrong_key_{number}", bad, {"key"})
        for verb in (["token", "issue", PHONE], ["token", "verify", token]):
            assert run.verb(*verb, "--key", file, "--issuer", "C").returncode == 2, bad
        assert run.verb("sandbox", "--api-key-file", file, "--customer-id", "C", "--listen", "127.0.0.1:0").returncode != 0
    for number, bad in enumerate((WEBHOOK_SECRET[6:], WEBHOOK_SECRET[:-2], WEBHOOK_SECRET.replace("_", "-"), WEBHOOK_SECRET[:30])):
        run.file(f"wrong_secret_{number}", bad, {"key"})


def configurations_that_are_wrong(run, server):
    """`check-config` with a secret where a file's name belongs, and with files that hold something else."""
    assert run.verb("check-config", server.config).returncode == 0
    former = base64.b64encode(FORMER_KEY).decode()
    settings = [f"issuer.api_key_file={harness.KEY_TEXT}", f"issuer.api_key={harness.KEY_TEXT}", harness.KEY_TEXT, f"issuer.previous_api_key_file={former}",
                f"telesign.auth={harness.KEY_TEXT}", f"log.level={harness.KEY_TEXT}",
                f"callbacks.forward_secret={WEBHOOK_SECRET}", f"callbacks.forward_to=http://x/{WEBHOOK_SECRET}",
                f"issuer.previous_api_key_file={run.folder}/wrong_key_0", *[f"callbacks.forward_secret_file={run.folder}/wrong_secret_{number}" for number in range(4)]]
    for setting in settings:
        assert run.verb("check-config", server.config, "--set", setting).returncode == 2, setting
        assert run.verb("serve", "--config", server.config, "--set", setting).returncode == 2, setting


def verbs_over_the_admin_listener(run, server, tokens):
    """Export, erasure and revocation: the number from a file, and the mistakes that go with it."""
    full, masked = caller_options(run, server, "full"), caller_options(run, server, "masked")
    number, twice = run.file("number", PHONE + "\n", {"phone"}), run.file("numbers", f"{PHONE}\n{PHONE}\n", {"phone"})
    unlike, token = run.file("no_number", PHONE + "x\n", {"phone"}), run.file("token", tokens["leak"] + "\n", PERSONAL)
    bad_token, bad_key = run.file("no_token", tokens["leak"] + "x", PERSONAL), run.file("no_key", server.full[:-1], {"key"})
    exported = run.verb("transactions", "export", "--phone-file", number, *full, may_print=PERSONAL)
    assert exported.returncode == 0 and tokens["leak"] in exported.stdout
    assert "list of processes" in run.verb("transactions", "export", "--help").stdout, "what --phone gives away is said"
    nobody = ["--admin", "http://127.0.0.1:1", *full[2:]]
    for verb in (["transactions", "export"], ["transactions", "erase"], ["revoke"]):
        places = [["--admin", f"http://{PHONE}:1", *full[2:]], ["--admin", f"ftp://x/{PHONE}", *full[2:]]]
        for wrong in (masked, nobody, [*full[:3], bad_key], [*full[:3], run.folder / "nowhere"], *places):
            assert run.verb(*verb, "--phone-file", number, *wrong).returncode != 0
        for wrong in (["--phone-file", twice], ["--phone-file", unlike], ["--phone-file", number, "--phone", PHONE], ["--phone", "-"], ["--phone", PHONE + "x"],
                      [f"--phone={PHONE}{PHONE}"], ["--phon", PHONE]):
            assert run.verb(*verb, *wrong, *full, stdin=f"{PHONE}\n{PHONE}\n").returncode == 2, wrong
    for wrong in ([tokens["leak"]], ["--token", tokens["leak"]], ["--xid", f"{tokens['leak']} "], ["--xid", "never-seen"], ["--kid", server.full],
                  ["--token-file", bad_token], ["--token-file", bad_token, "--phone-file", number]):
        assert run.verb("revoke", *wrong, *full).returncode != 0, wrong
    assert run.verb("revoke", "--token-file", token, *full).returncode == 0
    assert run.verb("revoke", "--token-file", "-", "-o", "json", *full, stdin=tokens["leak"]).returncode == 0
    assert run.verb("revoke", "--phone-file", number, "--config", server.config).returncode == 1, "the server has the store"


def verbs_for_callers(run, server):
    place = ["--config", server.config]
    added = run.verb("caller", "add", "another", "--scope", "read", *place, may_print={"key"})
    run.keep_caller("another", added.stdout.strip())
    for output in ("text", "json"):
        assert run.verb("caller", "list", "-o", output, *place).returncode == 0
    assert run.verb("caller", "add", "another", "--scope", "read", *place).returncode == 1
    assert run.verb("caller", "add", f"{server.full} ", "--scope", "read", *place).returncode == 2
    assert run.verb("caller", "add", "x", "--scope", "read", "--key", server.full, *place).returncode == 2
    assert run.verb("caller", "remove", "another", *place).returncode == 0
    assert run.verb("caller", "remove", "another", *place).returncode == 1


def verbs_for_stores(run, server):
    """A store that nobody serves from: what is made from it is private, and what is said of it, also when it is damaged, is nobody's."""
    url = f"rocksdb://{server.folder}/db"
    backup, copy, damaged = (run.folder / name for name in ("backup", "copy", "damaged"))
    for folder in (backup, copy, damaged, run.folder / "restored"):
        run.keepers[folder] = PERSONAL
    assert run.verb("store", "backup", "--config", server.config, "--to", backup).returncode == 0
    assert run.verb("store", "backup", "--config", server.config, "--to", damaged).returncode == 0
    for output in ("text", "json"):
        assert run.verb("store", "check", "--store", url, "--key", server.key_file, "-o", output).returncode in (0, 1)  # the former key's tokens are not this one's
        assert run.verb("store", "stats", "--config", server.config, "-o", output).returncode == 0
        assert run.verb("store", "copy", "--from", url, "--to", f"rocksdb://{copy}", "-o", output).returncode == 0
    assert run.verb("store", "restore", "--from", backup, "--to", run.folder / "restored").returncode == 0
    assert run.verb("store", "backup", "--config", server.config, "--to", backup).returncode == 1
    for table in damaged.glob("*.sst"):
        octets = bytearray(table.read_bytes())
        octets[len(octets) // 4] ^= 0x10
        table.unlink()  # a backup's tables are linked
        table.write_bytes(octets)
    for output in ("text", "json"):
        assert run.verb("store", "check", "--store", f"rocksdb://{damaged}", "-o", output).returncode == 1
        assert run.verb("store", "copy", "--from", f"rocksdb://{damaged}", "--to", f"rocksdb://{run.folder}/copy", "-o", output).returncode == 1
    assert run.verb("store", "restore", "--from", damaged, "--to", run.folder / "new").returncode == 1
    assert run.verb("revoke", "--phone-file", run.folder / "no_number", "--store", url).returncode == 2
    assert run.verb("revoke", "--token-file", run.folder / "no_token", "--config", server.config).returncode == 1
    assert run.verb("revoke", "--phone-file", run.folder / "number", "--store", url).returncode == 0


# -- `jwtd dev` ---------------------------------------------------------------------------------------------------------


def development(run, dev):
    """What `jwtd dev --sandbox` prints has its sample number and the names of files; what is then done with it is told without number and token."""
    process, printed = dev(*free_ports(), "--sandbox", "--sandbox-port", "0")
    folder = run.folder / "jwtd-dev"
    run.keep_octets("development API key", base64.b64decode((folder / "api_key").read_text()))
    run.keep_caller("dev", (folder / "caller_key").read_text().strip())
    run.keep_pem("TLS key of jwtd dev", folder / "tls.key")
    run.keepers |= {folder / "api_key": {"key"}, folder / "caller_key": {"key"}, folder / "store": PERSONAL}
    public, admin, provider = (harness.address(re.search(what + r" +(?:http://|on )([\d.:]+\d)", printed)[1]) for what in ("tokens", "admin", "TeleSign played"))
    token = run.keep_token("token of jwtd dev", harness.ask(harness.http.client.HTTPConnection(*public), "GET", f"/v1/token/{PHONE}/dev-1").text)
    url = "http://{}:{}/v1/mobile/verification".format(*provider)
    begun = post(url, jwt=token, phone_number=PHONE)
    post(url, jwt=token + "x", phone_number=PHONE)
    post(url + "/finalize", initiate_id=begun["initiate_id"], verification_code=CODE)
    wait_until(lambda: "callback 2401 for dev-1: answered 200" in (run.folder / "out-0").read_text(), 60, "the sandbox's word that its callback was taken")
    for path in (f"/v1/nowhere/{PHONE}", f"/v1/transactions?phone_number={PHONE}"):
        run.show_answer(f"GET {path} of jwtd dev", harness.ask(harness.http.client.HTTPConnection(*admin), "GET", path))
    run.show_process("jwtd dev", process)
    process.terminate()
    assert process.wait(60) == 0


# -- the runs -----------------------------------------------------------------------------------------------------------


def test_nothing_leaks(run, make_server, sandbox, dev):
    operator = Operator(run, lambda xid: {"refused": 500, "cut": "cut"}.get(xid, 200))
    server = make(run, make_server, settings=forwarding_to(run, operator))
    former = begin_with_the_former_key(run, server)
    tokens = mint_in_every_way(run, server)
    report_back(run, server)
    look_up(run, server)
    judge(run, server, tokens)
    send_what_is_refused(run, server, tokens[0])
    send_bodies_that_are_refused(run, server, tokens[0])
    reload_what_is_wrong(run, server)
    fail_to_forward(run, server, operator)
    provider = flow_with_the_sandbox(run, server, sandbox)

    of_the_run = {"former": former, "leak": tokens[4]}
    verbs_for_tokens(run, server, of_the_run)
    keys_that_are_wrong(run, tokens[0])
    configurations_that_are_wrong(run, server)
    verbs_for_callers(run, server)
    verbs_over_the_admin_listener(run, server, of_the_run)
    erase(run, server)
    mint_in_every_way(run, server)  # for the verbs to find
    run.finish(server)
    operator.close()
    verbs_for_stores(run, server)

    for auth in ("digest", "basic"):
        provider_that_misbehaves(run, make_server, auth)
    provider_that_is_the_sandbox(run, make_server, provider)
    development(run, dev)
    run.search()
    run.search_modes()


def test_nothing_leaks_of_what_is_given_up(run, make_server, clock):
    """A callback that nobody takes for a day and a half: every attempt, the dead letter, its replay, and its erasure; over TLS."""
    outcomes = itertools.cycle([500, "cut", 404, 301])
    refusing = {"stubborn"}
    operator = Operator(run, lambda xid: next(outcomes) if xid in refusing else 200)
    server = make(run, make_server, tls=True, settings=forwarding_to(run, operator))
    server.env |= clock.environment
    run.keep_pem("TLS key", server.key)
    server.start()
    for xid in ("stubborn", "waker"):
        mint(run, server, xid)
    mint(run, server, XID_PHONE)
    assert send(server, report("S1", 2401, "stubborn", phone_number=PHONE)).status == 200
    wait_until_given_up(server, operator, clock)
    assert send(server, report("X1", 2401, XID_PHONE, phone_number=PHONE)).status == 200
    operator.got(XID_PHONE)
    list_callbacks(run, server, "stubborn", "--dead")
    for path in ("/v1/callbacks/dead", "/v1/callbacks/outbox", "/v1/transactions/stubborn"):
        assert ask(run, server, "GET", path).status == 200
    assert run.verb("callbacks", "replay", server.full, *caller_options(run, server, "masked")).returncode == 1
    refusing.clear()
    assert run.verb("callbacks", "replay", *caller_options(run, server, "masked")).stdout == "replayed 1\n"
    operator.got("stubborn")
    with server.raw() as plain:
        plain.sendall(f"GET /v1/token/{PHONE} HTTP/1.1\r\n\r\n".encode())
        run.show("the answer to plain HTTP where TLS is spoken", plain.recv(65536))
    assert ask(run, server, "DELETE", f"/v1/transactions?phone_number={PHONE}").status == 200
    run.finish(server)
    operator.close()
    run.search()
    run.search_modes()


# What is typed by mistake: a secret in the place of a file's name or of a name, or a word too many.
MISTYPED = ["token issue --key {api_key} --issuer C 15550000000", "token verify --key {api_key} --issuer C x",
            "token verify --key {key_file} --previous-key {api_key} --issuer C x",
            "store check --store rocksdb:///nowhere --key {api_key}", "sandbox --api-key-file {api_key} --customer-id C", "callbacks list --key-file {caller_key}",
            "transactions export --phone 15550000000 --key-file {caller_key}", "transactions export --phone-file {phone} --key-file x", "transactions erase {phone} --key-file x",
            "revoke {phone} --key-file x", "revoke --phone-file {phone} --key-file x", "caller remove {caller_key} --file x", "caller add x --scope {caller_key} --file x",
            "check-config {config} --set callbacks.forward_secret_file={webhook_secret}"]


@pytest.mark.parametrize("command", MISTYPED)
def test_no_error_repeats_a_secret_that_was_mistyped(run, make_server, command):
    server = make(run, make_server)
    words = {"api_key": harness.KEY_TEXT, "caller_key": server.full, "webhook_secret": WEBHOOK_SECRET, "phone": PHONE, "key_file": server.key_file, "config": server.config}
    assert run.verb(*[word.format(**words) for word in command.split()]).returncode != 0
    assert run.leaks() == []
