#!/usr/bin/env bash
# optax 0.2.8 on jax 0.10.2: Adam's second moment never decays on bfloat16 parameters.
#
# Behaviour: the moments take the dtype of the parameters, and the decay 0.999 takes
# the dtype of the moment it multiplies. The bfloat16 number next to 0.999 is 1, so
# nu <- (1 - b2) g^2 + 1 * nu: a sum, which stalls once an addend is under half a step.
# Seen: 1000 gradients of 1 give nu 0.5 (0.632 is right); 2000 gradients of 0 after
# them leave nu at 0.5 (0.0855 is right). optax.ema(0.999) keeps its 0.5 too: an
# average of weights that no longer moves.
# Why it matters: after one early burst of gradients (a KL weight that sets in, a bad
# batch) the step size stays small for good. Nothing warns; `mu_dtype` mends only the
# first moment. Keep float32 master weights, or a b2 that bfloat16 can hold.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'optax==0.2.8' 'jax[cpu]==0.10.2'
cd "$scratch"
env/bin/python - <<'EOF'
import jax
import jax.numpy as jnp
import optax


def after(tx, dtype, gradients):
    params = {"w": jnp.ones(1, dtype)}
    state, step = tx.init(params), jax.jit(tx.update)
    for g in gradients:
        _, state = step({"w": jnp.full(1, g, dtype)}, state, params)
    return state


burst, quiet = [1.0] * 1000, [0.0] * 2000
for dtype in (jnp.float32, jnp.bfloat16):
    up = float(after(optax.scale_by_adam(), dtype, burst).nu["w"][0])
    down = float(after(optax.scale_by_adam(), dtype, burst + quiet).nu["w"][0])
    ema = float(after(optax.ema(0.999), dtype, burst + quiet).ema["w"][0])
    print(jnp.dtype(dtype).name, "nu after the burst", up, "after the quiet", down, "ema", ema)
assert up == down == ema == 0.5, "bfloat16 moments decay now"
EOF
