"""The tokens that are no words, as every vocabulary of this library numbers them."""

PAD, UNKNOWN, BEGIN, END = 0, 1, 2, 3
"""After a sentence; an unknown word; before a sentence; the last token of a sentence."""
