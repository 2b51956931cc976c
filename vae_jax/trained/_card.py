"""The model card of an export: claims with their numbers, and how to run the artifacts."""

import math
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from vae_jax import __version__
from vae_jax.sweeps import stored_config
from vae_jax.trained._inputs import STORED

if TYPE_CHECKING:
    from vae_jax.trained._member import Member

METRICS = {
    "rate": "rate, KL to the prior (nats)",
    "distortion": "distortion (nats)",
    "nll": "importance-weighted bound on the NLL (nats)",
    "mutual_information": "mutual information of x and z (nats)",
    "mutual_information_ceiling": "the most that so many examples can show (nats)",
    "active_units": "active units of z",
    "collapsed_units": "collapsed units of z",
    "shuffle_gap": "log-likelihood lost when z is shuffled (nats)",
    "conditional_information": "I(z; x | c), what z says beside the condition (nats)",
    "condition_information": "I(z; c), what z repeats of the condition (nats)",
    "shuffle_within_gap": "log-likelihood lost when z is shuffled in a condition (nats)",
    "perplexity": "perplexity",
    "optimal_variance": "noise variance, fitted to the training set",
}
"""Columns of the row that a card tells, and in what words."""

PATHS = ("data_folder",)
"""Settings that say where files lie on the machine that trained."""

RUN = """\
```python
import jax.export, numpy as np
load = lambda name: jax.export.deserialize(bytearray(open(name, "rb").read()))
{lines}
```
"""


def card(member: "Member") -> str:
    """Markdown: what the member is, what was measured, and how to run it.

    Needs a trained member; `Member.export` calls it.
    """
    return "\n".join(
        [
            f"# {member.run.model.chosen_name} on {stored_config(member.run)['dataset']}",
            *_claims(member),
            *_how_to_run(member),
            *_origin(member),
            *_settings(member),
            "",
        ]
    )


def _claims(member: "Member") -> list[str]:
    row, run = member.row, member.run
    told = {words: row[name] for name, words in METRICS.items() if _is_known(row, name)}
    lines = [f"| {words} | {value:.6g} |" for words, value in told.items()]
    reasons = [f"- {reason}" for reason in row.get("reasons") or ()]
    label = row.get("verdict") or "not judged"
    units = ", ".join(f"{value:.4g}" for value in row.get("kl_per_unit") or ())
    return [
        f"\nA variational autoencoder with {run.model.latent_dim} units of z, trained with "
        f"seed {run.seed} for {run.num_steps} steps. Measured on the {run.eval_split} "
        f"split, per example, with {run.eval_samples} samples of z.",
        f"\n## Verdict: {label}\n",
        *reasons,
        "\n## Measured\n",
        "| what | value |\n|---|---|",
        *lines,
        *([f"\nKL of each unit (nats): {units}"] if units else []),
    ]


def _how_to_run(member: "Member") -> list[str]:
    event = ", ".join(map(str, member.facts.event_shape))
    kind = np.dtype(STORED[member.facts.kind]).name
    what = member.facts.kind
    told = ", condition" if member.condition is not None else ""
    reads = (", x" if member.reads_data else "") + told
    lines = [
        f'x = load("prepare.bin").call(np.zeros((2, {event}), np.{kind}))  # {what}, up to '
        f"{member.facts.max_value}",
        *_condition_line(member),
        f'mean, logvar = load("encoder.bin").call(x{told})',
        f'decoded, parameters = load("decoder.bin").call(mean{reads})',
    ]
    return [
        "\n## Run it\n",
        "With jax, numpy and flatbuffers, which `jax.export` reads with, from this folder, "
        "for any number of examples, on CPU, CUDA or TPU. `decoded` is the "
        "mean of the likelihood, `parameters` are what it is the mean of; x is the input "
        "as the model sees it. `params.safetensors` holds the parameters by themselves.\n",
        RUN.format(lines="\n".join(lines)),
        *_scale_told(member),
        *_condition_told(member),
    ]


def _scale_told(member: "Member") -> list[str]:
    """What stands between the numbers of the file and those of the model."""
    origin = member.about.origin
    if origin is None or not origin.scales:
        return []
    parts = {"offset": origin.offset, "factor": origin.factor}
    return [
        "What `prepare.bin` takes and `decoded` are in the scale of the file; `x`, the "
        "encoder, `parameters` and every nat above are of x = (file - offset) / factor:\n",
        "```python",
        *(f"{name} = {np.asarray(value).tolist()}" for name, value in parts.items()),
        "```\n",
    ]


def _condition_line(member: "Member") -> list[str]:
    one = member.one_condition
    if one is None:
        return []
    if one.ndim > 1:
        width = one.shape[1]
        return [f"condition = np.zeros((2, {width}), np.float32)  # of each example"]
    return [f"condition = np.full(2, {int(one[0])}, np.int32)  # of each example"]


def _condition_told(member: "Member") -> list[str]:
    """What the conditions are."""
    if member.condition is None:
        return []
    if member.condition.of_covariates:
        known = member.covariates
        return [
            f"The condition is a vector of {known.described}, words as one of them, each "
            "number less its offset and over its factor:\n",
            "```python",
            f"condition_offset = {np.asarray(known.offset).tolist()}",
            f"condition_factor = {np.asarray(known.factor).tolist()}",
            "```\n",
        ]
    labels, names = member.about.labels, member.about.label_names
    told = ", ".join(f"{i} ({names[i]})" if i < len(names) else str(i) for i in labels)
    return [f"The condition is the label of each example: {told}.\n"]


def _origin(member: "Member") -> list[str]:
    row = member.row
    trained = {n: row.get(n) for n in ("vae_jax", "jax", "jaxlib", "flax", "optax")}
    versions = ", ".join(f"{name} {v}" for name, v in trained.items() if v)
    sources = member.sources
    return [
        "## Origin\n",
        f"- trained with {versions}",
        f"- exported with vae_jax {__version__}, jax {jax.__version__}",
        f"- member {row.get('member_id', member.number)}",
        f"- digest of the data: {row.get('data_digest', 'unknown')}",
        *(f"- SHA-256 of {path}: {digest}" for path, digest in sources.items()),
    ]


def _settings(member: "Member") -> list[str]:
    known = stored_config(member.run)
    shown = {n: v for n, v in known.items() if v is not None and n not in PATHS}
    return [
        "\n## Settings\n",
        "```toml",
        *(f"{name} = {_toml(value)}" for name, value in shown.items()),
        "```",
    ]


def _toml(value: Any) -> str:
    """A plain value as TOML has it.

    >>> _toml([1, 2.5]), _toml(True), _toml("mlp")
    ('[1, 2.5]', 'true', '"mlp"')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _is_known(row: Any, name: str) -> bool:
    value = row.get(name)
    return isinstance(value, int | float) and math.isfinite(value)
