"""BMP by header, depth, masks, compression and order of rows. The expected pictures are the arrays from which the files
are made: Pillow reads the same, but does not support all masks."""

import itertools
import struct

import numpy
from PIL import Image

import picture

HEADERS = {"os2": 12, "os2-2": 64, "v3": 40, "v4": 108, "v5": 124}
RGB, RLE8, RLE4, BITFIELDS = 0, 1, 2, 3


def rows(samples, bits):
    """Returns rows of packed pixel values, padded to four bytes."""
    packed = []
    for row in samples:
        if bits >= 8:
            data = b"".join(int(value).to_bytes(bits // 8, "little") for value in row)
        else:
            digits = "".join(format(int(value), f"0{bits}b") for value in row)
            data = int(digits + "0" * (-len(digits) % 8), 2).to_bytes((len(digits) + 7) // 8, "big")
        packed.append(data + b"\0" * (-len(data) % 4))
    return packed


def bmp(header, bits, data, size, compression=RGB, palette=(), masks=(), top_down=False):
    length = HEADERS[header]
    width, height = size
    if header == "os2":
        info = struct.pack("<IHHHH", length, width, height, 1, bits)
        table = b"".join(bytes(colour[::-1]) for colour in palette)
    else:
        height = -height if top_down else height
        info = struct.pack("<IiiHHIIiiII", length, width, height, 1, bits, compression, len(data), 2835, 2835, len(palette), 0)
        if header in ("v4", "v5"):
            info += struct.pack("<4I", *(masks or (0, 0, 0, 0))) + b"BGRs"
        info = info.ljust(length, b"\0")
        if header == "v3" and compression == BITFIELDS:
            info += struct.pack("<3I", *masks[:3])
        table = b"".join(bytes(colour[::-1]) + b"\0" for colour in palette)
    offset = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + table + data


def run_lengths(samples, bits):
    """Encodes RLE8 or RLE4: runs, literals where no value repeats, an end of each row and of the picture."""
    out = b""
    for row in samples:
        at = 0
        values = [int(value) for value in row]
        while at < len(values):
            count = len(list(itertools.takewhile(lambda value: value == values[at], values[at : at + 255])))
            if count > 1 or len(values) - at < 3:
                out += bytes([count, values[at] if bits == 8 else values[at] * 17])
                at += count
                continue
            count = min(40, len(values) - at)
            literal = values[at : at + count]
            if bits == 4:
                literal = [high * 16 + low for high, low in itertools.zip_longest(literal[::2], literal[1::2], fillvalue=0)]
            out += bytes([0, count]) + bytes(literal) + b"\0" * (len(literal) % 2)
            at += count
        out += b"\0\0"
    return out + b"\0\1"


def masked(samples, masks):
    """Returns pixel values of channels of 0 to 1 under these masks, and the channels after rounding."""
    value = numpy.zeros(samples.shape[:2], dtype="uint32")
    kept = []
    for channel, mask in enumerate(masks):
        if not mask:
            continue
        shift = (mask & -mask).bit_length() - 1
        most = mask >> shift
        level = (samples[..., channel] * most + 0.5).astype("uint32")
        value |= level << shift
        kept.append(level / most)
    return value, numpy.stack(kept, axis=-1)


def files(folder):
    size = (picture.WIDTH, picture.HEIGHT)
    image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8"))
    written = {}
    for header, bits in itertools.product(HEADERS, (1, 4, 8)):
        indexed = image.quantize(2**bits, dither=0)
        palette = [tuple(indexed.getpalette()[3 * n : 3 * n + 3]) for n in range(2**bits)]
        values, shown = numpy.asarray(indexed), numpy.asarray(indexed.convert("RGB")) / 255
        written[f"bmp-{header}-palette-{bits}"] = bmp(header, bits, b"".join(rows(values[::-1], bits)), size, palette=palette), shown
        if header not in ("os2", "os2-2") and bits > 1:
            compression = RLE8 if bits == 8 else RLE4
            data = run_lengths(values[::-1], bits)
            written[f"bmp-{header}-rle-{bits}"] = bmp(header, bits, data, size, compression, palette), shown
    gray = [(n, n, n) for n in range(256)]
    values = (picture.gray() * 255 + 0.5).astype("uint8")
    written["bmp-v3-gray-8"] = bmp("v3", 8, b"".join(rows(values[::-1], 8)), size, palette=gray), values / 255
    kinds = {
        "555": (16, RGB, (0x7C00, 0x3E0, 0x1F, 0)),
        "565": (16, BITFIELDS, (0xF800, 0x7E0, 0x1F, 0)),
        "masks-555": (16, BITFIELDS, (0x7C00, 0x3E0, 0x1F, 0)),
        "24": (24, RGB, (0xFF0000, 0xFF00, 0xFF, 0)),
        "32": (32, RGB, (0xFF0000, 0xFF00, 0xFF, 0)),
        "masks-32": (32, BITFIELDS, (0xFF0000, 0xFF00, 0xFF, 0)),
        "masks-rgb": (32, BITFIELDS, (0xFF, 0xFF00, 0xFF0000, 0)),
        "alpha": (32, BITFIELDS, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
        "masks-10": (32, BITFIELDS, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
    }
    clear = numpy.concatenate([picture.rgb(), picture.alpha()[..., None]], axis=-1)
    for header, (label, (bits, compression, masks)), top_down in itertools.product(HEADERS, kinds.items(), (False, True)):
        if header == "os2" and (compression != RGB or bits in (16, 32) or top_down):
            continue
        if label == "alpha" and header not in ("v4", "v5") or header == "os2-2" and compression != RGB:
            continue
        values, shown = masked(clear, masks)
        if shown.shape[-1] == 4:
            shown = shown[..., :3] * shown[..., 3:] + 1 - shown[..., 3:]
        data = b"".join(rows(values if top_down else values[::-1], bits))
        name = f"bmp-{header}-{label}{'-top-down' * top_down}"
        written[name] = bmp(header, bits, data, size, compression, (), masks if compression else (), top_down), shown
    for name, (data, shown) in written.items():
        (folder / f"{name}.bmp").write_bytes(data)
        yield f"{name}.bmp", shown
