#!/usr/bin/env bash
# jax 0.10.2 (the same in 0.12): random numbers asked for in bfloat16 come from 128 levels.
#
# Behaviour: jax.random draws a uniform number with as many random bits as the
# dtype has mantissa bits, so bfloat16 uniforms are multiples of 1/128. All that
# is made from them inherits that: a standard normal takes 128 values and ends
# short of 3 deviations; a coin of chance 0.001 shows heads when the uniform is
# exactly 0, which is one time in 128.
# Seen (a million draws, key 0): normal from -2.89 to 2.52, 128 values, mean -0.012
# against a standard error of 0.001; bernoulli(0.001) true 7.7 times in a thousand.
# Why it matters: a VAE trained in bfloat16 with noise in the dtype of its means has
# no tails in its latents, and a dropout or mask rate below 1/128 is another rate.
# Neither raises nor warns. Draw in float32 and cast after.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'jax[cpu]==0.10.2'
cd "$scratch"
env/bin/python - <<'EOF'
import jax
import jax.numpy as jnp
import numpy as np

key, count = jax.random.key(0), 1_000_000
noise = np.asarray(jax.random.normal(key, (count,), jnp.bfloat16).astype(jnp.float32))
coin = jax.random.bernoulli(key, jnp.bfloat16(0.001), (count,))
wide = np.asarray(jax.random.normal(key, (count,), jnp.float32))
print("bfloat16:", noise.min(), noise.max(), "levels", np.unique(noise).size, "mean", noise.mean())
print("float32: ", wide.min(), wide.max(), "mean", wide.mean())
print("share of heads at chance 0.001:", coin.mean())
assert np.unique(noise).size == 128 and np.abs(noise).max() < 3
assert np.abs(wide).max() > 4.5 and abs(noise.mean()) > 0.01
assert 0.007 < coin.mean() < 0.0085
EOF
