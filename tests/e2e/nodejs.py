"""Programs for Node with packages from npm (npm/package.json): what other hands have made of the same standards."""

import json
import pathlib
import shutil
import subprocess

import wanted

NPM = pathlib.Path(__file__).resolve().parent / "npm"


def need(package):
    """Installs what npm/package-lock.json names; a test without it is as wanted.missing() has it."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        wanted.missing("no node or no npm on this machine")
    installed = NPM / "node_modules" / package / "package.json"
    version = json.loads((NPM / "package.json").read_text())["dependencies"][package]
    if not installed.exists() or json.loads(installed.read_text())["version"] != version:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=NPM, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            wanted.missing(f"npm ci failed, so {package} is not here: {done.stderr.strip().splitlines()[-1:]}")


def run(program, question):
    """What a module prints as JSON that reads `question` as JSON from its standard input."""
    done = subprocess.run(["node", "--input-type=module", "-e", program], cwd=NPM, input=json.dumps(question), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
