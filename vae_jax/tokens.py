"""The ids that are no words, the same for every tokenizer and every model of sentences."""

PAD, UNK, BOS, EOS = range(4)
"""After a sentence; an unknown word; before a sentence; the last token of a sentence."""
