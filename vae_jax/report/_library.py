"""The charting library of a page: Vega-Lite, with Vega and Vega-Embed, as one script.

It is taken from vl-convert-python, which is its only importer here, whenever a page is
made; all four have the licence BSD-3-Clause. Nothing is loaded when the page is read.
"""

from functools import cache
from typing import Any

from vae_jax.report._script import between_tags

SNIPPET = "window.vegaEmbed = vegaEmbed; window.vega = vega;"
"""What the page calls."""


def check_library() -> Any:
    """The package that the library is taken from.

    Raises:
        ValueError: vl-convert-python is not installed; says how to get it.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise ValueError(
            "a report needs vl-convert-python, which holds its charting library and is not "
            "installed: pip install 'vae-jax[report]'"
        ) from error
    return vl_convert


@cache
def library() -> str:
    """The script, safe between its tags.

    Raises:
        ValueError: see `check_library`.
    """
    return between_tags(check_library().javascript_bundle(SNIPPET))
