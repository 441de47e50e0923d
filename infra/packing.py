"""Packages of Lambda functions: a ZIP that contains one binary, `bootstrap`. The same binary gives the same ZIP."""

import json
import zipfile
from pathlib import Path

WORKERS = json.loads((Path(__file__).parent / "workers.json").read_text())
# A function may process several queues.
FUNCTIONS = ["api"] + sorted({worker["function"] for worker in WORKERS.values()})
# ZIP: the earliest time that an entry can have.
EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(bootstrap: Path, level: int) -> Path:
    """Writes `bootstrap.zip` beside the binary, packed with deflate at this level."""
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    package = bootstrap.parent / "bootstrap.zip"
    with zipfile.ZipFile(package, "w") as written:
        written.writestr(entry, bootstrap.read_bytes(), compresslevel=level)
    return package
