"""PNG by colour type, depth, interlacing, transparency and colour chunks; WebP and GIF. Expected pictures are derived
from what libpng (imagecodecs), libwebp and Pillow read."""

import io
import itertools
import struct
import zlib

import imagecodecs
import numpy
from PIL import Image, ImageCms

import picture

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def lines(samples, depth):
    """Returns rows of packed samples, each with a filter byte."""
    packed = b""
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        else:
            bits = "".join(format(int(value), f"0{depth}b") for value in row)
            data = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
        packed += b"\0" + data
    return packed


def png(samples, kind, depth, interlaced=False, before=()):
    """Returns a PNG of integer samples (rows, columns, channels)."""
    height, width = samples.shape[:2]
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        data = b"".join(lines(part, depth) for part in passes if part.size)
    else:
        data = lines(samples, depth)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    chunks = [chunk(b"IHDR", head), *[chunk(*each) for each in before], chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def read(data):
    """Reads a file with libpng: gray or RGB of 0 to 1, over white."""
    samples = imagecodecs.png_decode(data)
    samples = samples / numpy.iinfo(samples.dtype).max
    samples = samples[..., None] if samples.ndim == 2 else samples
    if samples.shape[-1] in (2, 4):
        samples = samples[..., :-1] * samples[..., -1:] + 1 - samples[..., -1:]
    return samples


def pngs(folder):
    channels = {0: picture.gray()[..., None], 2: picture.rgb(), 4: None, 6: None}
    channels[4] = numpy.concatenate([channels[0], picture.alpha()[..., None]], axis=-1)
    channels[6] = numpy.concatenate([channels[2], picture.alpha()[..., None]], axis=-1)
    depths = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (4, 8), (4, 16), (6, 8), (6, 16)]
    for (kind, depth), interlaced, transparent in itertools.product(depths, (False, True), (False, True)):
        if transparent and kind > 2:
            continue
        samples = (channels[kind] * (2**depth - 1) + 0.5).astype("uint16")
        if depth == 1:
            samples = picture.selection(0)[..., None].astype("uint16")
        before = []
        if transparent:
            # One value is transparent: a patch of it.
            samples[10:30, 10:40] = 0
            before = [(b"tRNS", b"\0\0" * samples.shape[-1])]
        data = png(samples, kind, depth, interlaced, before)
        name = f"png-{depth}bits-{kind}{'-interlaced' * interlaced}{'-trns' * transparent}.png"
        (folder / name).write_bytes(data)
        # libpng's wrapper warns about interlaced files, so it reads the same picture without interlacing.
        yield name, read(png(samples, kind, depth, False, before))
    yield from indexed(folder)


def indexed(folder):
    for depth, interlaced, transparent in itertools.product((1, 2, 4, 8), (False, True), (False, True)):
        image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8")).quantize(2**depth, dither=0)
        palette = bytes(image.getpalette()[: 3 * 2**depth])
        before = [(b"PLTE", palette)] + ([(b"tRNS", b"\x40")] if transparent else [])
        data = png(numpy.asarray(image)[..., None].astype("uint16"), 3, depth, interlaced, before)
        name = f"png-palette-{depth}bits{'-interlaced' * interlaced}{'-trns' * transparent}.png"
        (folder / name).write_bytes(data)
        yield name, numpy.asarray(over_white(Image.open(io.BytesIO(data)))) / 255


