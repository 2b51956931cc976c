#!/usr/bin/env bash
# numpyro 0.22.0 on jax 0.10.2: float32 count likelihoods of large concentration are off by nats.
#
# Behaviour: NegativeBinomial2.log_prob and BetaBinomial.log_prob subtract log-gammas
# of arguments near the concentration. At 1e8 each log-gamma is about 1.7e9, where
# float32 numbers lie 128 apart, so what is left of the difference is rounding.
# Seen: NegativeBinomial2(mean 5, concentration 1e8) gives the count 3 a log-probability
# of +3.04, that is a probability of 21, where -1.963 is right; at 1e6 it is 0.007 off.
# BetaBinomial(1e8, 1e8, 10) gives 0.0 for 3, a certainty, where -2.144 is right.
# Why it matters: both are the likelihoods of count VAEs (single-cell data), and a gene
# with no overdispersion drives its concentration there. The bound gains nats that
# are not there and the sum still looks like a plausible loss.
set -euo pipefail
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/env"
"$scratch/env/bin/pip" install -q 'numpyro==0.22.0' 'jax[cpu]==0.10.2' 'mpmath==1.3.0'
cd "$scratch"
env/bin/python - <<'EOF'
import jax.numpy as jnp
import numpyro.distributions as dist
from mpmath import binomial, exp, loggamma, log, mp, mpf

mp.dps = 50


def exact_nb(k, mean, r):
    k, mean, r = mpf(k), mpf(mean), mpf(r)
    tail = r * log(r / (r + mean)) + k * log(mean / (r + mean))
    return float(loggamma(k + r) - loggamma(r) - loggamma(k + 1) + tail)


def exact_bb(k, n, a):
    beta = lambda p, q: loggamma(p) + loggamma(q) - loggamma(p + q)
    return float(log(binomial(n, k)) + beta(mpf(k + a), mpf(n - k + a)) - beta(mpf(a), mpf(a)))


f32 = jnp.float32
for r in (1e4, 1e6, 1e8):
    nb = float(dist.NegativeBinomial2(f32(5), f32(r)).log_prob(3))
    bb = float(dist.BetaBinomial(f32(r), f32(r), 10).log_prob(3))
    print(f"{r:.0e}  negative binomial {nb:.4f} of {exact_nb(3, 5, r):.4f}", end="  ")
    print(f"beta-binomial {bb:.4f} of {exact_bb(3, 10, r):.4f}")
assert nb > 1 and exact_nb(3, 5, r) < -1.9, "a count is no longer more than certain"
assert bb > -0.5 and exact_bb(3, 10, r) < -2.1
EOF
