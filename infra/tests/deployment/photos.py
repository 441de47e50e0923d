"""Photos like a camera's: real JPEGs with EXIF."""

import io

from PIL import Image

# The photos of the main workflow: file name -> (width, height, noise). The noisy one exceeds 5 MiB, so that S3 copies
# it.
SHOTS = {
    "Brücke.jpg": (1200, 800, False),
    "IMG_0002.JPG": (3000, 2250, True),
    "portrait.jpg": (800, 1200, False),
}


def jpeg(width: int, height: int, noisy: bool = False, quality: int = 95) -> bytes:
    """Returns a JPEG with make, model and time in its EXIF."""
    picture = Image.effect_noise((width, height), 90) if noisy else Image.linear_gradient("L").resize((width, height))
    exif = Image.Exif()
    exif[0x010F] = "Darkroom"
    exif[0x0110] = "Deployment 1"
    exif[0x0132] = "2026:05:04 10:11:12"
    written = io.BytesIO()
    picture.convert("RGB").save(written, "JPEG", quality=quality, exif=exif)
    return written.getvalue()
