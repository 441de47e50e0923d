"""JPEG XL by samples, depth, coding and container, of JPEGs with every orientation, and with profiles. Expected
pictures are derived from what libjxl reads."""

import io
import itertools

import imagecodecs
import numpy
import pillow_jxl  # noqa: F401 (registers the format)
from PIL import Image, ImageCms

import picture


def over_white(samples):
    if samples.shape[-1] in (2, 4):
        return samples[..., :-1] * samples[..., -1:] + 1 - samples[..., -1:]
    return samples


def codings(folder):
    gray, alpha = picture.gray()[..., None], picture.alpha()[..., None]
    channels = {"gray": gray, "rgb": picture.rgb()}
    channels |= {f"{label}-alpha": numpy.concatenate([samples, alpha], axis=-1) for label, samples in channels.items()}
    for (label, samples), bits, lossless, container in itertools.product(
        channels.items(), (8, 10, 12, 16, 32), (False, True), (False, True)
    ):
        if bits == 32:
            stored, more = samples.astype("float32"), {}
        else:
            stored = (samples * (2**bits - 1) + 0.5).astype("uint8" if bits == 8 else "uint16")
            more = {"bitspersample": bits}
        more |= {"lossless": True} if lossless else {"distance": 0.5}
        stored = stored[..., 0] if stored.shape[-1] == 1 else stored
        name = f"jxl-{'lossless' if lossless else 'lossy'}-{label}-{bits}{'-container' * container}.jxl"
        (folder / name).write_bytes(imagecodecs.jpegxl_encode(stored, usecontainer=container, **more))
        # This writer marks more than 8 bits as linear light. Lossy files come out in sRGB and are then blended over
        # white.
        encode = picture.encode if bits > 8 else lambda light: light
        yield name, encode(over_white(samples)) if lossless else over_white_encoded(samples, encode)


def over_white_encoded(samples, encode):
    if samples.shape[-1] in (2, 4):
        return over_white(numpy.concatenate([encode(samples[..., :-1]), samples[..., -1:]], axis=-1))
    return encode(samples)


def of_jpegs(folder):
    """Writes recompressed JPEGs: the codestream has EXIF's orientation and the profile."""
    image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8"))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"jxl-jpeg-orientation-{orientation}.jxl"
        jpeg = folder.parent / "jxl.jpg"
        image.save(jpeg, quality=95, exif=exif, icc_profile=profile if orientation % 2 else None)
        with Image.open(jpeg) as opened:
            opened.save(folder / name, lossless_jpeg=True)
        yield name, imagecodecs.jpegxl_decode((folder / name).read_bytes()) / 255


def metadata(folder):
    """Writes EXIF beside an upright codestream, which must not rotate it."""
    image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8"))
    exif = Image.Exif()
    exif[0x0112] = 6
    for compressed in (False, True):
        name = f"jxl-exif-{'compressed' if compressed else 'plain'}.jxl"
        written = io.BytesIO()
        image.save(written, "JXL", quality=95, exif=exif.tobytes(), use_container=True, compress_metadata=compressed)
        (folder / name).write_bytes(written.getvalue())
        yield name, picture.rgb()


def files(folder):
    for make in (codings, of_jpegs, metadata):
        yield from make(folder)
