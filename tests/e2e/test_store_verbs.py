"""jwtd store: stores are copied, checked, backed up under load and restored, by the real binary; and what is damaged is named (F9, F23).

The seed decides places and moments; JWTD_SEED=<number> repeats a run as far as threads allow. JWTD_PLACES and JWTD_BACKUPS ask for more.
"""

import datetime
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import threading

import harness
from faults import seeded
from harness import jwtd
from test_crash import Client, look_up

COPIED = 20_000
PLACES = int(os.environ.get("JWTD_PLACES", 60))
BACKUPS = int(os.environ.get("JWTD_BACKUPS", 6))
PIPELINED = 200
CLIENTS = 6

ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}).*?\r\nX-Transaction-Id: (\S+)\r\n.*?\r\n\r\n(ey[\w-]+\.[\w-]+\.[\w-]{43})", re.DOTALL | re.IGNORECASE)


def mint(server, count, chance, lot=0):
    """(xid, phone, token) of `count` transactions: half with our XIDs, a quarter each with two other forms, which are the lot's own."""
    made = []
    with server.raw() as connection:
        while len(made) < count:
            phones = [f"1555{chance.randrange(10**7):07}" for _ in range(min(PIPELINED, count - len(made)))]
            xids = ["", "", f"/order-{lot}-{{}}", f"/11111111-2222-4333-{8000 + lot}-{{:012}}"]
            paths = [f"/v1/token/{phone}" + xids[i % 4].format(len(made) + i) for i, phone in enumerate(phones)]
            connection.sendall("".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths).encode())
            octets, answers = b"", []
            while len(answers) < len(phones):
                received = connection.recv(1 << 20)
                assert received, f"closed after {len(answers)} of {len(phones)} answers: {octets[-300:]!r}"
                octets += received
                answers = ANSWER.findall(octets)
            assert all(status == b"200" for status, _, _ in answers)
            made += [(xid.decode(), phone, token.decode()) for (_, xid, token), phone in zip(answers, phones)]
    return made


def url_of(folder):
    return f"rocksdb://{folder}"


def report_of(done):
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def check(folder, *options):
    return jwtd("store", "check", "--store", url_of(folder), "-o", "json", *options)


def serve_from(make_server, name, folder):
    server = make_server(name, settings={"store.url": url_of(folder)})
    key = server.add_caller("auditor", "read,read:pii")
    return server.start(), key


