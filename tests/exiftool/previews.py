"""Checks previews with ExifTool: they contain copyright notice, creator and credit line as the record does, and no
other metadata: previews.py METADATA DEVELOP_FOLDER FILE..."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# ExifTool's names of the metadata that a preview may have, and the record's names.
RIGHTS = {"EXIF:Copyright": "copyright", "EXIF:Artist": "creator", "IPTC:Credit": "credit"}
# Tags that describe the file and its pixels, and IPTC's encoding.
TECHNICAL = ("SourceFile", "ExifTool:", "File:", "JFIF:", "ICC_Profile:", "Composite:ImageSize", "Composite:Megapixels",
             "IPTC:CodedCharacterSet")
# Rights that ExifTool writes into copies of the first file: one set in Latin script, one in others, with a position
# that the preview must not keep.
WRITTEN = [
    ("latin.jpg", "© 2024 Jürg Österreicher", "Jürg Österreicher", "Agence Été"),
    ("others.jpg", "Ω 相機 ©", "Анна 相機", "Ω 通信社"),
]


def written(first, folder):
    for name, copyright, creator, credit in WRITTEN:
        shutil.copyfile(first, folder / name)
        tags = [f"-EXIF:Copyright={copyright}", f"-EXIF:Artist={creator}", f"-XMP-photoshop:Credit={credit}",
                "-EXIF:GPSLatitude=48", "-EXIF:GPSLatitudeRef=N", "-EXIF:GPSLongitude=11", "-EXIF:GPSLongitudeRef=E"]
        subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, folder / name], check=True)


def main(metadata, develop_folder, *files):
    with tempfile.TemporaryDirectory() as folder:
        originals, previews = Path(folder) / "originals", Path(folder) / "previews"
        originals.mkdir()
        for file in files:
            shutil.copyfile(file, originals / Path(file).name)
        written(files[0], originals)
        run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout
        run(develop_folder, originals, previews)
        records = map(json.loads, run(metadata, *sorted(originals.iterdir())).splitlines())
        exif_of = {Path(record["file"]).name: record["exif"] for record in records if "exif" in record}
        all_tags = json.loads(run("exiftool", "-json", "-G0", *sorted(previews.iterdir())))

    wrong, with_rights, with_position = [], 0, 0
    for tags in all_tags:
        name = Path(tags["SourceFile"]).name.removesuffix(".jpg")
        exif = exif_of[name]
        expected = {tag: exif[field] for tag, field in RIGHTS.items() if field in exif}
        # ExifTool prints texts of digits as JSON numbers.
        found = {tag: str(value) for tag, value in tags.items() if not tag.startswith(TECHNICAL)}
        with_rights += bool(expected)
        with_position += "gps" in exif
        if found != expected:
            wrong.append(f"{name}: {found} instead of {expected}")
        if tags.get("ICC_Profile:ProfileDescription") != "sRGB":
            wrong.append(f"{name}: not tagged as sRGB")
    for name, *texts in WRITTEN:
        if list(map(exif_of[name].get, RIGHTS.values())) != texts or "gps" not in exif_of[name]:
            wrong.append(f"{name}: the record has {exif_of[name]}")
    print(f"\n{len(all_tags)} previews, {with_rights} with rights, {with_position} of originals with a position")
    sys.exit("\n".join(wrong) if wrong else 0)


main(*sys.argv[1:])
