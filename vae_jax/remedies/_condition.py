"""A condition: the model is told the label of every example."""

from typing import Any

from vae_jax.models import conditional_model
from vae_jax.records import Facts, record, static
from vae_jax.remedies._contract import Remedy
from vae_jax.vae import VAE

WIDEST = 64
"""Units of a label's vector where no width is given: above it labels share them."""


@record("condition", "label")
class Label(Remedy):
    """A conditional VAE of the data's labels, Sohn, Lee & Yan (2015).

    The decoder is told the label, the encoder unless it is said otherwise, the prior where
    it is asked for. A run is then judged by what z says beside the label.
    """

    sets = "the condition"
    rank = -1  # what changes a posterior changes the conditional one
    labelled = True

    condition_width: int | None = static(
        "Width of the vector of a label that the decoder is given beside z; as many as "
        f"there are labels, {WIDEST} at most, where it is not given.",
        default=None,
        low=1,
        high=100_000,
    )
    condition_encoder: bool = static("The encoder is told the label.", default=True)
    condition_prior: bool = static(
        "The prior is told it: a mean and a variance of z for every label.",
        default=False,
    )

    def conflict(self, run: Any) -> str | None:
        """A prior made of the encoder has no label to encode with."""
        if run.prior.encodes:
            return (
                f"prior={run.prior.chosen_name!r} encodes pseudo-inputs, which have no "
                f"label; got condition={self.chosen_name!r}. Choose another prior."
            )
        return None

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """See `models.conditional`.

        Raises:
            ValueError: the data have no labels, or only one.
        """
        del vae
        if facts.num_labels < 2:
            found = (
                "one label" if facts.num_labels else "none (-1) for some or all of them"
            )
            raise ValueError(
                f"`condition={self.chosen_name!r}` needs data whose examples have labels, "
                f"two or more of them; dataset={run.data.chosen_name!r} has {found}. Name "
                "their column by `label_column`, give `labels` with arrays, or leave the "
                "condition out."
            )
        return conditional_model(
            run.model,
            facts,
            run.likelihood,
            width=self.condition_width or min(facts.num_labels, WIDEST),
            encoder=self.condition_encoder,
            prior=self.condition_prior,
        )
