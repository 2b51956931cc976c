#!/usr/bin/env bash
# optax 0.2.8 on jax 0.10.2: wrapping adam in inject_hyperparams turns bfloat16 training to NaN.
#
# Behaviour: inject_hyperparams stores every number of the wrapped optimiser as an
# array, in the dtype of the first parameter leaf. In bfloat16 b2 = 0.999 is 1 exactly,
# so (1 - b2) g^2 is 0 and the bias correction divides by 1 - 1^t = 0.
# Seen: the first update of optax.adam(1e-3) on bfloat16 ones is -0.001; the same
# optimiser through inject_hyperparams gives NaN, with b2 == 1 among its hyperparameters.
# Why it matters: the wrapper is the usual way to log or anneal a learning rate, and
# is meant to change no number. Pass hyperparam_dtype=jnp.float32: shown below as well.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'optax==0.2.8' 'jax[cpu]==0.10.2'
cd "$scratch"
env/bin/python - <<'EOF'
import jax.numpy as jnp
import optax

params = {"w": jnp.ones(2, jnp.bfloat16)}


def first(tx):
    update, state = tx.update({"w": jnp.ones(2, jnp.bfloat16)}, tx.init(params), params)
    return float(update["w"][0]), state


plain, _ = first(optax.adam(1e-3))
wrapped, state = first(optax.inject_hyperparams(optax.adam)(1e-3))
mended, _ = first(optax.inject_hyperparams(optax.adam, hyperparam_dtype=jnp.float32)(1e-3))
print("plain", plain, "wrapped", wrapped, "wrapped in float32", mended)
print("hyperparameters", {k: float(v) for k, v in state.hyperparams.items()})
assert abs(plain + 1e-3) < 1e-4 and wrapped != wrapped and mended == mended
assert float(state.hyperparams["b2"]) == 1.0
EOF
