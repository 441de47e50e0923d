"""The picture that all files of the matrix show, and its conversions."""

import numpy

WIDTH, HEIGHT = 80, 56

SRGB = [(0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)]
ADOBE_RGB = [(0.3127, 0.3290), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)]
DISPLAY_P3 = [(0.3127, 0.3290), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)]


def rgb():
    """Returns the picture: smooth, so that JPEG loses little, and of varying colour, so that shifts are visible."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    x, y = x / (WIDTH - 1), y / (HEIGHT - 1)
    return numpy.stack([0.1 + 0.8 * x, 0.1 + 0.8 * y, 0.5 + 0.4 * numpy.sin(3 * (x + y))], axis=-1)


def gray():
    return rgb()[..., 0] * 0.6 + rgb()[..., 1] * 0.4


def alpha():
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    return 0.2 + 0.8 * (1 - x / (WIDTH - 1)) * (0.5 + 0.5 * y / (HEIGHT - 1))


def selection(n):
    """Returns a saved selection: it has hard edges and is unrelated to the picture."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    return (((x // 9) + (y // 7) + n) % 2).astype(float)


def encode(light):
    """Applies sRGB's transfer function."""
    light = numpy.clip(light, 0, 1)
    return numpy.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def decode(samples):
    return numpy.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)


def to_xyz(primaries):
    """Returns the matrix from linear RGB to XYZ. All spaces here have D65, so no adaptation is needed."""
    xyz = [numpy.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries]
    columns = numpy.stack(xyz[1:], axis=-1)
    return columns * numpy.linalg.solve(columns, xyz[0])


def converted(light, primaries):
    """Converts linear light of other primaries to sRGB."""
    return encode(light @ (numpy.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)).T)


def psnr(a, b):
    error = ((numpy.asarray(a, dtype=float) - numpy.asarray(b, dtype=float)) ** 2).mean()
    return 10 * numpy.log10(1 / max(error, 1e-12))
