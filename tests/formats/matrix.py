"""Writes the files of the matrix, develops them, compares the previews and prints a table."""

import collections
import io
import pathlib
import subprocess
import sys

import numpy
from PIL import Image

import bmp_files
import gain_map_files
import heif_files
import jxl_files
import picture
import raster_files
import tiff_files

# The least PSNR in dB, against the expected picture as a JPEG of the preview's kind. Mistakes in layouts give less than
# 25.
RIGHT = 35


def as_preview(shown):
    """Returns the picture after a JPEG round trip, so that hard edges and dithers do not count."""
    encoded = io.BytesIO()
    eight = (numpy.clip(shown, 0, 1) * 255 + 0.5).astype("uint8")
    Image.fromarray(eight).save(encoded, "JPEG", quality=80, subsampling=2)
    return numpy.asarray(Image.open(encoded)) / 255


def main(work, develop):
    originals, previews = work / "originals", work / "previews"
    expected = {}
    for source in (tiff_files, raster_files, bmp_files, jxl_files, gain_map_files, heif_files):
        expected |= dict(source.files(originals))
    lines = subprocess.run([develop, originals, previews], check=True, capture_output=True, text=True).stdout
    outcomes = dict(line.split("\t") for line in lines.splitlines())

    table = collections.defaultdict(collections.Counter)
    wrong = []
    for name, shown in expected.items():
        group = "-".join(name.split("-")[:2])
        outcome = outcomes.get(name, "missing")
        if outcome == "made":
            preview = numpy.asarray(Image.open(previews / f"{name}.jpg").convert("RGB")) / 255
            shown = numpy.asarray(shown)
            if shown.ndim == 2:
                shown = numpy.stack([shown] * 3, axis=-1)
            if shown.shape[-1] == 1:
                shown = numpy.repeat(shown, 3, axis=-1)
            shown = as_preview(shown)
            quality = picture.psnr(preview, shown) if preview.shape == shown.shape else 0
            table[group]["right" if quality >= RIGHT else "wrong"] += 1
            if quality < RIGHT:
                wrong.append(f"{name}: {quality:.1f} dB")
        elif outcome == "unsupported":
            table[group]["unsupported"] += 1
        else:
            table[group]["refused"] += 1
            wrong.append(f"{name}: {outcome}")
    columns = ["right", "unsupported", "refused", "wrong"]
    print(f"{'layouts':24}" + "".join(f"{column:>12}" for column in columns))
    for group, counts in sorted(table.items()):
        print(f"{group:24}" + "".join(f"{counts[column]:12}" for column in columns))
    total = sum(table.values(), collections.Counter())
    print(f"{'all':24}" + "".join(f"{total[column]:12}" for column in columns))
    if wrong:
        sys.exit("\n".join(["", *sorted(wrong)]))


main(pathlib.Path(sys.argv[1]), sys.argv[2])
