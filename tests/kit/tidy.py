"""Is a picture tidy: no text leaves the sheet, no words cover words, all are large enough."""

from matplotlib.text import Text

from pipeline.render.labels import Box

STAMP = "SYNTHETIC"


def words_of(canvas):
    """Boxes of all texts as matplotlib measures them, y downwards; the big stamp left out."""
    found = []
    renderer = canvas.agg.get_renderer()
    for artist in canvas.figure.findobj(Text):
        if not artist.get_text() or (artist.get_text() == STAMP and artist.get_fontsize() > 60):
            continue
        e = artist.get_window_extent(renderer)
        box = Box(e.x0, canvas.height - e.y1, e.x1, canvas.height - e.y0)
        found.append((artist.get_text(), artist.get_fontsize(), box))
    return found


def assert_tidy(canvas, smallest=22):
    words = words_of(canvas)
    assert words
    for text, size, box in words:
        assert box.within(canvas.frame), (text, box)
        assert size >= smallest, (text, size)
    for i, (text, _, a) in enumerate(words):
        for other, _, b in words[:i]:
            assert not a.meets(b), (text, other)
    for i, a in enumerate(canvas.tags):
        assert a.within(canvas.frame)
        assert not any(a.meets(b) for b in canvas.tags[:i])
