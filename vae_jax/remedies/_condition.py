"""A condition: the model is told the label of every example."""

from typing import Any

from vae_jax.models import conditional_model
from vae_jax.records import Facts, record, static
from vae_jax.remedies._contract import Remedy
from vae_jax.vae import VAE

WIDEST = 64
"""Units of a label's vector where no width is given: above it labels share them."""


@record()
class Told(Remedy):
    """A conditional VAE, Sohn, Lee & Yan (2015), whatever the condition is."""

    sets = "the condition"
    rank = -1  # what changes a posterior changes the conditional one
    labelled = True

    condition_width: int | None = static(
        "Width of the vector of a condition that the decoder is given beside z; as many as "
        f"there are labels or covariates, {WIDEST} at most, where it is not given.",
        default=None,
        low=1,
        high=100_000,
    )
    condition_encoder: bool = static("The encoder is told the condition.", default=True)
    condition_prior: bool = static(
        "The prior is told it: a mean and a variance of z for every label, or linear in "
        "the covariates.",
        default=False,
    )

    def conflict(self, run: Any) -> str | None:
        """A prior made of the encoder has no condition to encode with."""
        if run.prior.encodes:
            return (
                f"prior={run.prior.chosen_name!r} encodes pseudo-inputs, which have no "
                f"label; got condition={self.chosen_name!r}. Choose another prior."
            )
        return None

    def told_of(self, run: Any, facts: Facts, size: int) -> VAE:
        """See `models.conditional`."""
        return conditional_model(
            run.model,
            facts,
            run.likelihood,
            width=self.condition_width or min(size, WIDEST),
            num_conditions=size,
            encoder=self.condition_encoder,
            prior=self.condition_prior,
        )


@record("condition", "label")
class Label(Told):
    """A conditional VAE of the data's labels, Sohn, Lee & Yan (2015).

    The decoder is told the label, the encoder unless it is said otherwise, the prior where
    it is asked for. A run is then judged by what z says beside the label.
    """

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
        return self.told_of(run, facts, facts.num_labels)


@record("condition", "covariates")
class CovariateVector(Told):
    """A conditional VAE of columns of the data, numbers or words, as one vector.

    As with labels, the decoder is told it, the encoder and the prior as they are asked for.
    A run is judged by what z says beside the cell of its vector: see
    `diagnostics.condition_cells`.
    """

    of_covariates = True

    condition_bins: int | None = static(
        "Cells of vectors that are compared with each other, a power of 2; where it is not "
        "given, up to 64 with 30 examples or more on average.",
        default=None,
        low=2,
        high=2**16,
    )

    @property
    def cells(self) -> int | None:
        """The setting."""
        return self.condition_bins

    def check(self) -> None:
        """Cells are split in two, again and again.

        Raises:
            ValueError: a number that is no power of 2.
        """
        super().check()
        cells = self.condition_bins
        if cells is not None and cells & (cells - 1):
            raise ValueError(f"`condition_bins` must be a power of 2; got {cells}.")

    def wrap(self, vae: VAE, run: Any, facts: Facts) -> VAE:
        """See `models.conditional`.

        Raises:
            ValueError: the data have no covariates.
        """
        del vae
        if not facts.num_covariates:
            raise ValueError(
                f"`condition={self.chosen_name!r}` needs data with covariates; "
                f"dataset={run.data.chosen_name!r} has none. Name their columns by "
                "`condition_columns`, give `conditions` with arrays, or leave it out."
            )
        return self.told_of(run, facts, facts.num_covariates)
