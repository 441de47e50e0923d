"""TIFF: photometric interpretation x extra samples x depth x planes x compression and predictor; strips, tiles, byte
orders and offset sizes alternate. Expected pictures are derived from what tifffile (imagecodecs) and libtiff (Pillow)
read."""

import itertools
import struct

import numpy
import tifffile
from PIL import Image, ImageCms

import picture

EXTRA = {"none": (), "sel": (0,), "assoc": (1,), "alpha": (2,), "sel2": (0, 0), "alpha+sel": (2, 0), "sel+alpha": (0, 2)}
DEPTHS = {"u8": "uint8", "u16": "uint16", "u32": "uint32", "f16": "float16", "f32": "float32", "f64": "float64"}
CODINGS = [("none", 0), ("lzw", 0), ("lzw", 1), ("deflate", 0), ("deflate", 1), ("packbits", 0)]
CHUNKS = [{}, {"rowsperstrip": 9}, {"tile": (16, 32)}]
CONTAINERS = [{"byteorder": order, "bigtiff": big} for order in "<>" for big in (False, True)]


def colours(photometric):
    """Returns samples of 0 to 1 without extra samples."""
    if photometric in ("minisblack", "miniswhite"):
        return picture.gray()[..., None]
    if photometric == "separated":
        return numpy.concatenate([1 - picture.rgb(), 0.3 * picture.gray()[..., None]], axis=-1)
    return picture.rgb()


def shown(photometric, samples, extra, linear):
    """Returns the picture of samples of 0 to 1, over white."""
    count = {"rgb": 3, "separated": 4}.get(photometric, 1)
    base, rest = samples[..., :count], samples[..., count:]
    alpha = next(((kind, rest[..., at : at + 1]) for at, kind in enumerate(extra) if kind), None)
    is_ink = photometric in ("separated", "miniswhite")
    if not is_ink:
        base = 1 - base
    if alpha and alpha[0] == 2:
        base = base * alpha[1]
    elif alpha and not is_ink:
        # 1 - c of a premultiplied c exceeds the value by the transparent part.
        base = base - (1 - alpha[1])
    if photometric == "separated":
        return (1 - base[..., :3]) * (1 - base[..., 3:])
    result = 1 - numpy.clip(base, 0, 1)
    return picture.encode(result) if linear else result


def quantised(samples, dtype):
    if numpy.dtype(dtype).kind == "f":
        return samples.astype(dtype)
    return (samples * numpy.iinfo(dtype).max + 0.5).astype(dtype)


def unit(samples):
    return samples.astype(float) / (numpy.iinfo(samples.dtype).max if samples.dtype.kind == "u" else 1)


