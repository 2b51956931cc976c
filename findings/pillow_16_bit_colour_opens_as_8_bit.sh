#!/usr/bin/env bash
# Pillow 13.0.0: a 16-bit colour PNG opens as 8 bits a channel, with no word or mark.
#
# Behaviour: 16-bit grey PNGs open as mode I;16 with every value kept. 16-bit RGB, RGBA
# and grey-with-alpha PNGs open as RGB and RGBA: the low byte is dropped. No warning is
# given, and neither `mode` nor `info` tells that the file held more.
# Seen: samples 256, 511, 1000, 65535 are read as 1, 1, 3, 255 in colour.
# Why it matters: medical and microscope sets use the low part of 16 bits only. In grey
# they are sound, in colour the same numbers are nearly black with a few levels left,
# and a decoder's likelihood on them is that of another data set.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q pillow==13.0.0 numpy==2.4.6
cd "$scratch"
env/bin/python -W error - <<'EOF'
import io
import struct
import zlib

import numpy as np
from PIL import Image

SAMPLES = [256, 511, 1000, 65535]


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(colour_type, channels):
    row = b"\0" + np.repeat(SAMPLES, channels).astype(">u2").tobytes()
    header = struct.pack(">IIBBBBB", len(SAMPLES), 1, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


for name, colour_type, channels in (("grey", 0, 1), ("grey+alpha", 4, 2), ("RGB", 2, 3), ("RGBA", 6, 4)):
    image = Image.open(png(colour_type, channels))
    pixels = np.asarray(image).reshape(len(SAMPLES), -1)[:, 0]
    print(name, image.mode, pixels.dtype, pixels.tolist(), image.info)
    assert pixels.tolist() == (SAMPLES if name == "grey" else [1, 1, 3, 255]) and not image.info
EOF
