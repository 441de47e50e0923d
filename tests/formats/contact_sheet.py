"""Draws previews beside libvips' pictures of the same files: contact_sheet.py DEVELOP_FOLDER CASES OUTPUT [FILE...]

Writes OUTPUT/orientations.png, colours.png, formats.png and, of further files, others.png. Each cell has a name, the mean and
the largest difference of 255, and three pictures: the preview, libvips' picture, and eight times their difference."""

import csv
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy
import pyvips
from PIL import Image, ImageDraw, ImageFont

TILE = (192, 144)
GAP, TEXT, COLUMNS = 6, 15, 3
CELL = (3 * TILE[0] + 2 * GAP, TEXT + TILE[1])
COLOURS = r"^(adobergb|cmyk|gray|icc|jpeg_(p3|rgb|gain)|png_(chrm|gama)|pred_(cmyk|rgb16)|tiff16|webp_adobergb)|^tiff_(assoc|cmyk|extra|float|gray|lab|pal|white)"
FORMATS = ["plain.heic", "avif_irot1_imir0.avif", "apng.png", "webp_animated.webp", "jpeg_arithmetic.jpg", "jpeg_12bit.jpg",
           "jpeg_lossless.jpg", "tiff_bigtiff.tif", "tiff_jpeg_libtiff.tif", "tiff_ccitt_g4.tif"]


def orientations(chart, folder):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        # The pixels are stored so that each picture is upright again.
        undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
        stored = chart.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else chart
        stored.save(folder / f"orientation-{orientation}.jpg", quality=92, exif=exif)


def formats(chart, cases, folder):
    kinds = {"jpg": {"quality": 92}, "progressive.jpg": {"quality": 92, "progressive": True}, "png": {}, "gif": {}, "tif": {},
             "lossy.webp": {"quality": 92}, "lossless.webp": {"lossless": True}, "lzw.tif": {"compression": "tiff_lzw"}}
    for name, options in kinds.items():
        chart.save(folder / f"chart.{name}", **options)
    for name in FORMATS:
        shutil.copyfile(cases / name, folder / name)


def by_libvips(path):
    """Returns the picture as a gallery made with libvips shows it: upright, sRGB, over white."""
    image = pyvips.Image.thumbnail(str(path), 2048, height=2048, size="down", export_profile="srgb", intent="relative")
    image = image.colourspace("srgb")
    image = image.flatten(background=255) if image.hasalpha() else image
    return Image.fromarray(image.cast("uchar").numpy()[..., :3] if image.bands > 2 else image.cast("uchar").numpy()).convert("RGB")


def tile(image):
    if isinstance(image, str):
        canvas = Image.new("RGB", TILE, "#bbb")
        ImageDraw.Draw(canvas).multiline_text((4, 4), re.sub("(.{30})", r"\1\n", image[:150]), fill="black")
        return canvas
    image = image.copy()
    image.thumbnail(TILE)
    canvas = Image.new("RGB", TILE, "#ddd")
    canvas.paste(image, ((TILE[0] - image.width) // 2, (TILE[1] - image.height) // 2))
    return canvas


def cell(name, ours, theirs):
    difference, figures = "nothing to compare", ""
    if not isinstance(ours, str) and not isinstance(theirs, str):
        if ours.size == theirs.size:
            steps = numpy.abs(numpy.asarray(ours).astype(int) - numpy.asarray(theirs))
            difference = Image.fromarray(numpy.clip(steps * 8, 0, 255).astype("uint8"))
            figures = f"  mean {steps.mean():.1f}, largest {steps.max()}"
        else:
            difference = f"{ours.size} and {theirs.size} pixels"
    canvas = Image.new("RGB", CELL, "white")
    ImageDraw.Draw(canvas).text((0, 0), name + figures, fill="black", font=ImageFont.load_default(12))
    for column, image in enumerate((ours, theirs, difference)):
        canvas.paste(tile(image), (column * (TILE[0] + GAP), TEXT))
    return canvas, figures or f"  {difference if isinstance(difference, str) else ''}"


def sheet(develop, originals, output):
    """Draws one sheet with all files of a folder."""
    with tempfile.TemporaryDirectory() as previews:
        lines = subprocess.run([develop, originals, previews], check=True, capture_output=True, text=True).stdout
        outcomes = dict(line.split("\t") for line in lines.splitlines())
        cells = []
        for path in sorted(originals.iterdir()):
            preview = pathlib.Path(previews) / f"{path.name}.jpg"
            ours = Image.open(preview).convert("RGB") if preview.exists() else outcomes[path.name]
            try:
                theirs = by_libvips(path)
            except pyvips.Error as error:
                theirs = f"libvips: {error}".replace("\n", " ")
            canvas, figures = cell(path.name, ours, theirs)
            print(f"{output.name}\t{path.name}{figures}")
            cells.append(canvas)
    rows = -(-len(cells) // COLUMNS)
    step = (CELL[0] + 3 * GAP, CELL[1] + 2 * GAP)
    canvas = Image.new("RGB", (COLUMNS * step[0], rows * step[1]), "white")
    for index, each in enumerate(cells):
        canvas.paste(each, (index % COLUMNS * step[0] + GAP, index // COLUMNS * step[1] + GAP))
    canvas.save(output)


def main(develop, cases, output, *others):
    cases, output = pathlib.Path(cases), pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    chart = Image.open(cases / "chart.png").convert("RGB")
    with open(cases / "cases.tsv", encoding="utf-8") as table:
        names = [row["file"] for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)]
    for theme in ("orientations", "colours", "formats", *(["others"] if others else [])):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            if theme == "orientations":
                orientations(chart, folder)
            elif theme == "colours":
                for name in filter(re.compile(COLOURS).match, names):
                    shutil.copyfile(cases / name, folder / name)
            elif theme == "formats":
                formats(chart, cases, folder)
            else:
                for path in map(pathlib.Path, others):
                    shutil.copyfile(path, folder / path.name)
            sheet(develop, folder, output / f"{theme}.png")


main(*sys.argv[1:])
