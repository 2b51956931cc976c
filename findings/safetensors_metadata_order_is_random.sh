#!/usr/bin/env bash
# safetensors 0.8.0: equal content with metadata gives files of unlike bytes.
#
# Behaviour: the `metadata` of save / save_file is written in the order of a randomly
# seeded hash map: another one in each call, whatever the order of the dictionary.
# Seen: 20 saves of one tensor with eight metadata entries give about 20 digests, in
# one process, with PYTHONHASHSEED set or not; without metadata they give one.
# Why it matters: a store addressed by content, a cache keyed by the digest of a
# checkpoint, or a "same seed, same file" test takes equal models for unlike ones.
# One metadata entry (a JSON text with sorted keys) is stable: shown below as well.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'safetensors==0.8.0' 'numpy==2.2.6'
cd "$scratch"
env/bin/python - <<'EOF'
import hashlib
import json

import numpy as np
from safetensors.numpy import save

tensor = {"mean": np.zeros(4, np.float32)}
notes = {f"setting_{i}": str(i) for i in range(8)}


def digests(metadata):
    return {hashlib.sha256(save(tensor, metadata=metadata)).hexdigest() for _ in range(20)}


many, none, one = digests(notes), digests(None), digests({"all": json.dumps(notes)})
print("digests of 20 saves:", len(many), "with eight entries,", len(none), "with none,", len(one), "with one")
assert len(many) > 10 and len(none) == len(one) == 1
EOF
