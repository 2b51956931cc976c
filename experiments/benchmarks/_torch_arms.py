"""PyTorch's arms of a benchmark: every form in which a user would run it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from experiments.benchmarks._cases import Case
from experiments.benchmarks._machine import has, has_compiler
from experiments.benchmarks._timing import Arm
from vae_jax import sweeps

ENSEMBLE = 16
EPOCH = 40
"""The most steps of an epoch of pythae's trainer, which is timed by whole epochs."""

NO_TORCH = "not installed: pip install -e '.[benchmark]'"
NO_COMPILER = "no C++ compiler: g++ is not found"

FORMS: dict[str, dict[str, bool]] = {
    "PyTorch": {},
    "PyTorch, fused": {"fused": True},
    "PyTorch channels_last, fused": {"fused": True, "channels_last": True},
    "PyTorch compiled, fused": {"fused": True, "compiled": True},
    "PyTorch compiled, channels_last, fused": {
        "fused": True,
        "compiled": True,
        "channels_last": True,
    },
}


def torch_arms(case: Case) -> list[Arm]:
    """Every form that the family has; an image has layouts of its own."""
    arms = [
        Arm(name, partial(form, case, **options), missing=lacking(options))
        for name, options in FORMS.items()
        if case.family not in ("MLP", "LSTM", "Transformer")
        or not options.get("channels_last")
    ]
    return arms if case.family != "MLP" else arms + mlp_arms(case)


def mlp_arms(case: Case) -> list[Arm]:
    """What there is for vectors alone."""
    compiled = lacking({"compiled": True})
    lacks = lacking({}) or ("" if has("pythae") else NO_TORCH)
    return [
        Arm(
            "torch.func ensemble, compiled, fused",
            partial(ensemble, case),
            members=ENSEMBLE,
            missing=compiled,
        ),
        Arm(
            "pythae's trainer",
            partial(pythae, case),
            least=epoch_of(case),
            missing=lacks,
        ),
    ]


def lacking(options: dict[str, bool]) -> str:
    """Why PyTorch cannot be measured in a form; empty where it can."""
    if not has("torch"):
        return NO_TORCH
    return NO_COMPILER if options.get("compiled") and not has_compiler() else ""


def setup_compiler() -> None:
    """Compile anew, on as many cores as are measured: how long it takes is told."""
    import torch._inductor.config as config

    config.force_disable_caches = True
    config.compile_threads = sweeps.num_cores()


def forget_compiled() -> None:
    """Forget what was compiled for another model: a function has room for eight only."""
    if has("torch"):
        import torch

        torch.compiler.reset()


def form(case: Case, **options: bool) -> Callable[[int], None]:
    """A loop of one form."""
    from experiments.benchmarks._torch_train import train

    setup_compiler()
    return train(maker(case), examples(case), case.settings["batch_size"], **options)


def ensemble(case: Case) -> Callable[[int], None]:
    """Many models at once."""
    from experiments.benchmarks._torch_train import train_ensemble

    setup_compiler()
    sizes = case.settings["batch_size"], case.settings["latent_dim"]
    return train_ensemble(maker(case), examples(case), *sizes, ENSEMBLE)


def pythae(case: Case) -> Callable[[int], None]:
    """Its trainer."""
    from experiments.benchmarks._pythae import train_pythae

    batch = case.settings["batch_size"]
    return train_pythae(examples(case), mlp_sizes(case), batch, epoch_of(case))


def epoch_of(case: Case) -> int:
    """Steps of its epochs, of whole batches."""
    return min(EPOCH, case.examples // case.settings["batch_size"])


def mlp_sizes(case: Case) -> tuple[int, int, int]:
    """Features, hidden units and latent units."""
    hidden, latent = case.settings["hidden"][0], case.settings["latent_dim"]
    return int(np.prod(case.shape)), hidden, latent


def channels_first(case: Case) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    height, width, *channels = case.shape
    return (channels[0] if channels else 1), height, width


def examples(case: Case) -> Any:
    """The data set as a tensor in memory, scaled and binarised before."""
    import torch

    stored = torch.from_numpy(case.dataset().train.images)
    if case.of_sentences:
        return stored.long()
    levels = stored.float().div(255)
    x = levels if len(case.shape) == 3 else (levels > 0.5).float()
    if case.family == "MLP":
        return x.flatten(1)
    return x.permute(0, 3, 1, 2).contiguous() if x.ndim == 4 else x[:, None]


def maker(case: Case, vocabulary: int | None = None) -> Callable[[], Any]:
    """What builds the same model in PyTorch."""
    from experiments.benchmarks import _torch_models, _torch_pixelcnn, _torch_text

    given = case.settings
    latent, hidden = given["latent_dim"], given.get("hidden", (32,) * 5)
    if case.family == "MLP":
        return partial(_torch_models.mlp, *mlp_sizes(case))
    if case.family == "PixelCNN":
        return partial(_torch_pixelcnn.pixelcnn, channels_first(case), hidden, latent)
    if case.family in ("convolutional", "residual"):
        sizes = channels_first(case), hidden, latent, given["blocks"]
        return partial(_torch_models.convolutional, *sizes)
    words = vocabulary or case.dataset().max_value + 1
    if case.family == "LSTM":
        sizes = words, given["embedding"], hidden[0], latent
        return partial(_torch_text.lstm, *sizes)
    layers, heads, length = len(hidden), given["num_heads"], case.shape[0]
    sizes = words, hidden[0], layers, heads, latent, length
    return partial(_torch_text.transformer, *sizes)
