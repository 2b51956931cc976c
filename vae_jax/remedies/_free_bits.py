"""Free bits: some nats of rate cost nothing."""

from typing import Any, Literal

from vae_jax import losses
from vae_jax.records import data, record, static
from vae_jax.remedies._contract import Remedy
from vae_jax.training import RatePenalty


@record("remedy", "free_bits")
class FreeBits(Remedy):
    """A threshold below which the rate costs nothing, Kingma et al. (2016), App. C."""

    sets = "the charge for the rate"
    needs_elbo = True

    free_bits: float = data("Nats of rate that cost nothing.", low=0)
    free_bits_over: Literal["unit", "total", "group"] = static(
        "Whether each unit has them, all together, or each group of units.",
        default="unit",
    )
    free_bits_groups: tuple[int, ...] | None = static(
        "The group of every unit, from 0 on, for free bits over groups.",
        default=None,
        low=0,
        high=10_000,
    )
    free_bits_mean: Literal["batch", "example"] = static(
        "Whether they are applied to the mean over the batch or to each example.",
        default="batch",
    )
    free_bits_rule: Literal["max", "mask"] = static(
        "The larger of threshold and rate, or a rate that drops to 0 below it.",
        default="max",
    )

    @classmethod
    def absent(cls) -> "FreeBits":
        """No nat is free: the whole rate is charged."""
        return cls(free_bits=0.0)

    @property
    def yields(self) -> bool:
        """Where nothing is free the whole rate is charged, as without it."""
        return self.free_bits == 0

    def check(self) -> None:
        """Groups are given for groups alone, and leave none out.

        Raises:
            ValueError: names both settings.
        """
        groups = self.free_bits_groups
        if (groups is None) == (self.free_bits_over == "group"):
            raise ValueError(
                "`free_bits_groups` must be given with free_bits_over='group' and only "
                f"then; got free_bits_over={self.free_bits_over!r} and {groups}."
            )
        if groups is not None and set(groups) != set(
            range(max(groups, default=-1) + 1)
        ):
            raise ValueError(
                "`free_bits_groups` must be numbered from 0 without a gap; got "
                f"{list(groups)}."
            )

    def conflict(self, run: Any) -> str | None:
        """A KL that is sampled as a whole has no units to count over."""
        units, groups = run.model.latent_dim, self.free_bits_groups
        if groups is not None and len(groups) != units:
            return (
                f"`free_bits_groups` must give each of the {units} units of z a group; got "
                f"{len(groups)} numbers."
            )
        least = max(one.least_rate for one in run.remedies)
        least *= units if self.free_bits_over == "total" else 1
        if 0 < self.free_bits <= least and groups is None:
            return (
                f"`free_bits` must be above the {least:g} nats that the posterior has "
                f"anyway, or it changes nothing; got {self.free_bits:g}."
            )
        per_unit = self.free_bits > 0 and self.free_bits_over != "total"
        if run.prior.has_units or not per_unit:
            return None
        return (
            f"the KL to prior={run.prior.chosen_name!r} is sampled as a whole and has no "
            f"units; got free_bits_over={self.free_bits_over!r}. Use "
            "free_bits_over='total'."
        )

    def penalty(self) -> RatePenalty:
        """See `losses.free_bits`."""
        return lambda kl, hyper: losses.free_bits(
            kl,
            self.free_bits,
            over=self.free_bits_over,
            mean=self.free_bits_mean,
            rule=self.free_bits_rule,
            groups=self.free_bits_groups,
        )
