"""An average of the parameters is evaluated and kept, in the place of the last ones."""

from vae_jax.records import data, record
from vae_jax.remedies._contract import Parts, Remedy
from vae_jax.training import Program, with_average


@record("remedy", "ema_decay")
class ParameterAverage(Remedy):
    """Evaluates an exponential moving average of the parameters, Polyak & Juditsky (1992).

    Training goes on from the parameters themselves, as without it.
    """

    sets = "which parameters are evaluated"
    rank = 3

    ema_decay: float = data(
        "Share of the average that stays at every step; 0 for none.",
        low=0,
        high=1,
        high_open=True,
    )

    @property
    def is_off(self) -> bool:
        """The average of nothing but the last step is the last step."""
        return self.ema_decay == 0

    def around(self, program: Program, parts: Parts) -> Program:
        """See `training.with_average`."""
        del parts
        return with_average(program, self.ema_decay)
