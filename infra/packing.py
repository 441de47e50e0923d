"""Packages of Lambda functions: a ZIP that holds one binary, `bootstrap`, and is the same for the same binary."""

import zipfile
from pathlib import Path

FUNCTIONS = ["api", "email-sender", "photo-processor", "archive-builder", "housekeeper"]
# The earliest time that a ZIP can say.
EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(bootstrap: Path, level: int) -> Path:
    """`bootstrap.zip` beside it, packed with deflate at this level."""
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    package = bootstrap.parent / "bootstrap.zip"
    with zipfile.ZipFile(package, "w") as written:
        written.writestr(entry, bootstrap.read_bytes(), compresslevel=level)
    return package
