"""The tokens that are no words, numbered as in `vae_jax.text`, which is above this."""

PAD, UNK, BOS, EOS = 0, 1, 2, 3
"""After a sentence; an unknown word; before a sentence; the last token of a sentence."""
