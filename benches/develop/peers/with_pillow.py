"""Pillow: `draft` makes the decoder shrink, and the thumbnail is made from the preview."""

import sys

import pillow_heif
import pillow_jxl  # registers itself
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
out, *files = sys.argv[1:]
for number, file in enumerate(files):
    with Image.open(file) as original:
        original.draft("RGB", (2048, 2048))
        original.thumbnail((2048, 2048))
        preview = ImageOps.exif_transpose(original)
    preview.save(f"{out}/{number}.preview.jpg", quality=80, exif=b"")
    preview.thumbnail((400, 400))
    preview.save(f"{out}/{number}.thumb.jpg", quality=80, exif=b"")
