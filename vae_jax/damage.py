"""What reading a damaged file of arrays raises: one list for all that read them."""

import tokenize
import zipfile
import zlib

BROKEN = (
    ValueError,
    EOFError,
    RuntimeError,  # a bit that says that it is encrypted, or packed in an unknown way
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,  # from the header of an array
)
"""What numpy and zipfile raise of flipped bits."""
