#!/bin/sh
# libvips by its command line, which rotates upright and makes one size per run.
set -e
out=$1
shift
number=0
for file; do
  vipsthumbnail "$file" --size '2048x2048>' --output "$out/$number.preview.jpg[Q=80,strip]" --eprofile srgb
  vipsthumbnail "$file" --size '400x400>' --output "$out/$number.thumb.jpg[Q=80,strip]" --eprofile srgb
  number=$((number + 1))
done
