"""Makes the expected pictures from the cases, with others' decoders and LittleCMS.

    python make.py      (needs pillow, pillow-heif, numpy, tifffile and imagecodecs)
"""

import io
import pathlib

import imagecodecs
import numpy
import pillow_heif
import tifffile
from PIL import Image, ImageCms, ImageOps

here = pathlib.Path(__file__).parent
cases = here.parent
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def save(name, picture):
    """Writes a picture of 0 to 1, gray or RGB."""
    picture = numpy.clip(numpy.asarray(picture, dtype=float), 0, 1)
    if picture.ndim == 2:
        picture = numpy.stack([picture] * 3, axis=-1)
    Image.fromarray((picture * 255 + 0.5).astype("uint8"), "RGB").save(here / f"{name}.png", optimize=True)


def tiff(name):
    """The samples of a TIFF, 0 to 1, channels last, and its first page."""
    page = tifffile.TiffFile(cases / name).pages[0]
    samples = page.asarray()
    if int(page.planarconfig) == 2:
        samples = numpy.moveaxis(samples, 0, -1)
    if samples.dtype.kind == "u":
        samples = samples / numpy.iinfo(samples.dtype).max
    return samples.astype(float), page


def inks(cmyk):
    return (1 - cmyk[..., :3]) * (1 - cmyk[..., 3:4])


def over_white(colours, alpha):
    return colours * alpha + (1 - alpha)


def encode(light):
    """sRGB's transfer function."""
    light = numpy.clip(light, 0, 1)
    return numpy.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


# CMYK without a profile: each ink takes its share of the light.
for name in ["pred_cmyk.tif", "pred_cmyk_extra0.tif", "tiff_cmyk_5band.tif"]:
    save(name, inks(tiff(name)[0][..., :4]))

# Hard edges of few colours do not survive a preview.
for name in ["bmp_rle8.bmp", "bmp_565_top_down.bmp", "bmp_os2.bmp", "bmp_named.jpg"]:
    preview = io.BytesIO()
    Image.open(cases / name).convert("RGB").save(preview, "JPEG", quality=80, subsampling=2)
    Image.open(preview).save(here / f"{name}.png", optimize=True)

samples, _ = tiff("tiff_assoc_alpha_half.tif")
save("tiff_assoc_alpha_half.tif", samples[..., :3] + 1 - samples[..., 3:])

samples, _ = tiff("tiff_extra_unassalpha.tif")
save("tiff_extra_unassalpha.tif", over_white(samples[..., :3], samples[..., 3:]))

samples, _ = tiff("tiff_gray16_alpha.tif")
save("tiff_gray16_alpha.tif", over_white(samples[..., 0], samples[..., 1]))

for name in ["tiff_gray_extra0.tif", "pred_gray_extra0.tif"]:
    save(name, tiff(name)[0][..., 0])

save("tiff_white_is_zero.tif", 1 - tiff("tiff_white_is_zero.tif")[0])

for name in ["tiff_ccitt_g4.tif", "tiff_g4.tif"]:
    picture = Image.open(cases / name)
    save(name, numpy.asarray(picture.convert("RGB")) / 255)

# Dithered: what JPEG with halved chroma, as previews are, leaves of it.
encoded = io.BytesIO()
Image.open(cases / "tiff_palette_pillow.tif").convert("RGB").save(encoded, "JPEG", quality=80, subsampling=2)
save("tiff_palette_pillow.tif", numpy.asarray(Image.open(encoded)) / 255)

save("pred_rgb16_extra0.tif", tiff("pred_rgb16_extra0.tif")[0][..., :3])
# Both are linear, one by its profile.
for name in ["tiff_float32_pred3.tif", "tiff_float32_linear_icc.tif"]:
    save(name, encode(tiff(name)[0]))

page = tifffile.TiffFile(cases / "tiff_palette.tif").pages[0]
save("tiff_palette.tif", numpy.moveaxis(page.colormap[:, page.asarray()], 0, -1) / 65535)

for name in ["tiff16_linear_icc_gradient.tif", "tiff16_prophoto_gradient.tif"]:
    page = tifffile.TiffFile(cases / name).pages[0]
    converted = imagecodecs.cms_transform(
        page.asarray(), page.tags["InterColorProfile"].value, srgb, colorspace="rgb", outcolorspace="rgb",
        outdtype="uint16", intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
    )
    save(name, converted / 65535)

page = tifffile.TiffFile(cases / "tiff_lab.tif").pages[0]
# Pillow's LAB has signed a and b too.
picture = Image.frombytes("LAB", (page.imagewidth, page.imagelength), page.asarray().tobytes())
converted = ImageCms.profileToProfile(
    picture, ImageCms.ImageCmsProfile(io.BytesIO(lab)), ImageCms.ImageCmsProfile(io.BytesIO(srgb)), outputMode="RGB"
)
save("tiff_lab.tif", numpy.asarray(converted) / 255)

# Adobe's inks are inverted, which Pillow undoes.
save("cmyk_with_rgb_profile.jpg", inks(numpy.asarray(Image.open(cases / "cmyk_with_rgb_profile.jpg")) / 255))
save("gray_with_rgb_profile.jpg", numpy.asarray(Image.open(cases / "gray_with_rgb_profile.jpg")) / 255)

# The first of two pictures.
save("jpeg_gain_map.jpg", numpy.asarray(Image.open(cases / "jpeg_gain_map.jpg")) / 255)

# The default image of an animation.
picture = Image.open(cases / "apng.png")
picture.seek(0)
save("apng.png", numpy.asarray(picture.convert("RGB")) / 255)

# Pillow gives a rotation and mirroring of the container as an EXIF orientation.
picture = ImageOps.exif_transpose(Image.open(cases / "avif_irot1_imir0.avif"))
save("avif_irot1_imir0.avif", numpy.asarray(picture.convert("RGB")) / 255)

# Over white. Pillow applies no crop; its rotation and mirroring are those of the file.
for name in ["heic_grid.heic", "heic_alpha.heic", "heic_ten_bits.heic"]:
    samples = numpy.asarray(pillow_heif.open_heif(cases / name)) / 255
    save(name, over_white(samples[..., :3], samples[..., 3:]) if samples.shape[-1] == 4 else samples)
samples = numpy.asarray(Image.open(cases / "avif_alpha.avif")) / 255
save("avif_alpha.avif", over_white(samples[..., :3], samples[..., 3:]))
# 100 x 90 pixels whose centre is 1 to the right of that of 120 x 110, and 3 above it; then a quarter turn against the clock,
# and left for right.
whole = numpy.asarray(Image.open(cases / "avif_grid.avif")) / 255
save("avif_grid.avif", numpy.flip(numpy.rot90(whole[7:97, 11:111]), 1))