def colour_chunks(folder):
    """Writes files with several colour chunks, of which one takes precedence."""
    srgb_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = (b"sRGB", b"\0")
    iccp = (b"iCCP", b"x\0\0" + zlib.compress(srgb_profile))
    other = (b"iCCP", b"x\0\0" + zlib.compress(lab_profile))
    broken = (b"iCCP", b"x\0\0" + b"not zlib")
    linear, usual, classic = [(b"gAMA", struct.pack(">I", value)) for value in (100000, 45455, 55556)]
    adobe = (b"cHRM", struct.pack(">8I", *[int(v * 100000 + 0.5) for xy in picture.ADOBE_RGB for v in xy]))
    p3, linear_p3, unspecified = (b"cICP", bytes([12, 13, 0, 1])), (b"cICP", bytes([12, 8, 0, 1])), (b"cICP", bytes([2, 2, 0, 1]))
    samples = picture.rgb()
    as_is, from_linear = samples, picture.encode(samples)
    from_p3 = picture.converted(picture.decode(samples), picture.DISPLAY_P3)
    cases = {
        "none": ([], as_is),
        "srgb": ([srgb], as_is),
        "gama-usual": ([usual], as_is),
        "gama-linear": ([linear], from_linear),
        "gama-1.8": ([classic], picture.encode(samples**1.8)),
        "gama-usual-chrm-adobe": ([usual, adobe], picture.converted(samples**2.2, picture.ADOBE_RGB)),
        "chrm-adobe": ([adobe], picture.converted(picture.decode(samples), picture.ADOBE_RGB)),
        "srgb-before-gama": ([srgb, linear, adobe], as_is),
        "iccp-before-gama": ([iccp, linear, adobe], as_is),
        "iccp-of-another-space": ([other, linear], from_linear),
        "iccp-broken": ([broken, linear], from_linear),
        "cicp-p3": ([p3], from_p3),
        "cicp-before-iccp": ([p3, iccp], from_p3),
        "cicp-before-srgb": ([p3, srgb, linear], from_p3),
        "cicp-linear": ([linear_p3], picture.converted(samples, picture.DISPLAY_P3)),
        "cicp-unspecified": ([unspecified, srgb], as_is),
        "cicp-pq": ([(b"cICP", bytes([9, 16, 0, 1]))], as_is),
    }
    for (label, (before, shown)), depth in itertools.product(cases.items(), (8, 16)):
        name = f"png-colour-{label}-{depth}.png"
        (folder / name).write_bytes(png((samples * (2**depth - 1) + 0.5).astype("uint16"), 2, depth, False, before))
        yield name, shown
    gray = picture.gray()[..., None]
    (folder / "png-colour-gray-linear.png").write_bytes(png((gray * 65535).astype("uint16"), 0, 16, False, [linear]))
    yield "png-colour-gray-linear.png", picture.encode(gray)


def over_white(image):
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def webps(folder):
    colours = (picture.rgb() * 255 + 0.5).astype("uint8")
    clear = numpy.concatenate([colours, (picture.alpha()[..., None] * 255 + 0.5).astype("uint8")], axis=-1)
    for (label, samples), lossless in itertools.product({"rgb": colours, "alpha": clear}.items(), (False, True)):
        image = Image.fromarray(samples)
        for animated in (False, True):
            name = f"webp-{'lossless' if lossless else 'lossy'}-{label}{'-animated' * animated}.webp"
            more = {"save_all": True, "append_images": [Image.new(image.mode, image.size)], "duration": 99} if animated else {}
            image.save(folder / name, lossless=lossless, quality=95, **more)
            first = Image.open(folder / name)
            first.seek(0)
            yield name, numpy.asarray(over_white(first)) / 255


def gifs(folder):
    image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8")).quantize(255, dither=0)
    plain = io.BytesIO()
    image.save(plain, "GIF", interlace=0)
    data = plain.getvalue()
    for label, more in {"plain": {"interlace": 0}, "interlaced": {"interlace": 1}, "transparent": {"transparency": 7}}.items():
        name = f"gif-{label}.gif"
        image.save(folder / name, **more)
        yield name, numpy.asarray(over_white(Image.open(folder / name))) / 255
    # The frame has a palette that replaces the file's.
    table = 3 << ((data[10] & 7) + 1)
    at = data.index(b",", 13 + table)
    local = data[:10] + bytes([data[10] & 0x70]) + data[11:13] + data[13 + table : at + 9] + bytes([0x80 | data[at + 9] | data[10] & 7]) + data[13 : 13 + table] + data[at + 10 :]
    (folder / "gif-local-palette.gif").write_bytes(local)
    yield "gif-local-palette.gif", numpy.asarray(over_white(Image.open(io.BytesIO(data)))) / 255
    # The first frame is in the middle of a larger canvas.
    width, height = picture.WIDTH + 20, picture.HEIGHT + 16
    smaller = data[:6] + struct.pack("<HH", width, height) + data[10 : at + 1] + struct.pack("<HH", 10, 8) + data[at + 5 :]
    (folder / "gif-smaller-frame.gif").write_bytes(smaller)
    shown = numpy.ones((height, width, 3))
    shown[8 : 8 + picture.HEIGHT, 10 : 10 + picture.WIDTH] = numpy.asarray(image.convert("RGB")) / 255
    yield "gif-smaller-frame.gif", shown


def files(folder):
    for make in (pngs, colour_chunks, webps, gifs):
        yield from make(folder)
