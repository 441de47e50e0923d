"""Files as photographers have them."""

import hashlib
import io
import os
import time
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

#: The largest content of a JPEG's comment segment.
MAX_COMMENT = 65533


@dataclass(frozen=True)
class Expected:
    """What a file becomes."""

    #: `ready`, `failed`, or `ignored` for files that become no photo.
    status: str
    #: Error code, content type of a file without pictures, or empty.
    detail: str = ""


PHOTO = Expected("ready")
VIDEO = Expected("ready", "video/mp4")


def picture(width: int, height: int, quality: int = 85) -> bytes:
    """Returns a JPEG of noise, which no coder makes small."""
    content = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(content, "jpeg", quality=quality)
    return content.getvalue()


def commented(jpeg: bytes, comment: bytes) -> bytes:
    """Returns the JPEG with a comment, in as many segments as it needs."""
    pieces = [comment[at : at + MAX_COMMENT] for at in range(0, len(comment), MAX_COMMENT)]
    segments = b"".join(b"\xff\xfe" + (len(piece) + 2).to_bytes(2, "big") + piece for piece in pieces)
    return jpeg[:2] + segments + jpeg[2:]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, files: dict[str, bytes]):
    """Writes the files, finished two minutes ago."""
    ago = time.time() - 120
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (ago, ago))


def export(folder: Path) -> dict[str, Expected]:
    """Writes a folder of an export, and returns what becomes of each file."""
    small = picture(320, 240)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("IMG_1.jpg", small)
    large = picture(2800, 2100, 100)
    assert len(large) > 8 << 20, "smaller than the part size of the AWS CLI"
    photos = {
        "IMG 0001 (2).jpg": commented(small, b"spaces"),
        "Hochzeit/" + unicodedata.normalize("NFC", "Müller & Söhne") + "/50% + mehr.jpg": commented(small, b"NFC"),
        "Hochzeit/" + unicodedata.normalize("NFD", "Übung") + "/" + unicodedata.normalize("NFD", "Größe.jpg"): small,
        "a+b%2Bc/x=1&y #2?.jpg": commented(small, b"signs of URLs"),
        "👰🏽\u200d♀️/💍.jpg": commented(small, b"emoji"),
        "groß/panorama.jpg": large,
        "groß/kommentar.jpg": commented(small, os.urandom(9_000_000)),
    }
    others = {
        "auswahl.zip": (archive.getvalue(), Expected("failed", "not_a_photo")),
        "notizen.txt": (b"milk, eggs\n", Expected("failed", "not_a_photo")),
        "leer.jpg": (b"", Expected("failed", "empty_file")),
        "halb.jpg": (large[: len(large) // 2], Expected("failed", "truncated")),
        "film.mp4": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\0\0\0\x08free", VIDEO),
        ".DS_Store": (b"\0\0\0\1Bud1" + bytes(100), Expected("ignored")),
        "Hochzeit/.DS_Store": (b"\0\0\0\1Bud1" + bytes(200), Expected("ignored")),
        "Hochzeit/Thumbs.db": (b"\xd0\xcf\x11\xe0" + bytes(100), Expected("ignored")),
        "Hochzeit/._IMG_1.jpg": (b"\0\5\x16\7" + bytes(100), Expected("ignored")),
    }
    write(folder, photos | {name: content for name, (content, _) in others.items()})
    return dict.fromkeys(photos, PHOTO) | {name: expected for name, (_, expected) in others.items()}


def many(folder: Path, count: int, size: int):
    """Writes photos of 24 megapixels and this size, which differ in a comment."""
    folder.mkdir(parents=True, exist_ok=True)
    base = next(jpeg for quality in range(95, 0, -5) if len(jpeg := picture(6000, 4000, quality)) < size - 100)
    base = commented(base, bytes(max(0, (size - len(base) - 64) * 65533 // 65537)))
    for number in range(count):
        album = folder / f"album {number // 250:02}"
        album.mkdir(exist_ok=True)
        (album / f"IMG_{number:05}.jpg").write_bytes(commented(base, f"{number:032}".encode()))