def layouts(folder):
    turn = itertools.count()
    for photometric, (extra_name, extra), (depth, dtype), planar, (coding, predictor) in itertools.product(
        ("minisblack", "miniswhite", "rgb", "separated"), EXTRA.items(), DEPTHS.items(), ("contig", "separate"), CODINGS
    ):
        samples = colours(photometric)
        count = samples.shape[-1]
        if planar == "separate" and count + len(extra) == 1:
            continue
        n = next(turn)
        chunks, container = CHUNKS[n % 3], CONTAINERS[n // 3 % 4]
        planes = []
        for at, kind in enumerate(extra):
            planes.append(picture.alpha() if kind else picture.selection(at))
            if kind == 1:
                samples = samples * picture.alpha()[..., None]
        samples = quantised(numpy.concatenate([samples, *[plane[..., None] for plane in planes]], axis=-1), dtype)
        name = f"tiff-{photometric}-{extra_name}-{depth}-{planar}-{coding}{'-pred' * predictor}-{n % 12}.tif"
        stored = numpy.moveaxis(samples, -1, 0) if planar == "separate" else samples
        stored = stored[..., 0] if samples.shape[-1] == 1 else stored
        tifffile.imwrite(
            folder / name, stored, photometric=photometric, planarconfig=planar if samples.shape[-1] > 1 else None,
            extrasamples=extra, compression=None if coding == "none" else coding,
            predictor=bool(predictor), metadata=None, **chunks, **container,
        )
        read = tifffile.imread(folder / name)
        assert (read == stored).all(), name
        yield name, shown(photometric, unit(samples), extra, dtype.startswith("float") and photometric != "separated")


def zstandards(folder):
    extra = [picture.alpha(), picture.selection(1)]
    samples = numpy.concatenate([picture.rgb(), *[plane[..., None] for plane in extra]], axis=-1)
    for (depth, dtype), predictor, chunks in itertools.product(DEPTHS.items(), (False, True), CHUNKS):
        name = f"tiff-zstd-{depth}{'-pred' * predictor}-{len(chunks)}{'tile' in chunks}.tif"
        stored = quantised(samples, dtype)
        tifffile.imwrite(
            folder / name, stored, photometric="rgb", extrasamples=(2, 0), compression="zstd", predictor=predictor,
            metadata=None, **chunks,
        )
        yield name, shown("rgb", unit(stored), (2, 0), dtype.startswith("float"))


def few_bits(folder):
    for bits, (order, photometric) in itertools.product((1, 2, 4, 12), itertools.product("<>", ("minisblack", "rgb"))):
        dtype = "uint8" if bits <= 8 else "uint16"
        samples = (colours(photometric) * (2**bits - 1) + 0.5).astype(dtype)
        samples = samples[..., 0] if photometric == "minisblack" else samples
        if bits == 1:
            samples = numpy.broadcast_to(picture.selection(0).reshape(samples.shape[:2] + (1,) * (samples.ndim - 2)), samples.shape)
        name = f"tiff-{photometric}-{bits}bits-{'little' if order == '<' else 'big'}.tif"
        write_packed(folder / name, samples, bits, order, photometric)
        yield name, samples / (2**bits - 1)


def write_packed(path, samples, bits, order, photometric):
    """Packs the samples bit by bit: tifffile packs whole bytes only."""
    rows = samples.reshape(samples.shape[0], -1)
    lines = b"".join(
        int(text + "0" * (-len(text) % 8), 2).to_bytes((len(text) + 7) // 8, "big")
        for text in ("".join(format(int(value), f"0{bits}b") for value in row) for row in rows)
    )
    count = 1 if samples.ndim == 2 else samples.shape[-1]
    fields = [
        (256, 4, [samples.shape[1]]), (257, 4, [samples.shape[0]]), (258, 3, [bits] * count), (259, 3, [1]),
        (262, 3, [1 if photometric == "minisblack" else 2]), (273, 4, [0]), (277, 3, [count]),
        (278, 4, [samples.shape[0]]), (279, 4, [len(lines)]),
    ]
    path.write_bytes(structure(fields, lines, order))


def structure(fields, data, order):
    """Returns a TIFF of one directory, with `data` at StripOffsets (273)."""
    start = 8 + 2 + 12 * len(fields) + 4
    later, entries = b"", b""
    sizes = {3: "H", 4: "I"}
    for tag, kind, values in fields:
        packed = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        if len(packed) <= 4:
            value = packed.ljust(4, b"\0")
        else:
            value = struct.pack(f"{order}I", start + len(later))
            later += packed
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + (b"OFFS" if tag == 273 else value)
    entries = entries.replace(b"OFFS", struct.pack(f"{order}I", start + len(later)))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}H", len(fields)) + entries + b"\0\0\0\0" + later + data


def palettes(folder):
    image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8")).quantize(200, dither=0)
    colormap = numpy.zeros((3, 256), "uint16")
    entries = numpy.array(image.getpalette()).reshape(-1, 3)
    colormap[:, : len(entries)] = entries.T.astype("uint16") * 257
    indices = numpy.asarray(image)
    for (coding, predictor), chunks in itertools.product(CODINGS, CHUNKS):
        name = f"tiff-palette-{coding}{'-pred' * predictor}-{len(chunks)}{'tile' in chunks}.tif"
        tifffile.imwrite(
            folder / name, indices, photometric="palette", colormap=colormap, metadata=None,
            compression=None if coding == "none" else coding, predictor=bool(predictor), **chunks,
        )
        yield name, numpy.asarray(image.convert("RGB")) / 255


    # Alpha beside the index, interleaved and in a plane of its own.
    for bits, planes in itertools.product((8, 16), ("contig", "separate")):
        map_of_bits = numpy.zeros((3, 2**bits), "uint16")
        map_of_bits[:, :256] = colormap
        alpha = picture.alpha() * (2**bits - 1) + 0.5
        samples = [indices.astype(f"uint{bits}"), alpha.astype(f"uint{bits}")]
        name = f"tiff-palette-alpha-{bits}bits-{planes}.tif"
        tifffile.imwrite(
            folder / name, numpy.stack(samples, axis=0 if planes == "separate" else -1), photometric="minisblack",
            planarconfig=planes, extrasamples=["unassalpha"], metadata=None,
            extratags=[(320, 3, 3 * 2**bits, map_of_bits.ravel(), True)],
        )
        # tifffile writes palettes of one sample only.
        file = bytearray((folder / name).read_bytes())
        entry = file.index(struct.pack("<HHIH", 262, 3, 1, 1))
        file[entry + 8] = 3
        (folder / name).write_bytes(file)
        weight = picture.alpha()[..., None]
        yield name, numpy.asarray(image.convert("RGB")) / 255 * weight + 1 - weight


def labs(folder):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8"))
    converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    samples = numpy.frombuffer(converted.tobytes(), "uint8").reshape(picture.HEIGHT, picture.WIDTH, 3)
    # 16 bits: L to 65,535, a and b in steps of 1/256.
    deep = samples.astype("uint16") * 256
    deep[..., 0] = samples[..., 0].astype("uint16") * 257
    icc = samples ^ numpy.array([0, 0x80, 0x80], "uint8")
    icc_deep = icc.astype("uint16") * 256
    icc_deep[..., 0] = (samples[..., 0] * (0xFF00 / 255)).astype("uint16")
    for kind, data in [("cielab", samples), ("cielab", deep), ("icclab", icc), ("icclab", icc_deep)]:
        for (coding, predictor), planar in itertools.product(CODINGS, ("contig", "separate")):
            name = f"tiff-{kind}-{data.dtype}-{coding}{'-pred' * predictor}-{planar}.tif"
            tifffile.imwrite(
                folder / name, numpy.moveaxis(data, -1, 0) if planar == "separate" else data, photometric=kind,
                planarconfig=planar, metadata=None, compression=None if coding == "none" else coding,
                predictor=bool(predictor),
            )
            yield name, picture.rgb()


def jpegs(folder):
    eight = (picture.rgb() * 255 + 0.5).astype("uint8")
    gray = (picture.gray() * 255 + 0.5).astype("uint8")
    cmyk = quantised(colours("separated"), "uint8")
    # JPEG stores RGB as YCbCr, except where the colour space is kept.
    kinds = [("minisblack", gray, {}), ("separated", cmyk, {}), ("rgb", eight, {"outcolorspace": "rgb"})]
    kinds += [("rgb", eight, {"subsampling": subsampling}) for subsampling in ((1, 1), (2, 2), (2, 1))]
    for place, chunks in zip(("whole", "strips", "tiles"), ({}, {"rowsperstrip": 16}, {"tile": (16, 32)})):
        for photometric, samples, more in kinds:
            name = f"tiff-jpeg-{photometric}{''.join(map(str, more.get('subsampling', ['kept'][: len(more)])))}-{place}.tif"
            tifffile.imwrite(
                folder / name, samples, compression="jpeg", photometric=photometric, metadata=None, **chunks,
                **({"subsampling": more["subsampling"]} if "subsampling" in more else {}),
                compressionargs={"level": 95} | ({"outcolorspace": "rgb"} if "outcolorspace" in more else {}),
            )
            yield name, shown(photometric, unit(samples.reshape(*gray.shape, -1)), (), False)


def libtiffs(folder):
    """Writes files of libtiff through Pillow, which reads them too: fax, JPEG with shared tables."""
    black = Image.fromarray((picture.selection(0) * 255).astype("uint8")).convert("1", dither=0)
    colour = Image.fromarray((picture.rgb() * 255 + 0.5).astype("uint8"))
    for coding, image in [("group3", black), ("group4", black), ("tiff_ccitt", black), ("tiff_lzw", black), ("packbits", black),
                          ("jpeg", colour), ("tiff_lzw", colour), ("tiff_adobe_deflate", colour), ("zstd", colour),
                          ("lzma", colour), ("webp", colour)]:
        name = f"tiff-libtiff-{image.mode}-{coding}.tif"
        try:
            image.save(folder / name, compression=coding)
        except Exception:
            (folder / name).unlink(missing_ok=True)
            continue
        yield name, numpy.asarray(Image.open(folder / name).convert("RGB")) / 255


def pages(folder):
    """Writes thumbnails and masks before the photo."""
    full = (picture.rgb() * 255 + 0.5).astype("uint8")
    small = full[::4, ::4] // 2
    mask = (picture.selection(0) * 255).astype("uint8")
    for kind, first, bits in [("thumbnail", small, 1), ("mask", mask, 4), ("thumbnail+mask", mask, 5)]:
        name = f"tiff-pages-{kind}.tif"
        with tifffile.TiffWriter(folder / name) as writer:
            writer.write(first, subfiletype=1, metadata=None, photometric="rgb" if first.ndim == 3 else "minisblack")
            writer.write(full, photometric="rgb", metadata=None)
        with tifffile.TiffFile(folder / name, mode="r+") as file:
            file.pages[0].tags["NewSubfileType"].overwrite(bits)
        yield name, picture.rgb()
    name = "tiff-pages-subifd.tif"
    with tifffile.TiffWriter(folder / name) as writer:
        writer.write(small, subfiletype=1, subifds=1, metadata=None, photometric="rgb")
        writer.write(full, photometric="rgb", metadata=None)
    yield name, picture.rgb()
    name = "tiff-pages-pyramid.tif"
    with tifffile.TiffWriter(folder / name) as writer:
        writer.write(full, subifds=1, metadata=None, photometric="rgb")
        writer.write(small, subfiletype=1, photometric="rgb", metadata=None)
    yield name, picture.rgb()


def files(folder):
    for make in (layouts, zstandards, few_bits, palettes, labs, jpegs, libtiffs, pages):
        yield from make(folder)
