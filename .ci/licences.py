"""Checks every crate of the build against `deny.toml`: its licence, its name, its source.

`cargo deny check licenses bans sources` does the same and more.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from license_expression import get_spdx_licensing

RULES = tomllib.loads(Path("deny.toml").read_text())
ALLOWED = set(RULES["licenses"]["allow"])
BANNED = {ban["crate"]: ban["reason"] for ban in RULES["bans"]["deny"]}
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
SPDX = get_spdx_licensing()


def allowed(expression) -> bool:
    """Returns whether allowed licences alone satisfy the terms."""
    match type(expression).__name__:
        case "OR":
            return any(map(allowed, expression.args))
        case "AND":
            return all(map(allowed, expression.args))
        case _:
            return str(expression) in ALLOWED


def faults(package: dict):
    """Yields the faults of a crate as sentences."""
    if package["source"] is None:
        return
    if package["source"] != CRATES_IO:
        yield f"comes from {package['source']}"
    if reason := BANNED.get(package["name"]):
        yield f"is banned: {reason}"
    # Crates older than Cargo's use of SPDX write a slash for "or".
    terms = (package["license"] or "").replace("/", " OR ")
    if not terms:
        yield "names no licence"
    elif not allowed(SPDX.parse(terms, validate=True)):
        yield f"has the licence {terms}"


def main():
    """Prints a line per fault, and exits with 1 if there are any."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    for target in RULES["graph"]["targets"]:
        command += ["--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    built = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in built]
    found = [f"{package['name']} {package['version']} {fault}" for package in packages for fault in faults(package)]
    print("\n".join(found) or f"{len(packages)} crates are as deny.toml says")
    sys.exit(bool(found))


main()
