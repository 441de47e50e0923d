"""HEIC and AVIF by chroma format, depth, range, alpha, grids, transforms, colours and containers. Expected pictures are
derived from what libheif (pillow-heif) and libavif (Pillow, imagecodecs) read."""

import io
import itertools

import imagecodecs
import numpy
import pillow_heif
from PIL import Image, ImageCms, ImageOps

import heif_boxes as heif
import picture

# Transfer functions of ITU-T H.273.
SRGB, LINEAR, PQ, HLG = 13, 8, 16, 18


def eight(samples):
    return (numpy.clip(samples, 0, 1) * 255 + 0.5).astype("uint8")


def with_alpha(samples):
    return numpy.concatenate([samples, picture.alpha()[..., None]], axis=-1)


def heic(samples, bits=8, **options):
    """Writes an HEIC file with x265 from samples of 0 to 1."""
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[samples.shape[-1]] + (f";{bits}" if bits > 8 else "")
    data = (samples * (2**bits - 1) + 0.5).astype("uint8" if bits == 8 else "<u2").tobytes()
    file = io.BytesIO()
    options = {"quality": 95, **options}
    pillow_heif.from_bytes(mode, (samples.shape[1], samples.shape[0]), data).save(file, **options)
    return file.getvalue()


def avif(samples, **options):
    """Writes an AVIF file with libaom."""
    file = io.BytesIO()
    array = eight(samples)
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(file, "AVIF", **{"quality": 95, "speed": 8, **options})
    return file.getvalue()


def over_white(samples):
    if samples.ndim == 2:
        samples = samples[..., None]
    if samples.shape[-1] in (2, 4):
        samples = samples[..., :-1] * samples[..., -1:] + 1 - samples[..., -1:]
    return samples


def read_heic(data):
    """Reads a file with libheif, which crops and rotates: 0 to 1, over white."""
    shown = numpy.asarray(pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False))
    return over_white(shown / numpy.iinfo(shown.dtype).max)


def read_avif(data):
    """Reads a file with libavif, whose caller rotates."""
    return over_white(numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))) / 255)


