"""What a run of jwtd must keep to itself, what it let out, and the search for the one in the other."""

import base64

import harness

ALL = frozenset({"phone", "token", "key"})
XID = frozenset({"xid"})  # of an XID that is somebody's phone number: who may look up may have it
PERSONAL = frozenset({"phone", "token", "xid"})  # what the store, an export and a caller with read:pii may have; keys are nobody's
SHOWN = 20  # of all leaks
AROUND = 60  # octets on each side of what was found, for who has to find the place


def inside_base64(octets):
    """What every base64 of a text with these octets in it contains, wherever they stand: one form for each of three places."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets)
        yield encoded[(8 * before + 5) // 6:(before + len(octets)) * 8 // 6]


class Run:
    """Secrets by their kind ("phone", "token", "key"), and where they may be: nowhere, unless it is said."""

    def __init__(self, folder):
        self.folder = folder
        self.working = folder / "working"  # of verbs: what they write without being asked to lies here
        self.working.mkdir()
        self.secrets = []
        self.shown = []
        self.keepers = {}
        self.servers = []

    # -- what is secret ---------------------------------------------------------------------------------------------

    def keep(self, kind, name, *forms):
        for form in forms:
            octets = form if isinstance(form, bytes) else form.encode()
            assert len(octets) >= 10, f"{name}: {octets} may stand anywhere by chance"
            self.secrets.append((kind, name, octets))

    def keep_phone(self, phone):
        national = phone[1:].encode()
        self.keep("phone", "phone number", national)
        self.keep("phone", "phone number in base64", *inside_base64(national))
        return phone

    def keep_token(self, name, token):
        _, claims, signature = token.split(".")
        self.keep("token", f"claims of the {name}", claims)
        self.keep("token", f"signature of the {name}", signature)
        return token

    def keep_octets(self, name, octets):
        """Of a key, in every form that programs write octets in."""
        self.keep("key", name, octets)
        self.keep("key", f"{name} in base64", base64.b64encode(octets).rstrip(b"="), base64.urlsafe_b64encode(octets).rstrip(b"="))
        self.keep("key", f"{name} in hex", octets.hex(), octets.hex().upper())
        self.keep("key", f"{name} in base64 twice, as Basic authorization has it", *inside_base64(base64.b64encode(octets)))

    def keep_caller(self, name, key):
        self.keep("key", f"caller key {name}", key.removeprefix("jwtd_"))
        self.keep("key", f"caller key {name} in base64", *inside_base64(key.removeprefix("jwtd_").encode()))
        return key

    def keep_pem(self, name, file):
        self.keep("key", name, *[line for line in file.read_text().splitlines() if len(line) > 40])
        self.keepers[file] = {"key"}

    # -- what was let out -------------------------------------------------------------------------------------------

    def show(self, where, text, may_hold=()):
        self.shown.append((where, text if isinstance(text, bytes) else text.encode(), frozenset(may_hold)))
        return text

    def show_answer(self, where, answer, may_hold=()):
        self.show(where, f"{answer.status}\n{answer.fields}\n{answer.text}", may_hold)
        return answer

    def verb(self, *arguments, may_print=(), stdin=""):
        """Runs a verb to its end. Standard error may never hold anything."""
        done = harness.jwtd(*arguments, stdin=stdin, cwd=self.working, env={"TMPDIR": str(self.working), "HOME": str(self.working)})
        command = "jwtd " + " ".join(map(str, arguments))[:100]
        self.show(f"standard output of `{command}`", done.stdout, may_print)
        self.show(f"standard error of `{command}`", done.stderr)
        return done

    def file(self, name, text, may_hold):
        """A private file of somebody who uses jwtd."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        self.keepers[path] = frozenset(may_hold)
        return path

    def watch(self, server):
        """Its store may hold what is personal, and its key file the key; log, configuration and callers' file are as any other file."""
        self.servers.append(server)
        server.env = {**server.env, "TMPDIR": str(self.working)}
        self.keepers |= {server.folder / "db": PERSONAL, server.key_file: {"key"}}
        return server

    def show_process(self, name, process):
        self.show(f"the command line of {name}, which every user of the machine can read", open(f"/proc/{process.pid}/cmdline", "rb").read())

    def finish(self, server):
        """Stops it; metrics and health are those of its whole life."""
        for path in ("/metrics", "/readyz", "/livez"):
            self.show_answer(f"{path} of {server.folder.name}", server.admin_get(path))
        self.show_process(server.folder.name, server.process)
        assert server.stop() == 0
        assert server.events("request"), "a log without requests shows nothing"

    # -- the search -------------------------------------------------------------------------------------------------

    def may_hold(self, path):
        kinds = [kinds for keeper, kinds in self.keepers.items() if keeper == path or keeper in path.parents]
        return frozenset().union(*kinds)

    def files(self):
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield f"the file {path.relative_to(self.folder)}", path.read_bytes(), self.may_hold(path)

    def look(self):
        """(kind, whether it may be there, what to say of it) of every secret that is somewhere."""
        for where, octets, may_hold in [*self.shown, *self.files()]:
            for kind, name, secret in self.secrets:
                if (at := octets.find(secret)) >= 0:
                    around = octets[max(0, at - AROUND):at + len(secret) + AROUND].decode(errors="replace")
                    yield kind, kind in may_hold, f"{where} has the {name}: ...{around}..."

    def leaks(self):
        return [said for _, allowed, said in self.look() if not allowed]

    def search(self):
        """Fails with what was found. What may hold something shows that the search would find it elsewhere, too."""
        found = list(self.look())
        leaks = [said for _, allowed, said in found if not allowed]
        assert not leaks, f"{len(leaks)} leaks\n" + "\n".join(leaks[:SHOWN])
        assert {kind for kind, _, _ in found} >= ALL, "of some kind nothing was found even where it may be"

    def search_modes(self):
        """What jwtd itself made, and may hold something, is readable by its owner alone: the file, or a folder above it."""
        for keeper in self.keepers:
            for path in [keeper, *keeper.rglob("*")] if keeper.exists() else []:
                above = [path, *[folder for folder in path.parents if keeper in (folder, *folder.parents)]]
                assert any(one.stat().st_mode & 0o077 == 0 for one in above), f"others may read {path}"
