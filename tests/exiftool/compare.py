"""Compares the output of the example `metadata` with ExifTool's: compare.py EXPLAINED PROGRAM FILE..."""

import json
import re
import subprocess
import sys
from pathlib import Path

# ExifTool's names per field, in the record's order of preference.
SOURCES = {
    "make": ["EXIF:Make", "XMP:Make"],
    "model": ["EXIF:Model", "XMP:Model"],
    "lens": ["EXIF:LensModel", "XMP:LensModel", "XMP:Lens"],
    "iso": ["EXIF:ISO", "EXIF:ISOSpeed", "EXIF:RecommendedExposureIndex", "XMP:PhotographicSensitivity", "XMP:ISO"],
    "f_number": ["EXIF:FNumber", "XMP:FNumber"],
    "exposure_seconds": ["EXIF:ExposureTime", "XMP:ExposureTime"],
    "focal_length_mm": ["EXIF:FocalLength", "XMP:FocalLength"],
    "rating": ["XMP:Rating", "EXIF:Rating"],
    "title": ["EXIF:ImageTitle", "XMP:Title", "IPTC:ObjectName", "EXIF:XPTitle"],
    "description": ["EXIF:ImageDescription", "XMP:Description", "IPTC:Caption-Abstract"],
    "copyright": ["EXIF:Copyright", "XMP:Rights", "IPTC:CopyrightNotice"],
    "creator": ["EXIF:Artist", "XMP:Creator", "IPTC:By-line"],
    "credit": ["XMP:Credit", "IPTC:Credit"],
}
TIMES = [
    ("EXIF:DateTimeOriginal", "EXIF:SubSecTimeOriginal", "EXIF:OffsetTimeOriginal"),
    ("EXIF:CreateDate", "EXIF:SubSecTimeDigitized", "EXIF:OffsetTimeDigitized"),
    ("XMP:DateTimeOriginal", None, None),
    ("XMP:DateCreated", None, None),
    ("XMP:DateTimeDigitized", None, None),
    ("XMP:CreateDate", None, None),
]
NUMBERS = {"iso", "f_number", "exposure_seconds", "focal_length_mm", "rating"}
FIELDS = [*SOURCES, "taken_at", "gps", "size"]
HEIF = {".heic", ".heif", ".hif", ".avif"}
# A make, model or lens without letters and digits counts as blank.
NAMES = {"make", "model", "lens"}


def text(value):
    """Returns a text in the record's form: one line, trimmed, with lists joined."""
    joined = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return re.sub(r"[\t\r\n]", " ", joined.split("\0")[0]).strip()


def taken_at(tags):
    for name, subseconds, offset in TIMES:
        found = time(tags.get(name), tags.get(subseconds), tags.get(offset))
        if found:
            if found[1] is None and name.startswith("EXIF") and tags.get("EXIF:ModifyDate", tags[name]) == tags[name]:
                found = time(tags[name], tags.get(subseconds), tags.get("EXIF:OffsetTime"))
            return found
    if "IPTC:DateCreated" in tags and "IPTC:TimeCreated" in tags:
        return time(f"{tags['IPTC:DateCreated']} {tags['IPTC:TimeCreated']}", None, None)
    return None


def iso(value):
    """Returns a date with EXIF's separators."""
    return re.sub(r"^(\d{4})-(\d\d)-(\d\d)T", r"\1:\2:\3 ", str(value or "").strip())


def time(value, subseconds, offset):
    match = re.match(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(?:GMT)?(Z|[+-]\d\d:\d\d|[+-]\d)?$", iso(value))
    if not match or "00" in (match[2], match[3]):
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    hour = "00" if hour == "24" else hour
    fraction = fraction or (f".{str(subseconds).strip()}" if str(subseconds or "").strip() else "")
    zone = re.sub(r"^([+-])(\d)$", r"\g<1>0\2:00", zone or "") or None
    zone = zone or (str(offset).strip() if offset else None)
    return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}{fraction}", {"Z": "+00:00"}.get(zone, zone)


