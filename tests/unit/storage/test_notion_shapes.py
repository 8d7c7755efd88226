"""Blocks and properties within Notion's limits, whatever is written; judged by the fake's rules."""

import json
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.journal import EntryKind, JournalEntry
from storage import notion_shapes as shapes
from tests.kit import notion_rules as rules

SMALL = settings(deadline=None, max_examples=25)
SIZES = (0, 1, 7, 1999, 2000, 2001, 4001)
TEXT = st.tuples(st.sampled_from("aé€😀"), st.sampled_from(SIZES))
"""A letter and how many of it: what fails is then told in a line."""
VALUE = st.one_of(st.none(), TEXT, st.integers(), st.floats(), st.booleans())


@dataclass
class Drawn:
    kind: EntryKind
    texts: list[tuple[str, int]]
    rows: list[list[tuple[str, int]]]
    values: dict[str, object]
    pictures: int
    more: int

    def entry(self):
        """`more`: short paragraphs and rows behind the drawn ones, past every limit of a request."""
        said = {name: text(v) if isinstance(v, tuple) else v for name, v in self.values.items()}
        rows = tuple(tuple(map(text, row)) for row in self.rows)
        return JournalEntry(
            kind=self.kind, key="k", title=text(self.texts[0]), properties=said,
            paragraphs=(*map(text, self.texts), *(["more"] * self.more)),
            table=(*rows, *([("more",)] * (self.more if rows else 0))),
            pictures=tuple(f"a/{n}.png" for n in range(self.pictures)),
        )  # fmt: skip


def text(drawn):
    return drawn[0] * drawn[1]


def entries():
    return st.builds(
        Drawn,
        kind=st.sampled_from(EntryKind),
        texts=st.lists(TEXT, min_size=1, max_size=3),
        rows=st.lists(st.lists(TEXT, max_size=3), max_size=3),
        values=st.dictionaries(st.sampled_from(["Note", "Period", "Outcome", "Setup"]), VALUE),
        pictures=st.integers(0, 3),
        more=st.sampled_from([0, 0, 130, 1100]),
    )


@SMALL
@given(entries())
def test_every_request_is_one_that_notion_takes(drawn):
    entry = drawn.entry()
    blocks = shapes.blocks_of(entry, entry.pictures)
    uploads = {path: path for path in entry.pictures}
    done, told = 0, []
    while done < len(blocks):
        chunk = shapes.next_chunk(blocks[done:])
        sent = shapes.with_uploads(chunk, uploads)
        assert rules.check_children(sent) <= 1000
        rules.check_size(json.dumps({"children": sent}).encode())
        done += len(chunk)
        told += sent
    assert len(told) == len(blocks)
    for name, value in shapes.properties_of(entry, fresh=True).items():
        rules.check_property(name, shapes.COLUMNS[name], value)


@SMALL
@given(entries())
def test_nothing_of_a_text_or_table_is_lost(drawn):
    entry = drawn.entry()
    blocks = shapes.blocks_of(entry, entry.pictures)
    said = "".join(
        item["text"]["content"]
        for b in blocks
        if b["type"] == "paragraph"
        for item in b["paragraph"]["rich_text"]
    )
    assert said.startswith("".join(entry.paragraphs))
    rows = [
        tuple("".join(i["text"]["content"] for i in cell) for cell in row["table_row"]["cells"])
        for b in blocks if b["type"] == "table" for row in b["table"]["children"][1:]
    ]  # fmt: skip
    width = max((len(row) for row in entry.table), default=0) or 1
    assert rows == [(*row, *[""] * (width - len(row))) for row in entry.table[1:]]


@given(st.text(max_size=30))
def test_ids_are_found_in_links(name):
    number = "0123456789abcdef0123456789abcdef"
    dashed = "01234567-89ab-cdef-0123-456789abcdef"
    for text in (
        number,
        dashed,
        f"https://www.notion.so/Trading-{number}?pvs=4&p=x",
        f"https://notion.so/me/{dashed}",
    ):
        assert shapes.id_in(text) == number
    found = shapes.id_in(name)
    assert found == "" or len(found) == 32
