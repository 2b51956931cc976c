"""Arms of other JAX code: hand-written scans, flax and numpyro."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from experiments.benchmarks._cases import Case
from experiments.benchmarks._engine_arm import train
from experiments.benchmarks._flax_lstm import flax_lstm
from experiments.benchmarks._machine import has
from experiments.benchmarks._timing import Arm
from experiments.benchmarks._torch_arms import NO_TORCH, mlp_sizes
from vae_jax import assembly, training


def jax_arms(case: Case) -> list[Arm]:
    """What there is for the family."""
    if case.family == "MLP":
        return mlp_arms(case)
    if case.family == "convolutional" and len(case.shape) == 2:
        make = partial(linen_images, case)
        return [Arm("flax linen, nn.Conv, jitted step", make)]
    if case.family == "LSTM":
        number = max(n for n in case.members if n <= 16)
        make = partial(flax_in_engine, case, number)
        return [Arm("flax OptimizedLSTMCell in the engine", make, number, case.least)]
    return []


def mlp_arms(case: Case) -> list[Arm]:
    """Scans by hand, one member a device; flax; numpyro."""
    number = jax.device_count()
    return [
        Arm("scan, the same", partial(scan, case, False), number, case.least),
        Arm("scan, lean", partial(scan, case, True), number, case.least),
        Arm("flax linen, jitted step", partial(linen_mlp, case)),
        Arm("flax nnx, nnx.jit", partial(nnx_mlp, case)),
        Arm(
            "numpyro's example",
            partial(numpyro, case),
            least=case.least,
            missing="" if has("numpyro") else NO_TORCH,
        ),
    ]


def binary(case: Case) -> np.ndarray:
    """The images as a flax user would hold them."""
    stored = case.dataset().train.images
    return (stored > 127).astype(np.float32)


def scan(case: Case, lean: bool) -> Callable[[int], None]:
    """Of one's own."""
    from experiments.benchmarks._scan import train_scan

    stored, batch = case.dataset().train.images, case.settings["batch_size"]
    return train_scan(stored, mlp_sizes(case), batch, lean=lean)


def linen_mlp(case: Case) -> Callable[[int], None]:
    """Flax's older modules."""
    from experiments.benchmarks._flax_mlp import LinenMLP, train_linen

    flat = binary(case).reshape(case.examples, -1)
    return train_linen(LinenMLP(mlp_sizes(case)), flat, case.settings["batch_size"])


def nnx_mlp(case: Case) -> Callable[[int], None]:
    """Flax's newer ones."""
    from experiments.benchmarks._flax_mlp import train_nnx

    flat = binary(case).reshape(case.examples, -1)
    return train_nnx(mlp_sizes(case), flat, case.settings["batch_size"])


def numpyro(case: Case) -> Callable[[int], None]:
    """Stochastic variational inference."""
    from experiments.benchmarks._numpyro_svi import train_numpyro

    stored = case.dataset().train.images
    return train_numpyro(stored, mlp_sizes(case), case.settings["batch_size"])


def linen_images(case: Case) -> Callable[[int], None]:
    """Flax's convolutions in a jitted step: where they are fast on CPU."""
    from experiments.benchmarks._flax_images import LinenImages
    from experiments.benchmarks._flax_mlp import train_linen

    model = LinenImages(case.settings["hidden"], case.settings["latent_dim"])
    batch = case.settings["batch_size"]
    return train_linen(model, binary(case)[..., None], batch)


def flax_in_engine(case: Case, num_members: int) -> Callable[[int], None]:
    """The same objective and optimiser over flax's own LSTM."""
    import flax.linen as nn

    return train(case, num_members, program=flax_program(case, nn.OptimizedLSTMCell))


def flax_program(case: Case, cell: Any) -> training.Program:
    """What the engine runs of a model that is flax's."""
    dataset, given, config = case.dataset(), case.settings, case.run()
    sizes = given["embedding"], given["hidden"][0], given["latent_dim"]
    vae = flax_lstm(case.shape[0], dataset.max_value + 1, *sizes, cell)
    optimizer = training.adam()
    objective = training.make_objective(
        vae, config.likelihood.density(assembly.facts_of(dataset))
    )
    return training.make_program(
        vae.init,
        training.make_step(objective, optimizer),
        optimizer,
        config.data.prepare("tokens", dataset.max_value),
        lambda *_: {},
        given["batch_size"],
    )
