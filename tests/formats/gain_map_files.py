"""JPEG with a gain map behind the photo, as phones and editors write HDR: Ultra HDR (Google, Adobe), ISO 21496-1, Apple,
Samsung. The expected picture is the SDR one.

Run alone, it writes the case of shared/develop/cases: gain_map_files.py CHART OUTPUT."""

import io
import struct
import sys

import numpy
from PIL import Image

import picture

XMP = b"http://ns.adobe.com/xap/1.0/\0"
ISO = b"urn:iso:std:iso:ts:21496:-1\0"
DESCRIPTION = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description rdf:about=''{}>{}</rdf:Description></rdf:RDF></x:xmpmeta>"
)
HDRGM = " xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0'"
CONTAINER = (
    " xmlns:Container='http://ns.google.com/photos/1.0/container/' xmlns:Item='http://ns.google.com/photos/1.0/container/item/'",
    "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='Primary' Item:Mime='image/jpeg'/>"
    "</rdf:li><rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='GainMap' Item:Mime='image/jpeg' Item:Length='{}'/>"
    "</rdf:li></rdf:Seq></Container:Directory>",
)
PARAMETERS = (
    HDRGM + " hdrgm:GainMapMin='0' hdrgm:GainMapMax='2' hdrgm:Gamma='1' hdrgm:OffsetSDR='0.015625' hdrgm:OffsetHDR='0.015625'"
    " hdrgm:HDRCapacityMin='0' hdrgm:HDRCapacityMax='2' hdrgm:BaseRenditionIsHDR='False'"
)
APPLE = (
    " xmlns:HDRGainMap='http://ns.apple.com/HDRGainMap/1.0/' xmlns:apdi='http://ns.apple.com/pixeldatainfo/1.0/'"
    " HDRGainMap:HDRGainMapVersion='65536' apdi:AuxiliaryImageType='urn:com:apple:photo:2020:aux:hdrgainmap'"
)
SEF = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1634567890123SEFH\x6b\0\0\0\x01\0\0\0\0\0\x01\x0a\x23\0\0\0\x23\0\0\0\x18\0\0\0SEFT"


def jpeg(samples, quality):
    encoded = io.BytesIO()
    Image.fromarray(samples).save(encoded, "JPEG", quality=quality, subsampling=2)
    return encoded.getvalue()


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def packet(attributes, inside=""):
    return segment(0xE1, XMP + DESCRIPTION.format(attributes, inside).encode())


def iso_metadata():
    """Returns ISO 21496-1 metadata: minimum and writer version 0; one channel, base colour space; then fractions:
    headrooms, gains, gamma and offsets."""
    fractions = [(0, 1), (2, 1), (0, 1), (2, 1), (1, 1), (1, 64), (1, 64)]
    return struct.pack(">HHB", 0, 0, 0x40) + b"".join(struct.pack(">II", *fraction) for fraction in fractions)


def index(primary_bytes, map_bytes, from_header):
    """Returns the MPF segment: its version, the count, and an entry per picture."""
    entries = struct.pack(">IIIHH", 0x030000, primary_bytes, 0, 0, 0) + struct.pack(">IIIHH", 0, map_bytes, from_header, 0, 0)
    fields = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    fields += struct.pack(">HHII", 0xB002, 7, len(entries), 50)
    return segment(0xE2, b"MPF\0MM\0*" + struct.pack(">IH", 8, 3) + fields + bytes(4) + entries)


def with_gain_map(primary, before, gain_map):
    """Returns the primary JPEG with segments and an index, followed by the gain map."""
    length = len(primary) + len(before) + len(index(0, 0, 0))
    segments = before + index(length, len(gain_map), length - 2 - len(before) - 8)
    return primary[:2] + segments + primary[2:] + gain_map


def hdr(kind, primary, gain_map):
    inserted = lambda file, segments: file[:2] + segments + file[2:]
    if kind == "apple":
        return with_gain_map(primary, b"", inserted(gain_map, packet(APPLE)))
    if kind == "iso":
        gain_map = inserted(gain_map, segment(0xE2, ISO + iso_metadata()))
        return with_gain_map(primary, segment(0xE2, ISO + bytes(4)), gain_map)
    gain_map = inserted(gain_map, packet(PARAMETERS))
    attributes, directory = CONTAINER
    before = packet(HDRGM + attributes, directory.format(len(gain_map)))
    if kind == "both":
        gain_map = inserted(gain_map, segment(0xE2, ISO + iso_metadata()))
        before = packet(HDRGM + attributes, directory.format(len(gain_map))) + segment(0xE2, ISO + bytes(4))
    return with_gain_map(primary, before, gain_map) + (SEF if kind == "samsung" else b"")


def files(folder):
    """Writes files with a gain map unrelated to the picture: smaller, as large, and larger; gray and in colours."""
    primary = jpeg((picture.rgb() * 255 + 0.5).astype("uint8"), 95)
    size = {"quarter": (picture.HEIGHT // 4, picture.WIDTH // 4), "same": (picture.HEIGHT, picture.WIDTH),
            "larger": (picture.HEIGHT * 2, picture.WIDTH * 2)}
    for kind in ("google", "adobe", "iso", "both", "apple", "samsung"):
        for name, shape in size.items():
            for channels in (1, 3):
                gain = numpy.full(shape if channels == 1 else (*shape, 3), 255, "uint8")
                gain[: shape[0] // 2] = 0
                name_of_file = f"jpeg-gainmap-{kind}-{name}-{channels}.jpg"
                (folder / name_of_file).write_bytes(hdr(kind, primary, jpeg(gain, 85)))
                yield name_of_file, picture.rgb()


def case(chart, output):
    """Writes the chart at a quarter of its size, with a gain map of its lights in the same size."""
    image = Image.open(chart).convert("RGB").reduce(4)
    gain = numpy.asarray(image.convert("L")).astype(int) * 2 - 255
    gain_map = jpeg(numpy.clip(gain, 0, 255).astype("uint8"), 80)
    with open(output, "wb") as file:
        file.write(hdr("both", jpeg(numpy.asarray(image), 92), gain_map))


if __name__ == "__main__":
    case(*sys.argv[1:])
