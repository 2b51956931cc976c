"""The hooks of remedies are called here, so that one of the user's own is named."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from vae_jax.records import ask, attempt, name_of, shown, signature_fix
from vae_jax.remedies._contract import Remedy
from vae_jax.training import Feedback, Program
from vae_jax.vae import VAE, Prior

KINDS: dict[str, Any] = {
    "wrap": VAE,
    "law": Prior,
    "betas": Callable,
    "penalty": Callable,
    "regulariser": Callable,
    "auxiliary": Callable,
    "objective": Callable,
    "feedback": Feedback,
    "program": Program,
    "around": Program,
}
"""What each hook returns."""

MAY_BE_NONE = (
    "penalty",
    "regulariser",
    "auxiliary",
    "objective",
    "feedback",
    "program",
)
CHARGES = {
    "penalty": "(kl, hyper)",
    "regulariser": "(latent, hyper, keys)",
    "auxiliary": "(params, latent, batch, hyper)",
}
"""Hooks that return a function of a charge an example, and how that is called."""


def asked(remedy: Remedy, hook: str, *args: Any) -> Any:
    """What a hook of a remedy returns; one of the user's own is checked.

    Args:
        remedy: of a run.
        hook: the name of one of its methods.
        *args: that the method is called with.

    Raises:
        ValueError: one of the user's own raises, or returns another kind, now or where
            what it returns is called; names its path, the hook and the fix.

    >>> from vae_jax.remedies import FreeBits
    >>> asked(FreeBits(0.5), "regulariser", None) is None
    True
    """
    method = getattr(remedy, hook)
    if not remedy.is_own:
        return method(*args)
    hint = f" It is called with {CHARGES[hook]} later." if hook in CHARGES else ""
    may_be_none = hook in MAY_BE_NONE
    made = ask(method, KINDS[hook], *args, may_be_none=may_be_none, hint=hint)
    if made is None or hook not in CHARGES:
        return made
    return _charge(made, name_of(method), hook)


def _charge(function: Any, what: str, hook: str) -> Callable[..., Any]:
    """The function of a charge, which returns a number an example."""
    called, returned = CHARGES[hook], f"{what} gives a function that"

    def charge(*args: Any) -> Any:
        made = attempt(lambda: function(*args), returned, called, signature_fix(called))
        first = args[1] if hook == "auxiliary" else args[0]
        batch = first.shape[0] if hook == "penalty" else first.mean.shape[0]
        _check_charge(made, batch, returned)
        return made

    return charge


def _check_charge(made: Any, batch: int, returned: str) -> None:
    """Refuse what is not a number of nats an example.

    Raises:
        ValueError: says its shape or kind.
    """
    shape, dtype = getattr(made, "shape", None), getattr(made, "dtype", None)
    is_real = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
    if shape == (batch,) and is_real:
        return
    got = shown(made) if shape is None else f"shape {shape} of {dtype}"
    raise ValueError(
        f"{returned} must return nats of shape (batch,), ({batch},) here, one number an "
        f"example; got {got}. Sum over the units alone, `axis=-1`, and take no mean over "
        "the examples."
    )
