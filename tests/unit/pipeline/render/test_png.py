"""The palette keeps the colours that count exactly, and nothing else gets into the file."""

from io import BytesIO

import numpy as np
from PIL import Image

from pipeline.render.png import PALETTE, indexed_png


def decoded(png):
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def opaque(rgb):
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, dtype="uint8")]).astype("uint8")


def test_few_colours_survive_exactly():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (PALETTE, 3), dtype="uint8")[rng.integers(0, PALETTE, (50, 70))]
    assert (decoded(indexed_png(opaque(rgb))) == rgb).all()


def test_of_many_the_most_used_survive_and_the_rest_stay_near():
    ramp = np.arange(256, dtype="uint8").repeat(3).reshape(1, 256, 3).repeat(4, axis=0)
    flat = np.full((40, 256, 3), (19, 23, 34), dtype="uint8")
    rgb = np.concatenate([flat, ramp])
    got = decoded(indexed_png(opaque(rgb)))
    assert (got[:40] == flat).all()
    assert np.abs(got.astype(int) - rgb.astype(int)).max() <= 8


def test_one_pixel_and_one_colour_work():
    for shape in ((1, 1), (3, 5)):
        rgb = np.full((*shape, 3), 7, dtype="uint8")
        assert (decoded(indexed_png(opaque(rgb))) == rgb).all()


def test_the_file_holds_no_words_or_dates():
    png = indexed_png(opaque(np.zeros((4, 4, 3), dtype="uint8")))
    assert not any(chunk in png for chunk in (b"tEXt", b"iTXt", b"tIME", b"zTXt"))
