"""One flipped bit in the store while jwtd is stopped: it is named, or it is somewhere harmless; never a wrong token, and intact records are served."""

import shutil

import faults
import harness
from harness import PHONE


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
    outcomes = {"refused to start": 0, "named": 0, "harmless": 0}
    for number in range(faults.rounds(24)):
        shutil.copytree(intact, store)
        name = files[number % len(files)]
        octets = bytearray((store / name).read_bytes())
        used = len(bytes(octets).rstrip(b"\0")) or 1  # a log's rest is zeros that nobody reads
        at = chance.randrange(used)
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
