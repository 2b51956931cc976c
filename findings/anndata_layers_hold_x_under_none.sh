#!/usr/bin/env bash
# anndata 0.13.4: a loop over the layers of a data set also changes its main matrix.
#
# Behaviour: since 0.13 X is itself a layer, whose name is None. Iterating over `layers`
# yields None first, len() counts it, sorted() of the names raises TypeError, and what is
# written to every name is written to X as well; clear() leaves it. Under 0.12 the same
# loop touches the named layers alone.
# Seen: after `for name in list(cells.layers): cells.layers[name] = np.log1p(...)` X holds
# log 2 where it held 1.
# Why it matters: "normalise every layer, keep X" silently normalises what a count
# likelihood is trained on. Needs Python 3.12 or later: PYTHON=python3.12.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
"${PYTHON:-python3}" -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q anndata==0.13.4 pandas==3.1.1
"$scratch/env/bin/python" - <<'EOF'
import warnings

import numpy as np

warnings.simplefilter("ignore")  # pandas 3.1 deprecates an option that anndata reads
import anndata

cells = anndata.AnnData(np.ones((3, 2), np.float32))
cells.layers["counts"] = np.zeros((3, 2), np.float32)
print("names", list(cells.layers), "number", len(cells.layers))
assert list(cells.layers) == [None, "counts"] and len(cells.layers) == 2
try:
    sorted(cells.layers)
    raise SystemExit("the names can be sorted now")
except TypeError as error:
    print("sorted:", error)
for name in list(cells.layers):
    cells.layers[name] = np.log1p(cells.layers[name])
print("X", cells.X[0])
assert np.allclose(cells.X, np.log(2.0))
cells.layers.clear()
assert list(cells.layers) == [None]
EOF
