"""Pixels to a small PNG: an indexed picture of the colours used most."""

from io import BytesIO

import numpy as np
from PIL import Image

PALETTE = 128
COMMON = 96  # of the palette go to the colours used most, the rest to what they miss worst


def indexed_png(pixels: np.ndarray) -> bytes:
    """Return a PNG: the most used colours exactly, each other one as its nearest of them.

    Parameters
    ----------
    pixels
        uint8, shape (height, width, 4): red, green, blue, alpha; alpha is taken as opaque.

    Notes
    -----
    Rows of charts are long runs of one colour: counting runs, not pixels, makes this as cheap
    as compressing. What the palette drops are shades of letters' edges. Nothing but the pixels
    goes into the file, so equal pixels give equal bytes.
    """
    height, width = pixels.shape[:2]
    flat = np.ascontiguousarray(pixels).view("<u4").ravel() & 0xFFFFFF
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
    lengths = np.diff(starts, append=flat.size)
    used, which = np.unique(flat[starts], return_inverse=True)
    counts = np.bincount(which, weights=lengths)
    kept, nearest = _palette(_channels(used), counts)
    indices = np.repeat(nearest[which], lengths)
    image = Image.fromarray(indices.reshape(height, width), mode="P")
    image.putpalette(kept.tobytes())
    out = BytesIO()
    image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _palette(used: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the palette, (n, 3) uint8, and for each used colour its place there.

    The most used colours come first, then those that would be most in error without a place.
    """
    order = np.lexsort((*used.T, -counts))
    kept = order[:COMMON].tolist()
    distance = sum((used[:, i, None] - used[kept, i]) ** 2 for i in range(3))
    nearest = np.argmin(distance, axis=1)
    error = np.min(distance, axis=1)
    while len(kept) < min(PALETTE, len(used)):
        worst = int((error * counts).argmax())
        away = ((used - used[worst]) ** 2).sum(axis=1)
        nearest[away < error] = len(kept)
        error = np.minimum(error, away)
        kept.append(worst)
    return used[kept].astype("uint8"), nearest.astype("uint8")


def _channels(colours: np.ndarray) -> np.ndarray:
    """Return packed colours as an (n, 3) array of red, green, blue."""
    parts = [colours & 255, (colours >> 8) & 255, (colours >> 16) & 255]
    return np.stack(parts, axis=1).astype("int32")
