#!/usr/bin/env bash
# tensorflow-datasets 4.9.10 without TensorFlow: installing OpenCV changes the pixels of a data set.
#
# Behaviour: as_data_source decodes images by decode_example_np, which uses cv2 if it can
# be imported, else Pillow, and takes what the decoder gives as the dtype of the feature.
# Seen, for PNGs of an Image feature of one channel: a one-bit image is 0/1 with Pillow
# and 0/255 with OpenCV; a palette image is palette indices with Pillow and three
# channels of colours with OpenCV; a 16-bit one is cut modulo 256 by both (511 -> 255,
# 1000 -> 232). None raises, and the shape that the feature declares is not held.
# Why it matters: binary images at 0/1, divided by 255 as ever, are nearly black, and a
# Bernoulli decoder learns them as such. Which of the two a run gets is decided by an
# unrelated package in its environment.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q tensorflow-datasets==4.9.10 pillow==13.0.0 numpy==2.4.6 \
    opencv-python-headless==5.0.0.93
cd "$scratch"
env/bin/python - <<'EOF'
import json
import subprocess
import sys

READ = """
import io, json, sys
if sys.argv[1] == "pillow":
    sys.modules["cv2"] = None  # as if OpenCV were not installed
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
palette = Image.fromarray(np.array([[0, 1, 2, 0]], np.uint8)).convert("P")
palette.putpalette([9, 9, 9, 200, 100, 50, 7, 8, 9])
bits = Image.fromarray(np.array([[False, True, True, False]]))
deep = Image.fromarray(np.array([[256, 511, 1000, 65535]], np.uint16))
feature = tfds.features.Image(shape=(1, 4, 1), encoding_format="png")
out = {}
for name, image in (("bits", bits), ("palette", palette), ("deep", deep)):
    image.save(stream := io.BytesIO(), "PNG")
    pixels = feature.decode_example_np(stream.getvalue())
    out[name] = [list(pixels.shape), pixels.ravel().tolist()]
print(json.dumps(out))
"""
seen = {}
for decoder in ("pillow", "opencv"):
    ran = subprocess.run([sys.executable, "-c", READ, decoder], capture_output=True, text=True, check=True)
    seen[decoder] = json.loads(ran.stdout.splitlines()[-1])
    print(decoder, seen[decoder])
assert seen["pillow"]["bits"][1] == [0, 1, 1, 0] and seen["opencv"]["bits"][1] == [0, 255, 255, 0]
assert seen["pillow"]["palette"] == [[1, 4, 1], [0, 1, 2, 0]] and seen["opencv"]["palette"][0] == [1, 4, 3]
assert all(s["deep"][1] == [0, 255, 232, 255] for s in seen.values())
EOF
