"""Splits HEIF files into coded items and assembles items in layouts that no encoder writes."""

import dataclasses
import struct


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        size = size or len(data) - at
        yield kind, data[at + 8 : at + size]
        at += size


@dataclasses.dataclass
class Item:
    """An item: its kind, its bytes, its properties as whole boxes in order, and references to other items by their place."""

    kind: bytes
    data: bytes
    properties: list = dataclasses.field(default_factory=list)
    references: dict = dataclasses.field(default_factory=dict)
    hidden: bool = False
    name: bytes = b""


def items(data):
    """Returns all items of a file from one of these encoders, in the order of their identifiers."""
    meta = dict(boxes(dict(boxes(data))[b"meta"][4:]))
    properties = dict(boxes(meta[b"iprp"]))
    all_properties = list(boxes(properties[b"ipco"]))
    wide_ids, count = properties[b"ipma"][0] > 0, struct.unpack(">I", properties[b"ipma"][4:8])[0]
    wide = properties[b"ipma"][3] & 1
    at, associated = 8, {}
    for _ in range(count):
        item = struct.unpack(">I" if wide_ids else ">H", properties[b"ipma"][at : at + (4 if wide_ids else 2)])[0]
        at += 4 if wide_ids else 2
        entries = properties[b"ipma"][at]
        at += 1
        indices = struct.unpack(f">{entries}{'H' if wide else 'B'}", properties[b"ipma"][at : at + entries * (1 + wide)])
        at += entries * (1 + wide)
        associated[item] = [all_properties[(index & (0x7FFF if wide else 0x7F)) - 1] for index in indices]
    kinds = {struct.unpack(">H", body[4:6])[0]: body[8:12] for _, body in boxes(meta[b"iinf"][6:])}
    found = {}
    for item, extents in places(meta[b"iloc"]).items():
        bytes_ = b"".join(data[start : start + length] for start, length in extents)
        found[item] = Item(kinds[item], bytes_, [box(*each) for each in associated.get(item, [])])
    return [found[item] for item in sorted(found)]


def places(iloc):
    version, sizes, bases = iloc[0], iloc[4], iloc[5]
    at, found = 6, {}

    def number(size):
        nonlocal at
        at += size
        return int.from_bytes(iloc[at - size : at], "big")

    for _ in range(number(2 if version < 2 else 4)):
        item = number(2 if version < 2 else 4)
        number(2 if version else 0)
        number(2)
        base = number(bases >> 4)
        extents = []
        for _ in range(number(2)):
            number(bases & 15 if version else 0)
            start = number(sizes >> 4)
            extents.append((base + start, number(sizes & 15)))
        found[item] = extents
    return found


def file(brand, all_items, version=0, idat=(), pieces=1, wide=False, before=b"", after=b""):
    """Returns a file whose primary item is the first. `version` is that of `iloc`; `idat` lists items whose bytes are
    there; `pieces` is the number of extents of each other item."""
    ids = range(1, len(all_items) + 1)
    unique = list(dict.fromkeys(each for item in all_items for each in item.properties))
    essential = (b"hvcC", b"av1C", b"irot", b"imir", b"clap")
    associations = b""
    for number, item in zip(ids, all_items):
        numbers = [(unique.index(each) + 1, each[4:8] in essential) for each in item.properties]
        form = "H" if wide else "B"
        associations += struct.pack(">IB" if wide else ">HB", number, len(numbers))
        associations += b"".join(struct.pack(f">{form}", n | is_essential << (15 if wide else 7)) for n, is_essential in numbers)
    infos = b"".join(
        full_box(b"infe", 2, item.hidden, struct.pack(">HH", number, 0), item.kind, item.name, b"\0")
        for number, item in zip(ids, all_items)
    )
    id_form = "I" if wide else "H"
    references = b"".join(
        box(kind, struct.pack(f">{id_form}H{len(to)}{id_form}", number, len(to), *[each + 1 for each in to]))
        for number, item in zip(ids, all_items)
        for kind, to in item.references.items()
    )
    inside = b"".join(item.data for place, item in enumerate(all_items) if place in idat)

    def laid(start):
        """Returns the file, with item bytes from `start` on."""
        at, inside_at = start, 0
        entries = b""
        for place, (number, item) in enumerate(zip(ids, all_items)):
            method = 1 if place in idat else 0
            entries += struct.pack(">I" if version == 2 else ">H", number)
            entries += struct.pack(">H", method) if version else b""
            count = 1 if method else min(pieces, len(item.data))
            bounds = [len(item.data) * piece // max(count, 1) for piece in range(count + 1)]
            origin = inside_at if method else at
            entries += struct.pack(">HIH", 0, origin, count)
            for low, high in zip(bounds, bounds[1:]):
                entries += struct.pack(">QI", low, high - low)
            if method:
                inside_at += len(item.data)
            else:
                at += len(item.data)
        head = struct.pack(">BB", 0x84, 0x40) + struct.pack(">I" if version == 2 else ">H", len(all_items))
        iloc = full_box(b"iloc", version, 0, head, entries)
        meta = full_box(
            b"meta",
            0,
            0,
            full_box(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", int(wide), 0, struct.pack(f">{id_form}", 1)),
            iloc,
            full_box(b"iinf", 0, 0, struct.pack(">H", len(all_items)), infos),
            box(b"iprp", box(b"ipco", *unique), full_box(b"ipma", int(wide), int(wide), struct.pack(">I", len(all_items)), associations)),
            full_box(b"iref", int(wide), 0, references) if references else b"",
            box(b"idat", inside) if inside else b"",
        )
        head = box(b"ftyp", brand, bytes(4), b"mif1", brand) + before + meta
        data = b"".join(item.data for place, item in enumerate(all_items) if place not in idat)
        return head + box(b"mdat", data) + after, len(head) + 8

    return laid(laid(0)[1])[0]


def size(width, height):
    return full_box(b"ispe", 0, 0, struct.pack(">II", width, height))


def crop(width, height, across=(0, 1), down=(0, 1)):
    """Returns a `clap` box. Offsets are fractions of pixels between the centres."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *across, *down))


def rotation(turns):
    return box(b"irot", bytes([turns]))


def mirror(axis):
    return box(b"imir", bytes([axis]))


def code_points(primaries, transfer, matrix, full_range):
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full_range << 7))


def profile(icc):
    return box(b"colr", b"prof", icc)


def grid(rows, columns, width, height):
    return struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)


def without(properties, *kinds):
    return [each for each in properties if each[4:8] not in kinds]
