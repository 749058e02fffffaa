"""A full run in which everything is used, and then a search: no phone number, token or key stands in anything that jwtd printed, logged or showed without
being asked for it, nor on disk outside the store."""

import base64
import json

import harness
from test_callbacks import fields_of, report, send

PHONE = "15557308642"  # no digits in a row that a time or a port could have


def use_everything(server, keys, tmp_path):
    """Returns (secrets, what jwtd showed to those who may not see them)."""
    shown = []
    tokens = []
    backend, masked = keys

    def admin(method, path, key, body=None, content_type="application/json"):
        fields = {"Authorization": f"Bearer {key}", **({"Content-Type": content_type} if body is not None else {})}
        return harness.ask(harness.http.client.HTTPConnection(*server.admin, timeout=60), method, path, fields, body)

    for number in range(4):
        answer = server.get(f"/v1/token/{PHONE}/leak-{number}")
        assert answer.status == 200
        tokens.append(answer.text)
    posted = server.request("POST", "/v1/tokens", {"Content-Type": "application/json"}, json.dumps({"phone_number": PHONE}))
    assert posted.status == 201
    tokens.append(posted.json["token"])
    shown.append(server.get(f"/v1/token/{PHONE}/leak-0/more").text)  # no such route
    shown.append(server.get(f"/v1/token/{PHONE}x").text)
    shown.append(server.get("/v1/token/15550000000/leak-0").text)    # another's XID

    for body in (report("R1", 2401, "leak-0", phone_number=PHONE), report("R2", 2401, phone_number=PHONE)):
        assert send(server, body).status == 200
    shown.append(send(server, report("R1", 2401, "leak-0", phone_number=PHONE)[:-1]).text)

    for key in keys:
        for path in ("/v1/transactions/leak-0", f"/v1/transactions?phone_number={PHONE}", "/v1/transactions/leak-0/status", "/v1/callbacks?unmatched=1"):
            answer = admin("GET", path, key)
            if key == masked:
                shown.append(answer.text)
    for key in keys:
        for token in (tokens[0], tokens[1] + "x", "not.a.token"):
            answer = admin("POST", "/v1/verify", key, json.dumps({"token": token}))
            assert answer.status == 200, answer
            if key == masked:
                shown.append(answer.text)
            answer = admin("POST", "/v1/introspect", key, f"token={token}", "application/x-www-form-urlencoded")
            if key == masked:
                shown.append(answer.text)
    shown.append(admin("POST", "/v1/transactions/leak-1/consume", backend).text)
    shown.append(admin("POST", "/v1/transactions/leak-1/consume", backend).text)
    shown.append(admin("POST", "/v1/revoke", backend, f"token={tokens[2]}", "application/x-www-form-urlencoded").text)
    shown.append(admin("POST", "/v1/revocations", backend, json.dumps({"phone_number": PHONE})).text)
    shown.append(admin("DELETE", f"/v1/transactions?phone_number={PHONE}", backend).text)
    shown += [server.admin_get(path).text for path in ("/metrics", "/readyz", "/livez")]

    checked = harness.jwtd("check-config", server.config)
    shown.append(checked.stdout + checked.stderr)
    secrets = {"phone number": PHONE, "API key": harness.KEY_TEXT, "API key, decoded": harness.KEY_OCTETS, "caller key": backend, "other caller key": masked}
    secrets |= {f"token {i}": token for i, token in enumerate(tokens)} | {f"signature of token {i}": token.rsplit(".", 1)[1] for i, token in enumerate(tokens)}
    secrets["phone number in base64"] = base64.b64encode(PHONE.encode()).decode().rstrip("=")[:-1]
    return secrets, shown


def test_nothing_leaks(make_server, tmp_path):
    server = make_server(settings={"log.level": "debug", "log.requests": "all"}).durable
    keys = [server.add_caller("backend", "mint,read,read:pii,verify,verify:explain,revoke,callbacks,admin"), server.add_caller("masked", "read,verify,callbacks")]
    server.start()
    secrets, shown = use_everything(server, keys, tmp_path)
    server.stop()

    log = server.log.read_bytes()
    assert b'"event":"request"' in log and len(shown) > 20
    for name, secret in secrets.items():
        octets = secret if isinstance(secret, bytes) else secret.encode()
        assert octets not in log, f"the log has the {name}"
        for text in shown:
            assert octets not in text.encode(), f"shown to those who may not see the {name}: {text[:500]}"
        for path in server.folder.rglob("*"):
            # What is meant to hold it: the store, and the file with the key.
            if path.is_file() and "db" not in path.relative_to(server.folder).parts and not (path == server.key_file and "API key" in name):
                assert octets not in path.read_bytes(), f"{path} has the {name}"
