"""The log: one JSON line an event, and no personal data, token or key anywhere in it."""

import json
import re

from harness import KEY_TEXT, PHONE, wait_until

OTHER = "4915112345678"


def test_every_line_is_json_with_time_level_and_event(make_server):
    with make_server() as server:
        server.get(f"/v1/token/{PHONE}")
        server.get("/nowhere")
    for line in server.log_text().splitlines():
        entry = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", entry["time"]) and entry["event"]
        assert entry["level"] in ("debug", "info", "warn", "error")


def test_a_request_has_its_line(make_server):
    with make_server() as server:
        server.get(f"/v1/token/{PHONE}/logged-1", X_Request_Id="find-me")
        line = wait_until(lambda: [r for r in server.events("request") if r["request_id"] == "find-me"], 30, "the request's line")[0]
        assert line["route"] == "/v1/token/{phone_number}/{xid}" and line["status"] == 200
        assert isinstance(line["us"], int) and line["us"] >= 0


def test_text_by_setting(make_server):
    server = make_server(settings={"log.format": "text"})
    server.settings["log.file"] = server.folder / "text.log"
    server.write_config()
    import subprocess

    from harness import BINARY, clean_environment

    process = subprocess.Popen([BINARY, "serve", "--config", server.config], env=clean_environment())
    try:
        wait_until(lambda: (server.folder / "text.log").exists() and "listening" in (server.folder / "text.log").read_text(), 30, "a text line")
        line = next(text for text in (server.folder / "text.log").read_text().splitlines() if "listening" in text)
        assert not line.startswith("{") and "public=" in line
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_nothing_personal_is_logged(make_server):
    server = make_server(tls=True, settings={"log.level": "debug"}).durable
    caller = server.add_caller("auditor", "read,read:pii,mint")
    signatures = []
    with server:
        for phone in (PHONE, OTHER, "+" + OTHER, "%2B" + OTHER):
            signatures.append(server.get(f"/v1/token/{phone}").text.split(".")[2])
            signatures.append(server.get(f"/v1/token/{phone}/private-{len(signatures)}").text.split(".")[2])
        server.get(f"/v1/token/{PHONE}/private-2x")
        server.get(f"/v1/token/{OTHER}/private-2x")  # 409
        server.get(f"/v1/token/{OTHER}zz")
        server.get(f"/v1/token/{OTHER}%zz")
        server.get(f"/nowhere/{OTHER}")
        server.get(f"/v1/token/{PHONE}?phone={OTHER}", X_Request_Id="%", Referer=f"https://x/{OTHER}", User_Agent=OTHER)
        server.request("POST", "/v1/tokens", {"Content-Type": "application/json"}, f'{{"phone_number":"{OTHER}"}}')
        server.request("POST", "/v1/tokens", {"Content-Type": "application/json"}, f'{{"phone_number":"{OTHER}","bad":1}}')
        server.request("DELETE", f"/v1/token/{OTHER}")
        server.admin_get(f"/v1/transactions?phone_number={OTHER}", caller)
        server.admin_get(f"/v1/transactions?phone_number={OTHER}&cursor=%zz", caller)
        server.admin_get("/v1/transactions/private-1", caller)
        server.admin_get("/v1/transactions/private-1", "jwtd_" + "B" * 43)
        with server.raw() as plain:
            plain.sendall(f"GET /v1/token/{OTHER} HTTP/1.1\r\n\r\n".encode())
        server.hang_up()
    log = server.log.read_text()
    assert log.count("\n") > 10
    for secret in (PHONE, OTHER, OTHER[2:], "eyJ", caller, caller[5:], "B" * 43, KEY_TEXT, KEY_TEXT[:20], "private-", "nowhere/", "%zz", *signatures):
        assert secret not in log, f"{secret} stands in the log"


def test_requests_may_go_unlogged_by_setting(make_server):
    with make_server(settings={"log.requests": "errors"}) as server:
        server.get("/ping", X_Request_Id="went-well")
        server.get("/nowhere", X_Request_Id="went-wrong")
        wait_until(lambda: "went-wrong" in server.log_text(), 30, "the error's line")
        assert "went-well" not in server.log_text()
