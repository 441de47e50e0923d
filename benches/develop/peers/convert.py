"""Stores a JPEG as HEIC, AVIF or JPEG XL, with its EXIF and profile, as a phone or an editor would."""

import sys

import pillow_heif
import pillow_jxl  # registers itself
from PIL import Image

pillow_heif.register_heif_opener()
with Image.open(sys.argv[1]) as photo:
    photo.save(sys.argv[2], quality=80, exif=photo.info["exif"], icc_profile=photo.info["icc_profile"])
