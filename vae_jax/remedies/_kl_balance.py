"""KL balancing: the prior is drawn to the posterior faster than the posterior to it."""

from typing import Any

import jax

from vae_jax.records import data, record
from vae_jax.remedies._contract import Remedy
from vae_jax.vae import Prior


@record("remedy", "kl_balance")
class KLBalance(Remedy):
    """Shares the KL's gradient between the prior and the posterior.

    `a KL(stop(q) || p) + (1 - a) KL(q || stop(p))`: the value is the KL, and a share a of
    its gradient reaches the prior. Hafner et al. (2021), Eq. 4, arXiv:2010.02193.
    """

    sets = "the gradient of the rate"
    needs_elbo = True

    kl_balance: float = data(
        "Share of the gradient of the KL that reaches a learned prior; 0 for no balance.",
        low=0,
        low_open=True,
        high=1,
        high_open=True,
    )

    def conflict(self, run: Any) -> str | None:
        """Both parts of a KL that is known must be there to learn."""
        if run.prior.is_standard or not run.prior.has_units:
            return (
                "`kl_balance` shares the gradient of a KL in closed form with a prior that "
                f"learns; got prior={run.prior.chosen_name!r}. Use prior='diagonal'."
            )
        return None

    def law(self, prior: Prior) -> Prior:
        """The same prior and the same KL, with other slopes.

        Raises:
            ValueError: the prior has no parameters.
        """
        if not jax.tree.leaves(jax.eval_shape(prior.init, jax.random.key(0))):
            raise ValueError(
                "`kl_balance` needs a prior that learns; got one without parameters. Use "
                "prior='diagonal'."
            )
        exact = prior.kl
        assert exact is not None, "refused above"

        def kl(params: Any, mean: Any, logvar: Any) -> Any:
            still = jax.lax.stop_gradient
            to_prior = exact(params, still(mean), still(logvar))
            to_posterior = exact(still(params), mean, logvar)
            return self.kl_balance * to_prior + (1 - self.kl_balance) * to_posterior

        return prior._replace(kl=kl)
