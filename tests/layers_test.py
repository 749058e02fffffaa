"""Holds the source tree to its picture: who may include whom, where vendors' headers may stand, and the shape of a file.

The allowed edges are read from the jwtd_module(...) calls in src/**/CMakeLists.txt, so there is no second list to keep.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
MAX_SOURCE_LINES = 500

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
KEYWORDS = ("SOURCES", "DEPS", "VENDOR", "TESTS", "TEST_DEPS", "FUZZERS", "BENCHES")

# Header prefix -> where it may be included (regular expression over the path below src/).
FENCES = {
    "openssl/": r"jose/|access/|http/tls|http/ticket_keys|http/\w*connection|limit/redis/stream\.cc|outgoing/trust\.cc",
    "curl/": r"outgoing/",
    "hiredis/": r"limit/redis/",
    "simdjson.h": r"json/quick_reader.cc",
    "boost/": r"http/|app/",
    "rocksdb/": r"store/rocksdb/",
    "libpq": r"store/postgres/connection",
    "mongoc/": r"store/mongodb/",
    "bson/": r"store/mongodb/",
    "toml++/": r"document/",
    "CLI/": r"cli/",
    "prometheus/": r"metrics/",
    "nlohmann/json.hpp": r".*\.cc$",  # json_fwd.hpp is light, and meant for headers
}


class Module:
    def __init__(self, name, folder, lists):
        self.name = name
        self.folder = folder
        self.lists = lists

    def files(self):
        return [f for key in ("SOURCES", "TESTS", "FUZZERS", "BENCHES") for f in self.lists[key]]


def read_modules():
    modules = {}
    for cmake in sorted(SRC.glob("**/CMakeLists.txt")):
        text = re.sub(r"#.*", "", cmake.read_text())
        for call in re.finditer(r"jwtd_module\(([^)]*)\)", text):
            words = call.group(1).split()
            lists = {key: [] for key in KEYWORDS}
            key = None
            for word in words[1:]:
                if word in KEYWORDS:
                    key = word
                else:
                    lists[key].append(word)
            modules[words[0]] = Module(words[0], cmake.parent, lists)
    return modules


MODULES = read_modules()
FILES = sorted(p for p in SRC.glob("**/*") if p.suffix in (".h", ".cc"))


def reachable(name, seen=None):
    """A module, what it depends on, and what those do."""
    seen = set() if seen is None else seen
    if name not in seen:
        seen.add(name)
        for dependency in MODULES[name].lists["DEPS"]:
            reachable(dependency, seen)
    return seen


def module_of(path):
    """The module whose folder is the nearest above the file."""
    owners = [m for m in MODULES.values() if m.folder == path.parent or m.folder in path.parents]
    return max(owners, key=lambda m: len(m.folder.parts), default=None)


def name_of(path):
    return str(path.relative_to(SRC))


def is_for_tests(path):
    return re.search(r"_(test|fuzz|bench)\.cc$|_for_tests\.h$", path.name) is not None


def includes(path):
    return [(quoted or angled, bool(quoted)) for quoted, angled in INCLUDE.findall(path.read_text(errors="replace"))]


def test_the_build_describes_modules():
    assert {"base", "http", "store", "app"} <= set(MODULES)
    for module in MODULES.values():
        unknown = [d for d in module.lists["DEPS"] + module.lists["TEST_DEPS"] if d not in MODULES]
        assert not unknown, f"{module.name} depends on {unknown}, which no CMakeLists.txt describes"


def test_arrows_point_down_only():
    for name, module in MODULES.items():
        for dependency in module.lists["DEPS"]:
            assert name not in reachable(dependency), f"{name} and {dependency} depend on each other"


def include_problems(path):
    module = module_of(path)
    if module is None:
        return ["no module owns this file"]
    allowed = reachable(module.name)
    if is_for_tests(path):
        for dependency in module.lists["TEST_DEPS"]:
            allowed = allowed | reachable(dependency)
    problems = []
    for header in (h for h, quoted in includes(path) if quoted):
        target = SRC / header
        if header.startswith("tests/"):
            if not is_for_tests(path):
                problems.append(f'only tests may include "{header}"')
        elif not target.is_file():
            problems.append(f'"{header}" is not below src/ (headers of others go in <>)')
        elif module_of(target).name not in allowed:
            problems.append(f'"{header}": {module_of(target).name} is not among the DEPS of {module.name}')
    return problems


def fence_problems(path):
    found = [(header, prefix) for header, _ in includes(path) for prefix in FENCES if header.startswith(prefix)]
    return [f"<{header}> belongs to {FENCES[prefix]} only" for header, prefix in found
            if not re.match(FENCES[prefix], name_of(path)) and not (is_for_tests(path) and prefix == "nlohmann/json.hpp")]


def first_line_problems(path):
    first = path.read_text(errors="replace").split("\n", 1)[0]
    return [] if re.match(rf"// {re.escape(name_of(path))} - \S", first) else [f"should begin: // {name_of(path)} - what it is"]


def guard_problems(path):
    return ["has no #pragma once"] if path.suffix == ".h" and "#pragma once" not in path.read_text(errors="replace") else []


def length_problems(path):
    lines = path.read_text(errors="replace").count("\n")
    return [f"{lines} lines usually hold two things"] if lines > MAX_SOURCE_LINES and not is_for_tests(path) else []


def in_all_files(check):
    return [f"{name_of(path)}: {problem}" for path in FILES for problem in check(path)]


def test_includes_follow_the_edges():
    assert in_all_files(include_problems) == []


def test_vendors_stay_behind_their_fences():
    assert in_all_files(fence_problems) == []


def test_a_file_says_first_what_it_is():
    assert in_all_files(first_line_problems) == []


def test_a_header_counts_once():
    assert in_all_files(guard_problems) == []


def test_a_source_holds_one_thing():
    assert in_all_files(length_problems) == []


def test_every_listed_file_is_there():
    missing = [f"{m.folder.relative_to(ROOT)}/{f}" for m in MODULES.values() for f in m.files() if not (m.folder / f).is_file()]
    assert missing == []


def test_every_source_is_listed():
    listed = {m.folder / f for m in MODULES.values() for f in m.files()}
    listed.add(SRC / "app" / "main.cc")  # the program itself, not part of a module
    forgotten = [str(p.relative_to(ROOT)) for p in FILES if p.suffix == ".cc" and p not in listed]
    assert forgotten == [], "sources that no build compiles"


def test_every_fuzzer_has_a_corpus():
    for module in MODULES.values():
        for fuzzer in module.lists["FUZZERS"]:
            folder = ROOT / "tests" / "corpus" / pathlib.Path(fuzzer).stem
            assert folder.is_dir() and any(folder.iterdir()), f"{folder} is empty: the replay would test nothing"


def test_every_route_stands_in_the_table_of_scopes():
    """api/routes.cc is the only place that tells a router anything, so no route can do without a line in api/routes.h."""
    callers = [path.name for path in sorted((SRC / "api").glob("*.cc")) if re.search(r"router\.add\(", path.read_text())]
    assert callers == ["routes.cc"]
    askers = [path.name for path in sorted((SRC / "api").glob("*.cc")) if "->authenticate(" in path.read_text()]
    assert askers == ["routes.cc"]
