"""Images that stay encoded in their files, and are decoded whenever they are read."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

AT_ONCE = 1000
"""Images that are held encoded."""


class InFiles:
    """An array of images by their numbers, as `views.Rows` reads it.

    >>> grey = InFiles(lambda rows: [bytes([row]) for row in rows],
    ...     lambda encoded: np.full((1, 1, 1), encoded[0], np.uint8), (9, 1, 1, 1))
    >>> grey[np.array([7, 2])].reshape(-1).tolist()
    [7, 2]
    """

    def __init__(
        self,
        read: Callable[[list[int]], list[bytes]],
        decode: Callable[[bytes], np.ndarray],
        shape: tuple[int, ...],
    ) -> None:
        """Nothing is read yet.

        Args:
            read: the encoded images of some numbers.
            decode: one of them, `(height, width, channels)`; grey ones may have one
                channel among others of three.
            shape: of all images.
        """
        self._read, self._decode, self.shape = read, decode, shape
        self.dtype = np.dtype(np.uint8)
        # Pillow lets other threads work while it decodes
        self._threads = ThreadPoolExecutor(os.cpu_count())

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """These images, decoded."""
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for start in range(0, len(rows), AT_ONCE):
            numbers = [int(row) for row in rows[start : start + AT_ONCE]]
            decoded = self._threads.map(self._decode, self._read(numbers))
            for place, image in enumerate(decoded, start):
                images[place] = image  # one channel is repeated where there are three
        return images