def coded(file, folder, group):
    """Writes chroma formats, depths, ranges, matrices, qualities and odd sizes, as encoders write them."""
    rgb, gray = picture.rgb(), picture.gray()[..., None]
    odd = rgb[:53, :71]
    if file is heic:
        kinds = {f"{chroma}-{bits}bits": (rgb, {"chroma": chroma, "bits": bits}) for chroma in (420, 422, 444) for bits in (8, 10, 12)}
        kinds |= {f"400-{bits}bits": (gray, {"bits": bits}) for bits in (8, 10, 12)}
        kinds |= {f"limited-{chroma}-{bits}bits": (rgb, {"chroma": chroma, "bits": bits, "full_range_flag": 0}) for chroma in (420, 444) for bits in (8, 10)}
        kinds |= {f"matrix-{matrix}": (rgb, {"matrix_coefficients": matrix}) for matrix in (1, 5, 6, 9)}
        kinds["matrix-0"] = (rgb, {"quality": -1, "chroma": 444, "matrix_coefficients": 0})
    else:
        kinds = {f"{name}-8bits": (rgb, {"subsampling": name}) for name in ("4:2:0", "4:2:2", "4:4:4")}
        kinds["4:0:0-8bits"] = (gray, {"subsampling": "4:0:0"})
        kinds |= {f"limited-{name}": (rgb, {"subsampling": name, "range": "limited"}) for name in ("4:2:0", "4:4:4")}
        kinds |= {f"tiles-{speed}": (rgb, {"speed": speed, "tile_rows": 1, "tile_cols": 1}) for speed in (4, 10)}
        kinds["lossless"] = (rgb, {"quality": 100, "subsampling": "4:4:4"})
    kinds |= {f"quality-{quality}": (rgb, {"quality": quality}) for quality in (10, 50, 80)}
    kinds |= {"odd-420": (odd, {}), "odd-444": (odd, {"chroma": 444} if file is heic else {"subsampling": "4:4:4"}), "tiny": (rgb[:3, :5], {})}
    kinds |= {"alpha": (with_alpha(rgb), {}), "alpha-odd": (with_alpha(rgb)[:53, :71], {})}
    kinds["exif-orientation"] = (rgb, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"})
    for label, (samples, options) in kinds.items():
        data = file(samples, **options)
        if label == "exif-orientation" and file is avif:
            # Pillow's encoder converts the orientation into `irot`.
            assert b"irot" in data
        name = f"{group}-coded-{label.replace(':', '')}.{group}"
        (folder / name).write_bytes(data)
        yield name, (read_heic if file is heic else read_avif)(data)


def deep(folder):
    """Writes AVIF of 10 and 12 bits with imagecodecs' libavif; Pillow writes neither."""
    kinds = {f"{chroma}-{bits}bits": (picture.rgb(), chroma, bits) for chroma in ("420", "422", "444") for bits in (10, 12)}
    kinds |= {f"400-{bits}bits": (picture.gray(), "400", bits) for bits in (10, 12)}
    kinds |= {f"alpha-{bits}bits": (with_alpha(picture.rgb()), "444", bits) for bits in (10, 12)}
    for label, (samples, chroma, bits) in kinds.items():
        most = 2**bits - 1
        whole = (samples * most + 0.5).astype("uint16")
        data = imagecodecs.avif_encode(whole, level=95, speed=8, bitspersample=bits, pixelformat=chroma)
        name = f"avif-coded-{label}.avif"
        (folder / name).write_bytes(data)
        yield name, over_white(imagecodecs.avif_decode(data) / most)


def grids(file, read, folder, group):
    """Writes grids of tiles, as phones and libavif's tools do; with alpha and in gray, too."""
    kind = b"hvc1" if file is heic else b"av01"
    y, x = numpy.mgrid[0:200, 0:270] / 270
    canvas = numpy.stack([0.1 + 0.8 * x, 0.1 + 0.8 * y, 0.5 + 0.4 * numpy.sin(5 * (x + y))], axis=-1)
    padded = numpy.pad(canvas, ((0, 56), (0, 50), (0, 0)), mode="edge")
    options = {"420": {}, "444": {"chroma": 444} if file is heic else {"subsampling": "4:4:4"}, "gray": {}}
    tile = 64
    for label, more in options.items():
        source = padded.mean(axis=-1, keepdims=True) if label == "gray" else padded
        if label == "gray" and file is avif:
            more = {"subsampling": "4:0:0"}
        parts = [source[row : row + tile, column : column + tile] for row, column in itertools.product(range(0, 256, tile), range(0, 320, tile))]
        tiles = [heif.items(file(part, **more))[0] for part in parts]
        shown = numpy.concatenate(
            [numpy.concatenate([over_white(read(file(part, **more))) for part in parts[5 * row : 5 * row + 5]], axis=1) for row in range(4)]
        )[:200, :270]
        for each in tiles:
            each.hidden = True
        for turned in (False, True):
            properties = [heif.size(270, 200)] + [heif.rotation(1)] * turned
            primary = heif.Item(b"grid", heif.grid(4, 5, 270, 200), properties, {b"dimg": range(1, 21)})
            data = heif.file(kind_brand(kind), [primary, *tiles], version=1, idat=[0])
            name = f"{group}-grid-{label}{'-turned' * turned}.{group}"
            (folder / name).write_bytes(data)
            yield name, numpy.rot90(shown) if turned else shown
    overlay = heif.Item(b"iovl", bytes(32), [heif.size(64, 64)], {b"dimg": [1]})
    name = f"{group}-grid-overlay.{group}"
    (folder / name).write_bytes(heif.file(kind_brand(kind), [overlay, tiles[0]]))
    yield name, shown[:64, :64]


def kind_brand(kind):
    return b"heic" if kind == b"hvc1" else b"avif"


def primary(file, samples, **options):
    """Returns the coded item without the encoder's properties; libheif adds a crop for odd sizes."""
    item = heif.items(file(samples, **options))[0]
    return heif.Item(item.kind, item.data, heif.without(item.properties, b"colr", b"clap", b"irot", b"imir"))


def transforms(file, read, folder, group):
    """Writes crop, rotation and mirroring in every order of two, and some of three."""
    samples = picture.rgb()[:48, :64]
    item = primary(file, samples, **({"chroma": 444} if file is heic else {"subsampling": "4:4:4"}))
    plain = read(heif.file(kind_brand(item.kind), [item]))
    steps = {f"irot{turns}": (heif.rotation(turns), lambda shown, turns=turns: numpy.rot90(shown, turns)) for turns in range(4)}
    steps |= {f"imir{axis}": (heif.mirror(axis), lambda shown, axis=axis: numpy.flip(shown, axis)) for axis in (0, 1)}
    # 41 x 29 pixels whose centre is 3 to the right of, and 2 above, the centre of the picture.
    steps["clap"] = (heif.crop(40, 28, (3, 1), (-2, 1)), cropped)
    chains = [(), *[(step,) for step in steps], *itertools.permutations(steps, 2), ("clap", "irot1", "imir0"), ("irot3", "clap", "imir1"), ("imir1", "irot1", "clap")]
    for chain in chains:
        changed = heif.Item(item.kind, item.data, item.properties + [steps[step][0] for step in chain])
        shown = plain
        for step in chain:
            shown = steps[step][1](shown)
        data = heif.file(kind_brand(item.kind), [changed])
        # libheif applies all in order; Pillow applies only the first of each kind, and never crops.
        if file is heic:
            reference = read(data)
            assert reference.shape == shown.shape and picture.psnr(reference, shown) > 40, chain
        name = f"{group}-transform-{'-'.join(chain) or 'none'}.{group}"
        (folder / name).write_bytes(data)
        yield name, shown


def cropped(shown):
    height, width = shown.shape[:2]
    left, top = (width - 40) // 2 + 3, (height - 28) // 2 - 2
    return shown[top : top + 28, left : left + 40]


def colours(file, read, folder, group):
    """Writes code points and profiles; libheif and libavif leave both to their callers."""
    samples = picture.rgb()
    item = primary(file, samples, **({"chroma": 444} if file is heic else {"subsampling": "4:4:4"}))
    shown = read(heif.file(kind_brand(item.kind), [heif.Item(item.kind, item.data, [*item.properties, heif.code_points(1, SRGB, 6, True)])]))[:56, :80]
    light = picture.decode(shown)
    bt2020 = [(0.3127, 0.3290), (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]
    srgb_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    p3 = picture.converted(light, picture.DISPLAY_P3)
    cases = {
        "srgb": ([heif.code_points(1, SRGB, 6, True)], shown),
        "p3": ([heif.code_points(12, SRGB, 6, True)], p3),
        "bt2020": ([heif.code_points(9, SRGB, 6, True)], picture.converted(light, bt2020)),
        "bt709": ([heif.code_points(1, 1, 6, True)], shown),
        "unspecified": ([heif.code_points(2, 2, 6, True)], shown),
        "linear": ([heif.code_points(1, LINEAR, 6, True)], picture.encode(shown)),
        "pq": ([heif.code_points(9, PQ, 6, True)], shown),
        "hlg": ([heif.code_points(9, HLG, 6, True)], shown),
        "icc-before-nclx": ([heif.code_points(12, SRGB, 6, True), heif.profile(srgb_profile)], shown),
        "icc-of-another-space": ([heif.profile(lab_profile), heif.code_points(1, SRGB, 6, True)], shown),
    }
    if file is avif:
        cases["none"] = ([], shown)
    for label, (properties, expected) in cases.items():
        crop = [heif.crop(80, 56, (0, 1), (-(item_height(item) - 56), 2))] if file is heic else []
        data = heif.file(kind_brand(item.kind), [heif.Item(item.kind, item.data, [*item.properties, *properties, *crop])])
        name = f"{group}-colour-{label}.{group}"
        (folder / name).write_bytes(data)
        yield name, expected


def item_height(item):
    return next(int.from_bytes(each[16:20], "big") for each in item.properties if each[4:8] == b"ispe")


def containers(file, read, folder, group):
    """Writes versions and sizes of tables, pieces of items, derived items, and further boxes."""
    samples = picture.rgb()[:48, :64]
    item = primary(file, samples)
    brand = kind_brand(item.kind)
    shown = read(heif.file(brand, [item]))
    exif = heif.Item(b"Exif", b"\0\0\0\x06Exif\0\0" + b"MM\0*\0\0\0\x08" + bytes(90_000), [], {b"cdsc": [0]})
    identity = heif.Item(b"iden", b"", [heif.size(shown.shape[1], shown.shape[0]), heif.rotation(1)], {b"dimg": [1]})
    trailer = b"\x10\0\0\0MotionPhoto_Data" + bytes(range(256)) + b"SEFT"
    cases = {
        "iloc0": {}, "iloc1": {"version": 1}, "iloc2": {"version": 2, "wide": True}, "idat": {"version": 1, "idat": [0]},
        "pieces": {"pieces": 7}, "pieces-iloc2": {"version": 2, "pieces": 3}, "trailer": {"after": trailer},
        "trailing-zeros": {"after": bytes(5)}, "unknown-boxes": {"before": heif.box(b"wxyz", b"hello") + heif.box(b"free", bytes(40))},
    }
    for label, options in cases.items():
        for with_exif in (False, True):
            name = f"{group}-container-{label}{'-exif' * with_exif}.{group}"
            (folder / name).write_bytes(heif.file(brand, [item, *[exif] * with_exif], **options))
            yield name, shown
    unknown = heif.Item(item.kind, item.data, [*item.properties, heif.box(b"zzzz", b"private")])
    name = f"{group}-container-unknown-property.{group}"
    (folder / name).write_bytes(heif.file(brand, [unknown]))
    yield name, shown
    name = f"{group}-container-identity.{group}"
    (folder / name).write_bytes(heif.file(brand, [identity, item], version=1))
    yield name, numpy.rot90(shown)
    premultiplied = with_alpha(picture.rgb() * picture.alpha()[..., None])
    colour, alpha = heif.items(file(premultiplied))[:2]
    colour = heif.Item(colour.kind, colour.data, heif.without(colour.properties, b"irot", b"imir"), {b"prem": [1]})
    alpha = heif.Item(alpha.kind, alpha.data, alpha.properties, {b"auxl": [0]})
    name = f"{group}-container-premultiplied.{group}"
    (folder / name).write_bytes(heif.file(brand, [colour, alpha]))
    yield name, picture.rgb() * picture.alpha()[..., None] + 1 - picture.alpha()[..., None]


def files(folder):
    for file, read, group in ((heic, read_heic, "heic"), (avif, read_avif, "avif")):
        yield from coded(file, folder, group)
        for make in (grids, transforms, colours, containers):
            yield from make(file, read, folder, group)
    yield from deep(folder)
