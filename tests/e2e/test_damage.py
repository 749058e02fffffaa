"""One flipped bit in the store while jwtd is stopped: it is named, or it is somewhere harmless; never a wrong token, and intact records are served."""

import json
import shutil

import faults
import harness
from harness import PHONE, jwtd


def test_a_flipped_bit_never_makes_a_wrong_token(make_server):
    chance = faults.seeded("flipped bits")
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    tokens = {}
    for life in range(2):  # the first life's records are in table files by now, the second's in the log
        with server:
            for n in range(60):
                tokens[f"{life}-{n}"] = server.get(f"/v1/token/{PHONE}/{life}-{n}").text
    store, intact = server.folder / "db", server.folder / "intact"
    store.rename(intact)
    files = sorted(path.name for path in intact.iterdir() if path.stat().st_size > 0 and path.name not in ("LOCK", "log.space"))
    largest_table = max(intact.glob("*.sst"), key=lambda path: path.stat().st_size).name
    outcomes = {"refused to start": 0, "named": 0, "harmless": 0}
    for number in range(faults.rounds(24)):
        shutil.copytree(intact, store)
        name = files[number % len(files)] if number > 0 else largest_table
        octets = bytearray((store / name).read_bytes())
        used = len(bytes(octets).rstrip(b"\0")) or 1  # a log's rest is zeros that nobody reads
        at = chance.randrange(used) if number > 0 else used // 3  # records, for certain
        octets[at] ^= 1 << chance.randrange(8)
        (store / name).write_bytes(octets)
        if not faults.start_or_die(server):
            assert server.process.returncode == 1, f"{name}:{at}"
            said = server.log_text()
            assert str(store) in said and "terminate" not in said, said
            outcomes["refused to start"] += 1
        else:
            named = 0
            for xid, token in tokens.items():
                found = server.admin_get(f"/v1/transactions/{xid}", key)
                # Damage in the log's last batch cannot be told from a write that a power cut tore, which nobody was answered.
                in_last_batch = found.status == 404 and xid == "1-59" and name.endswith(".log")
                if found.status == 200:
                    assert found.json["token"] == token, f"{name}:{at}: another token"
                elif not in_last_batch:
                    named += harness.is_problem(found, 500, "store_damaged")
                minted = server.get(f"/v1/token/{PHONE}/{xid}")
                assert minted.status in (200, 500), minted
                assert minted.status != 200 or minted.text == token or found.status == 200 or in_last_batch, f"{name}:{at}: written over"
            assert named < len(tokens) or name.endswith(".sst"), f"{name}:{at}"
            assert server.get(f"/v1/token/{PHONE}").status == 200
            outcomes["named" if named else "harmless"] += 1
            server.kill()
        shutil.rmtree(store)
    print(f"NOTE flipped bits: {outcomes}")
    assert outcomes["refused to start"] and outcomes["named"]


def test_a_damaged_block_is_named_in_a_list_and_erased_unread(make_server, tmp_path):
    server = make_server().durable
    key = server.add_caller("officer", "read,read:pii,revoke,callbacks,admin")
    (tmp_path / "key").write_text(key)
    with server:
        tokens = {f"order-{n}": server.get(f"/v1/token/{PHONE}/order-{n}").text for n in range(300)}
        assert server.get("/v1/token/15550000001/other").status == 200
    with server:
        pass  # what the log held is in table files now
    largest = max((server.folder / "db").glob("*.sst"), key=lambda path: path.stat().st_size)
    octets = bytearray(largest.read_bytes())
    octets[1000] ^= 0x10
    largest.write_bytes(octets)
    with server:
        admin = ("--admin", "http://{}:{}".format(*server.admin), "--key-file", tmp_path / "key")
        sound, damaged, cursor = {}, [], ""
        while cursor is not None:
            page = server.admin_get(f"/v1/transactions?phone_number={PHONE}&limit=40{cursor and '&cursor=' + cursor}", key).json
            assert len(page["transactions"]) + len(page.get("damaged", [])) <= 40
            sound |= {one["xid"]: one["token"] for one in page["transactions"]}
            damaged += page.get("damaged", [])
            cursor = page["next"]
        assert damaged and sound and sound.keys() | set(damaged) == tokens.keys() and len(sound) + len(damaged) == len(tokens)
        assert all(tokens[xid] == token for xid, token in sound.items())
        harness.wait_until(lambda: faults.metric(server, "jwtd_store_damaged_total") == len(damaged), 30, "the damaged ones counted")
        harness.wait_until(lambda: sum(line["transactions"] for line in server.events("list_has_damage")) == len(damaged), 30, "the damaged ones' lines")
        harness.is_problem(server.admin_get(f"/v1/transactions/{damaged[0]}", key), 500, "store_damaged")

        exported = jwtd("transactions", "export", "--phone", "-", *admin, stdin=PHONE)
        subject = json.loads(exported.stdout)
        assert exported.returncode == 1 and "cannot be read" in exported.stderr
        assert {one["xid"]: one["token"] for one in subject["transactions"]} == sound and sorted(subject["damaged"]) == sorted(damaged)
        revoked = jwtd("revoke", "--phone", "-", *admin, stdin=PHONE)
        assert revoked.returncode == 1, "what cannot be read cannot be revoked, and that is said"
        assert server.admin_get(f"/v1/transactions/{min(sound)}", key).json["token_state"] == "revoked", "the others are"

        erased = json.loads(jwtd("transactions", "erase", "--phone", "-", *admin, stdin=PHONE).stdout)
        assert (erased["transactions"], erased["tokens"], erased["damaged"]) == (len(sound), len(sound), len(damaged))
        assert server.admin_get(f"/v1/transactions?phone_number={PHONE}", key).json == {"transactions": [], "next": None}
        gone = server.admin_get(f"/v1/transactions/{damaged[0]}", key)
        assert gone.status == 404 and gone.json["erased"]["damaged"] is True
        assert server.get(f"/v1/token/{PHONE}/{damaged[0]}").status == 200, "its XID is free again"
        assert server.admin_get("/readyz").status == 200
