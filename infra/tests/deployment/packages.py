"""Packages of functions built for this machine, which the emulator runs as processes."""

import shutil
import subprocess
import sys
from pathlib import Path

from steps import check

sys.path.append(str(Path(__file__).parents[2]))
from packing import FUNCTIONS, pack


def make(binaries: Path, into: Path):
    """Writes `into/<function>/bootstrap.zip` for each of the binaries."""
    for function in FUNCTIONS:
        binary = binaries / function
        check(binary.is_file(), f"there is no {binary}: cargo build --bins makes it")
        folder = into / function
        folder.mkdir(parents=True)
        bootstrap = folder / "bootstrap"
        # Debug information would make the package too large.
        stripped = shutil.which("strip") and subprocess.run(["strip", "-o", bootstrap, binary]).returncode == 0
        if not stripped:
            shutil.copy(binary, bootstrap)
        pack(bootstrap, level=1)
        bootstrap.unlink()
