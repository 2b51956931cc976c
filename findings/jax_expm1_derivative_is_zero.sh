#!/usr/bin/env bash
# jax 0.10.2: the derivative of jnp.expm1 is 0 below about -17.3 in float32 (mended in 0.12).
#
# Behaviour: the derivative rule of expm1 is expm1(x) + 1, which cancels: 44 % off at -17
# and exactly 0 from -18 on, where exp(x) is an ordinary float32.
# Seen: grad(expm1) at -18 is 0.0, exp(-18) is 1.5e-08; at -10 it is 0.04 % off.
# Why it matters: the Gaussian KL is best written (expm1(s) - s + m^2) / 2 in the
# log-variance s. Its curvature in s is then 0 for sharp posteriors, and a Newton
# step or a Laplace approximation divides by it. The value itself is right.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'jax[cpu]==0.10.2'
cd "$scratch"
env/bin/python - <<'EOF'
import math

import jax
import jax.numpy as jnp

slope = jax.grad(jnp.expm1)
curvature = jax.grad(jax.grad(lambda s: (jnp.expm1(s) - s) / 2))
for s in (-10.0, -17.0, -18.0, -20.0):
    print(s, "slope", float(slope(s)), "of", math.exp(s), "curvature of the KL", float(curvature(s)))
assert slope(-18.0) == 0.0 and curvature(-18.0) == 0.0 and float(jnp.exp(-18.0)) > 1e-8
assert 1e-4 < float(slope(-10.0)) / math.exp(-10.0) - 1 < 1e-3
EOF