def test_a_copy_that_is_killed_again_and_again_ends_with_everything(make_server, tmp_path):
    chance = seeded("interrupted copy")
    server = make_server().durable
    server.start()
    made = mint(server, COPIED, chance)
    server.stop()
    state, target = tmp_path / "state.json", tmp_path / "copy"
    command = ["store", "copy", "--from", url_of(server.folder / "db"), "--to", url_of(target), "--state", state, "-o", "json"]

    def seen():
        try:
            return json.loads(state.read_text())["seen"]
        except FileNotFoundError:
            return 0

    before, kills = 0, 0
    for _ in range(3):
        process = subprocess.Popen([harness.BINARY, *map(str, command), "--rate", "2000"], env=harness.clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        goal = before + chance.randrange(1000, 3000)  # three of them leave the copy seconds to be interrupted in
        harness.wait_until(lambda: seen() >= goal or process.poll() is not None, 60, "the copy's progress")
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert before < seen() < COPIED, "it did not go on, or was too fast to be interrupted"
        before = seen()
    done = jwtd(*command)
    assert done.returncode == 0, done.stderr
    assert f"goes on after {before} transactions" in done.stderr
    report = report_of(done)
    assert report["ok"] and report["transactions"] == report["found"] == COPIED and report["wrong"] == [], report
    assert not state.exists()
    checked = check(target, "--key", server.key_file)
    assert checked.returncode == 0, checked.stderr
    assert report_of(checked)["transactions"] == report_of(checked)["signatures"] == COPIED
    copy, key = serve_from(make_server, "copy", target)
    assert look_up(copy, key, chance.sample(made, 2000)) == []
    print(f"NOTE interrupted copy: {COPIED} transactions, {kills} kills, all of them there")


def test_a_store_in_use_is_not_copied_and_the_words_say_so(make_server, tmp_path):
    with make_server().durable as server:
        for verb in (["copy", "--to", url_of(tmp_path / "copy"), "--state", tmp_path / "s", "--from"], ["stats", "--store"], ["check", "--store"]):
            done = jwtd("store", *verb, url_of(server.folder / "db"))
            assert done.returncode == 1 and "in use by another jwtd" in done.stderr, done


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.999Z")


def test_stats_count_what_there_is(make_server):
    began = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    server = make_server().durable
    server.start()
    mint(server, 500, random.Random(1))
    server.stop()
    stats = report_of(jwtd("store", "stats", "--config", server.config, "-o", "json"))
    assert stats["driver"] == "rocksdb" and stats["transactions"] == 500 and stats["bytes"] > 10_000
    assert began <= stats["oldest"] <= stats["newest"] <= now_text()
    shown = jwtd("store", "stats", "--store", url_of(server.folder / "db")).stdout
    assert "about 500" in shown and f"oldest        {stats['oldest'][:19]}" in shown and f"newest        {stats['newest'][:19]}" in shown


# -- F9 ---------------------------------------------------------------------------------------------------------------


def copy_folder(source, to):
    shutil.rmtree(to, ignore_errors=True)
    subprocess.run(["cp", "-r", "--sparse=always", source, to], check=True)


def flip(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        octet = file.read(1)[0]
        file.seek(at)
        file.write(bytes([octet ^ 0x10]))


def places(folder, count, chance):
    """(file, offset) where there is something, each file as often as its size and at least once."""
    spans = []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        used = len(content.rstrip(b"\0")) - (60 if path.suffix == ".sst" else 0)  # a table file's footer is mostly padding
        if path.suffix in (".sst", ".log") and used > 60:
            spans.append((path.name, used))
    sizes = [used for _, used in spans]
    chosen = spans + chance.choices(spans, sizes, k=max(0, count - len(spans)))
    return [(name, chance.randrange(used)) for name, used in chosen]


def test_a_flipped_octet_anywhere_is_named_and_never_yields_another_token(make_server, tmp_path):
    chance = seeded("flipped octets")
    server = make_server().durable
    server.start()
    made = mint(server, 4000, chance)
    server.stop()
    # With table files, and with a log: each is where the records are at some time.
    sound, with_log = tmp_path / "sound", server.folder / "db"
    assert jwtd("store", "backup", "--store", url_of(with_log), "--to", sound).returncode == 0
    hurt = tmp_path / "hurt"
    known = {xid: (phone, token) for xid, phone, token in made}
    counts = {"refused": 0, "named": 0, "looked up": 0, "torn end": 0}
    for number, (base, (name, at)) in enumerate([(sound, place) for place in places(sound, PLACES * 2 // 3, chance)]
                                                + [(with_log, place) for place in places(with_log, PLACES // 3, chance)]):
        where = f"{base.name}/{name} at {at}"
        copy_folder(base, hurt)
        flip(hurt / name, at)
        done = check(hurt)
        if not done.stdout:  # not even opened: names, or the middle of the log
            assert done.returncode == 1 and str(hurt) in done.stderr, (where, done)
            counts["refused"] += 1
            continue
        report = report_of(done)
        if name.endswith(".log") and report["ok"]:
            # The last batch: a power cut would leave the same. Nothing else is missing.
            assert report["transactions"] >= len(made) - PIPELINED, where
            counts["torn end"] += 1
            continue
        assert done.returncode == 1 and not report["ok"], where
        damaged = {one["where"] for one in report["damaged"]}
        xids = damaged & set(known)
        assert report["transactions"] + len(xids) == len(made), (where, report)
        counts["named"] += len(xids)
        if number % 12 == 0:
            counts["looked up"] += look_up_beside_damage(make_server, f"hurt{number}", hurt, known, xids)
    print(f"NOTE flipped octets: {PLACES} places, {counts}")
    assert counts["named"] > 0 and counts["looked up"] > 0


def look_up_beside_damage(make_server, name, folder, known, damaged):
    server, key = serve_from(make_server, name, folder)
    asked = list(damaged)[:50] + [xid for xid in list(known)[::40] if xid not in damaged]
    connection = harness.http.client.HTTPConnection(*server.admin, timeout=60)
    for xid in asked:
        found = harness.ask_again(connection, "GET", f"/v1/transactions/{xid}", {"Authorization": f"Bearer {key}"})
        if xid in damaged:
            assert found.status == 500, found
        else:
            assert found.status == 200 and found.json["token"] == known[xid][1], found
    server.stop()
    return len(asked)


def test_a_copy_of_a_damaged_store_takes_what_is_sound_and_says_what_is_not(make_server, tmp_path):
    server = make_server().durable
    server.start()
    made = mint(server, 3000, random.Random(2))
    server.stop()
    sound = tmp_path / "sound"
    assert jwtd("store", "backup", "--store", url_of(server.folder / "db"), "--to", sound).returncode == 0
    largest = max(sound.glob("*.sst"), key=lambda path: path.stat().st_size)
    flip(largest, largest.stat().st_size // 3)
    done = jwtd("store", "copy", "--from", url_of(sound), "--to", url_of(tmp_path / "copy"), "--state", tmp_path / "s", "-o", "json")
    report = report_of(done)
    assert done.returncode == 1 and report["damaged"] and report["written"] > 2000 and report["wrong"] == []
    xids = {one["where"] for one in report["damaged"]} & {xid for xid, _, _ in made}
    assert report["written"] + len(xids) == 3000
    restored = jwtd("store", "restore", "--from", sound, "--to", tmp_path / "new")
    assert restored.returncode == 1 and "damaged" in restored.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if "new" in path.name) == []


# -- F23 --------------------------------------------------------------------------------------------------------------


def test_every_token_answered_before_a_backup_began_is_in_it(make_server, tmp_path):
    chance = seeded("backup under load")
    server = make_server().durable
    server.start()
    clients = [Client(server, chance.random()) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    filling = threading.Event()
    filler = threading.Thread(target=fill_until, args=(server, filling))  # so that tables are written and merged meanwhile
    filler.start()
    answered = taken = 0
    try:
        for number in range(BACKUPS):
            goal = sum(len(client.got) for client in clients) + 1500
            harness.wait_until(lambda: sum(len(client.got) for client in clients) >= goal, 300, "load")
            counts = [len(client.got) for client in clients]
            backup, restored = tmp_path / f"backup{number}", tmp_path / f"restored{number}"
            done = jwtd("store", "backup", "--config", server.config, "--to", backup, "-o", "json")
            assert done.returncode == 0, done.stderr
            taken += report_of(done)["transactions"]
            before = [one for client, count in zip(clients, counts) for one in client.got[:count]]
            done = jwtd("store", "restore", "--from", backup, "--to", restored)
            assert done.returncode == 0, done.stderr
            copy, key = serve_from(make_server, f"restored{number}", restored)
            newest = [one for client, count in zip(clients, counts) for one in client.got[max(0, count - 300):count]]
            asked = newest + chance.sample(before, min(len(before), 1000))
            assert look_up(copy, key, asked) == [], f"backup {number}"
            copy.stop()
            answered += len(before)
            shutil.rmtree(backup)
            shutil.rmtree(restored)
    finally:
        filling.set()
        filler.join()
        server.stop()
        for client in clients:
            client.join()
    checked = report_of(check(server.folder / "db", "--key", server.key_file))
    assert checked["ok"], checked
    print(f"NOTE backup under load: {BACKUPS} backups of {taken} transactions, {answered} answered before, none lost")


def fill_until(server, stop):
    chance, lot = random.Random(3), 0
    while not stop.is_set():
        lot += 1
        mint(server, 20 * PIPELINED, chance, lot)


def test_a_restore_goes_into_a_new_folder_only(make_server, tmp_path):
    server = make_server().durable
    server.start()
    made = mint(server, 100, random.Random(4))
    backup = tmp_path / "backup"
    assert jwtd("store", "backup", "--config", server.config, "--to", backup).returncode == 0
    assert jwtd("store", "backup", "--config", server.config, "--to", backup).returncode == 1
    for taken in (url_of(server.folder / "db"), server.folder):
        refused = jwtd("store", "restore", "--from", backup, "--to", taken)
        assert refused.returncode == 1 and "is there already" in refused.stderr
    assert jwtd("store", "restore", "--from", tmp_path / "nothing", "--to", tmp_path / "new").returncode == 1
    assert jwtd("store", "restore", "--from", backup, "--to", "mongodb://db/jwt_db").returncode == 2
    assert not (tmp_path / "new").exists()
    new = tmp_path / "new"
    new.mkdir()  # an empty one is fine
    assert jwtd("store", "restore", "--from", backup, "--to", new).returncode == 0
    assert pathlib.Path(new).stat().st_mode & 0o777 == 0o700
    copy, key = serve_from(make_server, "new", new)
    assert look_up(copy, key, made) == []


def test_a_backup_of_another_database_names_its_own_tool():
    done = jwtd("store", "backup", "--store", "postgresql://db/jwtd", "--to", "/tmp/nowhere")
    assert done.returncode == 2 and "pg_dump" in done.stderr
    done = jwtd("store", "backup", "--store", "postgresql://u:hunter2@db/jwtd", "--to", "/tmp/nowhere")
    assert done.returncode == 2 and "hunter2" not in done.stderr
