"""pyvips, as in its documentation: `thumbnail` shrinks while loading, and rotates upright."""

import sys

import pyvips

out, *files = sys.argv[1:]
for number, file in enumerate(files):
    for kind, edge in [("preview", 2048), ("thumb", 400)]:
        picture = pyvips.Image.thumbnail(file, edge, height=edge, size="down")
        picture.jpegsave(f"{out}/{number}.{kind}.jpg", Q=80, keep="none")
