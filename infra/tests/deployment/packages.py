"""Packages of functions that were built for this machine: the emulator runs them as processes."""

import shutil
import subprocess
import zipfile
from pathlib import Path

from steps import check

FUNCTIONS = ["api", "email-sender", "photo-processor", "archive-builder"]


def make(binaries: Path, into: Path):
    """`into/<function>/bootstrap.zip` of each of the binaries."""
    for function in FUNCTIONS:
        binary = binaries / function
        check(binary.is_file(), f"there is no {binary}: cargo build --release --bins makes it")
        folder = into / function
        folder.mkdir(parents=True)
        bootstrap = folder / "bootstrap"
        # Debug information would only make the package too large.
        stripped = shutil.which("strip") and subprocess.run(["strip", "-o", bootstrap, binary]).returncode == 0
        if not stripped:
            shutil.copy(binary, bootstrap)
        entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o100755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(folder / "bootstrap.zip", "w") as package:
            package.writestr(entry, bootstrap.read_bytes(), compresslevel=1)
        bootstrap.unlink()
