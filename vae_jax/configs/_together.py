"""Fields that contradict each other, and remedies that have no meaning together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_jax.configs._run import RunConfig


SAMPLED_PRIORS = ("mixture", "vampprior")
"""Their KL is sampled as a whole, not unit by unit."""


TEXTS = ("ten_sequences", "synthetic_language", "brown", "text")
"""Sentences, for a model of tokens and a density of classes."""

TEXT_MODELS = ("lstm", "transformer")
"""Of sentences; all others are of images."""

BLIND_MODELS = ("linear", "mlp", "lipschitz", "convolutional")
"""Their decoders see no pixel."""

REMAT_MODELS = ("convolutional", "pixelcnn", "lstm", "transformer")
"""They have parts whose activations can be computed again."""


def check_together(config: RunConfig) -> None:
    """Refuse what cannot work together, with the reason.

    Raises:
        ValueError: names the fields and the fix.
    """
    _check_data(config)
    _check_text(config)
    _check_model(config)
    _check_slopes(config)
    _check_rate(config)
    _check_prior(config)
    if config.importance_samples:
        _check_importance(config)


def _check_data(config: RunConfig) -> None:
    if config.num_steps % config.log_every:
        raise ValueError(
            f"`num_steps` must be a multiple of `log_every`; got {config.num_steps} and "
            f"{config.log_every}."
        )
    if config.posterior == "batch_norm" and config.batch_size < 2:
        raise ValueError(
            "`batch_size` must be at least 2 with posterior='batch_norm', which takes the "
            f"mean over the batch from every mean; got {config.batch_size}, of which "
            "nothing would be left."
        )
    if config.likelihood == "bernoulli" and config.dequantize:
        raise ValueError(
            "`dequantize` adds noise to grey levels and fits a Gaussian likelihood; got "
            "likelihood='bernoulli'. Choose a Gaussian likelihood or no dequantisation."
        )
    if config.halve_on_plateau and config.likelihood == "gaussian_optimal":
        raise ValueError(
            "`halve_on_plateau` compares validation losses at one variance; got "
            "likelihood='gaussian_optimal', which sets it batch by batch. Use "
            "'gaussian_learned'."
        )
    if config.halve_on_plateau and config.pretraining_steps:
        raise ValueError(
            "`halve_on_plateau` judges by the ELBO, which pre-training without the rate "
            f"does not lower; got pretraining_steps={config.pretraining_steps}. Choose one."
        )
    if config.binarize != "none" and config.dequantize:
        raise ValueError(
            f"`dequantize` must be False for binarised data; got "
            f"binarize={config.binarize!r}. Use binarize='none'."
        )


def _check_text(config: RunConfig) -> None:
    """Sentences, their model and their density come together, or none of them."""
    text = config.dataset in TEXTS
    needs = {
        f"likelihood={config.likelihood!r}": config.likelihood == "categorical",
        f"model={config.model!r}": config.model in TEXT_MODELS,
    }
    for got, of_text in needs.items():
        if of_text != text and not (text and ":" in got):
            raise ValueError(
                "sentences go with model='lstm' or 'transformer' (or your own) and "
                f"likelihood='categorical', images with the others; got "
                f"dataset={config.dataset!r} and {got}."
            )
    if text and (config.binarize != "none" or config.dequantize):
        raise ValueError(
            "`binarize` and `dequantize` are made for grey levels; got binarize="
            f"{config.binarize!r} with dataset={config.dataset!r}. Use binarize='none'."
        )
    if text and config.prior == "vampprior":
        raise ValueError(
            "the pseudo-inputs of prior='vampprior' are images; got "
            f"dataset={config.dataset!r}. Use another prior."
        )


def _check_model(config: RunConfig) -> None:
    if config.window is not None and config.model in (*BLIND_MODELS, "lstm"):
        raise ValueError(
            "`window` is a setting of model='autoregressive', 'pixelcnn' or "
            f"'transformer'; got window={config.window} with model={config.model!r}. "
            "Leave it out."
        )
    if config.dropout and config.model in ("linear", "lipschitz"):
        raise ValueError(
            "`dropout` drops hidden units; model='linear' has none, and those of "
            "model='lipschitz' hold its bounds; got "
            f"{config.dropout} with model={config.model!r}. Leave it out."
        )
    if config.word_dropout and config.model in BLIND_MODELS:
        raise ValueError(
            "`word_dropout` hides pixels or words from a decoder that sees them; got "
            f"{config.word_dropout} with model={config.model!r}. Use "
            "model='autoregressive', 'pixelcnn', 'lstm' or 'transformer', or leave it out."
        )
    if config.skip and config.model != "mlp":
        raise ValueError(
            "`skip` is a setting of model='mlp' (the autoregressive decoder has z in every "
            f"layer, the linear one has no layer); got model={config.model!r}."
        )
    of_lstm = ":" in config.model or config.model == "lstm"
    if config.init_bound is not None and not of_lstm:
        raise ValueError(
            "`init_bound` is a setting of model='lstm'; got "
            f"{config.init_bound} with model={config.model!r}. Leave it out."
        )
    _check_image_model(config)


def _check_image_model(config: RunConfig) -> None:
    if config.blocks and config.model != "convolutional":
        raise ValueError(
            "`blocks` are those of model='convolutional'; got "
            f"{config.blocks} with model={config.model!r}. Leave it at 0."
        )
    known = ":" in config.model or config.model in REMAT_MODELS
    if config.remat and not known:
        raise ValueError(
            f"`remat` is for models in {', '.join(REMAT_MODELS)}; got model="
            f"{config.model!r}, which has little to keep. Leave it out."
        )
    if config.likelihood != "logistic_mixture":
        return
    if config.model != "pixelcnn" and ":" not in config.model:
        raise ValueError(
            "`likelihood='logistic_mixture'` is a density of what model='pixelcnn' "
            f"returns; got model={config.model!r}."
        )
    if config.binarize != "none" or config.dequantize:
        raise ValueError(
            "`likelihood='logistic_mixture'` is a density of grey levels as they are; got "
            f"binarize={config.binarize!r}, dequantize={config.dequantize}. Use "
            "binarize='none' and no dequantisation."
        )


def _check_slopes(config: RunConfig) -> None:
    if config.model != "lipschitz" and config.inverse_lipschitz:
        raise ValueError(
            "`inverse_lipschitz` bounds the slope of model='lipschitz'; got "
            f"{config.inverse_lipschitz} with model={config.model!r}. Leave it at 0."
        )
    if config.inverse_lipschitz > config.lipschitz:
        raise ValueError(
            "`inverse_lipschitz`, the least slope, must not be above `lipschitz`, the "
            f"largest; got {config.inverse_lipschitz} and {config.lipschitz}."
        )


def _check_rate(config: RunConfig) -> None:
    """Only one remedy may say what the rate weighs."""
    if config.capacity_weight and config.free_bits:
        raise ValueError(
            "`capacity_weight` holds the rate at a value and `free_bits` floors it: one "
            f"charge for the rate cannot be both; got {config.capacity_weight} and "
            f"{config.free_bits}. Leave one at 0."
        )
    weighs = config.beta != 1 or config.schedule != "constant"
    if config.capacity_weight and (weighs or config.feedback != "none"):
        raise ValueError(
            "`capacity_weight` takes the place of beta, which must then be a constant 1 "
            f"without feedback; got beta={config.beta}, schedule={config.schedule!r}, "
            f"feedback={config.feedback!r}."
        )
    for name, weight in (("mmd", "mmd_weight"), ("total_correlation", "tc_weight")):
        if getattr(config, weight) and config.regulariser != name:
            raise ValueError(
                f"`{weight}` is the weight of regulariser={name!r}; got "
                f"{getattr(config, weight)} with regulariser={config.regulariser!r}."
            )
    if config.pretraining_steps >= config.num_steps:
        raise ValueError(
            "`pretraining_steps` must be fewer than `num_steps`; got "
            f"{config.pretraining_steps} of {config.num_steps}."
        )


def _check_prior(config: RunConfig) -> None:
    """A remedy that is defined against N(0, I) needs that prior."""
    if config.prior == "standard":
        return
    needs = {
        "posterior='delta'": config.posterior == "delta",
        "refine_steps": config.refine_steps > 0,
        "regulariser": config.regulariser != "none",
    }
    for name, used in needs.items():
        if used:
            raise ValueError(
                f"{name} is defined against N(0, I); got prior={config.prior!r}. Use "
                "prior='standard'."
            )
    if config.prior == "vampprior" and config.posterior == "batch_norm":
        raise ValueError(
            "prior='vampprior' encodes its pseudo-inputs apart from the batch that "
            "posterior='batch_norm' normalises over; got both. Choose one."
        )
    if config.prior == "vampprior" and config.likelihood == "logistic_mixture":
        raise ValueError(
            "the pseudo-inputs of prior='vampprior' lie in [0, 1], and images under "
            "likelihood='logistic_mixture' in [-1, 1]; got both. Choose one."
        )
    per_unit = config.free_bits > 0 and config.free_bits_over == "unit"
    if config.prior in SAMPLED_PRIORS and per_unit:
        raise ValueError(
            f"the KL to prior={config.prior!r} is sampled as a whole and has no units; got "
            "free_bits_over='unit'. Use free_bits_over='total'."
        )


def _check_importance(config: RunConfig) -> None:
    """The importance-weighted bound has no rate of its own to weigh or to floor."""
    wrong = {
        "beta": config.beta != 1,
        "schedule": config.schedule != "constant",
        "free_bits": config.free_bits > 0,
        "capacity_weight": config.capacity_weight > 0,
        "feedback": config.feedback != "none",
        "regulariser": config.regulariser != "none",
        "likelihood": config.likelihood == "gaussian_optimal",
        "pretraining_steps": config.pretraining_steps > 0,
    }
    for name, used in wrong.items():
        if used:
            raise ValueError(
                "`importance_samples` makes the loss one bound, in which the rate cannot "
                f"be weighed, floored or steered; got {name}={getattr(config, name)!r}. "
                "Leave it at its default."
            )
