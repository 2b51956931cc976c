"""What the convolutional models of images ask of their shapes and layers."""

from typing import get_args

from vae_jax.models._convolution import ConvolutionMethod


def image_shape(event_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width and channels, one where none are given.

    >>> image_shape((28, 28))
    (28, 28, 1)
    """
    if len(event_shape) not in (2, 3):
        raise ValueError(
            "`event_shape` must be (height, width) or (height, width, channels); got "
            f"{event_shape}. Use models.mlp for what is no image."
        )
    height, width, *channels = event_shape
    return height, width, channels[0] if channels else 1


def check_layers(hidden: tuple[int, ...], method: ConvolutionMethod | None) -> None:
    """Refuse no layers, and unknown ways to convolve.

    >>> check_layers((32, 64), None)
    """
    if not hidden or min(hidden) < 1:
        raise ValueError(
            f"`hidden` must name at least one layer, of at least one channel; got {hidden}."
        )
    known = get_args(ConvolutionMethod)
    if method is not None and method not in known:
        raise ValueError(
            f"`method` must be None or one of {', '.join(known)}; got {method!r}."
        )