def position(tags):
    """Returns latitude, longitude, altitude: EXIF's with their references, or XMP's, which ExifTool signs."""
    number = lambda value: float(value) if re.fullmatch(r"-?[\d.]+(e-?\d+)?", str(value)) else None
    signed = lambda name, negative: (
        None if f"EXIF:{name}Ref" not in tags or number(tags.get(f"EXIF:{name}")) is None
        else number(tags[f"EXIF:{name}"]) * (-1 if str(tags[f"EXIF:{name}Ref"])[:1].upper() == negative else 1)
    )
    found = signed("GPSLatitude", "S"), signed("GPSLongitude", "W")
    group = "EXIF"
    if None in found:
        group, found = "XMP", tuple(number(tags.get(f"XMP:{name}")) for name in ("GPSLatitude", "GPSLongitude"))
    if None in found or found == (0, 0):
        return None
    altitude = number(tags.get(f"{group}:GPSAltitude"))
    below = str(tags.get(f"{group}:GPSAltitudeRef", 0)) in ("1", "3")
    return (*found, -altitude if altitude is not None and below else altitude)


def size(tags):
    """Returns width and height as stored."""
    sides = re.fullmatch(r"(\d+) (\d+)", str(tags.get("Composite:ImageSize")))
    return (float(sides[1]), float(sides[2])) if sides else None


def expected(field, tags):
    if field == "size":
        return size(tags)
    if field == "taken_at":
        return taken_at(tags)
    if field == "gps":
        return position(tags)
    for name in SOURCES[field]:
        value = tags.get(name)
        if value is None or not text(value) or field in NAMES and not re.search(r"\w", text(value)):
            continue
        if field not in NUMBERS:
            return text(value)
        # Several ISO values belong to several settings; the photo's is the first.
        first = str(value[0] if isinstance(value, list) else value).split()[0]
        # 65535 means "more than 65534".
        if field == "iso" and first == "65535":
            continue
        if re.fullmatch(r"-?[\d.]+(e-?\d+)?", first) and (float(first) > 0 or field == "rating"):
            return float(first)
    return None


def ours(field, exif):
    value = exif.get(field)
    if value is None:
        return None
    if field == "size":
        return tuple(map(float, value))
    if field == "taken_at":
        return value["local"], value.get("offset")
    if field == "gps":
        return value["latitude"], value["longitude"], value.get("altitude_m")
    return float(value) if field in NUMBERS else value


def same(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b)) + 1e-9
    return a == b


def main(explained, program, *files):
    lines = Path(explained).read_text(encoding="utf-8").splitlines()[1:]
    reasons = {(file, field): reason for file, field, reason in (line.split("\t") for line in lines)}
    read = subprocess.run([program, *files], check=True, capture_output=True, text=True).stdout
    lines = [line for line in map(json.loads, read.splitlines()) if "exif" in line]
    records = {line["file"]: {**line["exif"], "size": line["size"]} for line in lines}
    # PDF's and other schemas of XMP have titles of their own.
    groups = [f"-XMP-{schema}:all" for schema in ("dc", "xmp", "photoshop", "tiff", "exif", "exifEX", "aux")]
    # Errors of single files are in the output and set the exit status.
    command = ["exiftool", "-json", "-G0", "-n", "-EXIF:all", "-IPTC:all", "-Composite:ImageSize", *groups, *records]
    tags_of = json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout)

    table = {field: [0, 0, 0, 0] for field in FIELDS}
    makers, used, failures = set(), set(), 0
    for tags in tags_of:
        path = tags["SourceFile"]
        file, exif = Path(path).name, records[path]
        if exif.get("make"):
            makers.add(exif["make"].split()[0].lower())
        for field in FIELDS:
            # Most samples have no picture and are rejected. For HEIF, ExifTool shows the size before cropping.
            if field == "size" and (exif["size"] is None or Path(path).suffix.lower() in HEIF):
                continue
            mine, theirs = ours(field, exif), expected(field, tags)
            key = (file, field)
            if same(mine, theirs):
                table[field][0 if mine is not None else 1] += 1
            elif key in reasons:
                table[field][2] += 1
                used.add(key)
            else:
                table[field][3] += 1
                failures += 1
                print(f"{file}: {field}: {mine!r} here, {theirs!r} by ExifTool")
    print(f"\n{len(tags_of)} files, {len(makers)} makers: {', '.join(sorted(makers))}\n")
    print(f"{'field':<17}{'same':>6}{'none':>6}{'explained':>11}{'different':>11}")
    for field, counts in table.items():
        print(f"{field:<17}{counts[0]:>6}{counts[1]:>6}{counts[2]:>11}{counts[3]:>11}")
    if len(makers) < 8:
        sys.exit("Fewer than eight makers are no comparison")
    sys.exit(1 if failures else 0)


main(*sys.argv[1:])
