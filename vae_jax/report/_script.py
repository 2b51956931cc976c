"""Scripts between the tags of a page."""

import re


def between_tags(script: str) -> str:
    r"""A script whose texts do not end it: in texts and patterns `\/` is `/`.

    >>> between_tags("a = '</script>'")
    "a = '<\\/script>'"
    """
    closed = re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE)
    # a comment of HTML, in which the end of the script would not be seen
    return closed.replace("<!--", r"<\!--")
