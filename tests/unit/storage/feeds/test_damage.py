"""Damaged and hostile files: refused, with the line and the reason."""

import gzip
import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import BadBarsError
from pipeline.domain.market import Timeframe
from storage.feeds.csv_files import DayOrderUnknown, read_file
from storage.feeds.unpack import FileLimits
from tests.kit import bar_files as kit

MAKERS = {
    "mt5": kit.mt5_export,
    "comma": kit.metatrader_comma,
    "histdata": kit.histdata_ascii,
    "tradingview": kit.tradingview,
    "csv": lambda bars: kit.any_csv(bars, form="%Y-%m-%d %H:%M"),
}


def refusal(data, name="x.csv", **limits):
    with pytest.raises(BadBarsError) as error:
        read_file(name, data, FileLimits(**limits))
    return error.value.user_text


def lines_of(maker, count=40):
    return MAKERS[maker](kit.random_bars(count)).decode().splitlines()


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("row", [5, 39])
def test_truncated_line(maker, row):
    lines = lines_of(maker)
    mark = "\t" if maker == "mt5" else ";" if maker in ("histdata", "csv") else ","
    lines[row] = mark.join(lines[row].split(mark)[:3])
    text = refusal("\n".join(lines).encode())
    assert f"line {row + 1}:" in text
    assert "fields" in text


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("bad", ["abc", "", "1.1.1", "nan", "inf", "1e999", "0x1F", "1 1"])
def test_text_in_a_number(maker, bad):
    lines = lines_of(maker)
    mark = "\t" if maker == "mt5" else ";" if maker in ("histdata", "csv") else ","
    cells = lines[7].split(mark)
    at = 3
    cells[at] = bad
    lines[7] = mark.join(cells)
    assert "line 8:" in refusal("\n".join(lines).encode())


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("bad", ["yesterday", "2024-13-45 08:00", "2024.02.30", "99999999", ""])
def test_broken_date(maker, bad):
    lines = lines_of(maker)
    mark = "\t" if maker == "mt5" else ";" if maker in ("histdata", "csv") else ","
    lines[9] = mark.join([bad, *lines[9].split(mark)[1:]])
    assert "line 10:" in refusal("\n".join(lines).encode())


def test_high_below_low_names_the_line():
    lines = lines_of("mt5", 3000)
    cells = lines[1234].split("\t")
    cells[3], cells[4] = "1.0", "1.2"
    lines[1234] = "\t".join(cells)
    assert "line 1235: high is below low" in refusal("\n".join(lines).encode())


@pytest.mark.parametrize("price", ["0", "-1.1"])
def test_price_not_positive(price):
    lines = lines_of("comma")
    cells = lines[3].split(",")
    cells[4] = price
    lines[3] = ",".join(cells)
    assert "line 4: a price is zero or negative" in refusal("\n".join(lines).encode())


def test_few_closes_outside_are_left_out_many_refused():
    lines = lines_of("comma", 1000)
    for row, wanted in ((10, 1), (11, 2)):
        cells = lines[row].split(",")
        cells[5] = "9.9"
        lines[row] = ",".join(cells)
        found = read_file("x.csv", "\n".join(lines).encode())
        assert found.impossible == wanted
        assert len(found.stamps) == 1000 - wanted
    assert "line 4: open or close" in refusal(
        "\n".join([*lines[:3], lines[10], *lines[12:40]]).encode()
    )


def test_few_duplicates_are_reported_many_refused():
    lines = lines_of("mt5", 1000)
    found = read_file("x.csv", "\n".join([*lines, lines[-1], lines[500]]).encode())
    assert found.duplicates == 2
    assert len(found.stamps) == 1000
    text = refusal("\n".join([*lines, *lines[100:200]]).encode())
    assert "line 1002: this time was there before; 100 of 1100" in text


def test_mixed_decimal_marks():
    lines = lines_of("csv")
    lines[20] = lines[20].replace(",", ".")
    text = refusal("\n".join(lines).encode())
    assert "line 21:" in text
    assert "decimals are written with ','" in text


def test_nul_bytes_and_control_bytes_name_the_line():
    data = kit.mt5_export(kit.random_bars(40))
    assert "line 1: byte 0x00" in refusal(data[:20] + b"\x00" + data[20:])
    at = data.index(b"\n", 700) + 3
    line = data.count(b"\n", 0, at) + 1
    assert f"line {line}: byte 0x07" in refusal(data[:at] + b"\x07" + data[at:])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"   ",
        b"\xef\xbb\xbf",
        b"time,open,high,low,close\n",
        b"hello",
        b"a,b,c\n1,2,3\n",
        b"{}",
        b"<html></html>",
        b"\xff\xfea",
        b"PK\x03\x04",
        b"PK\x03\x04 junk",
        b"\x1f\x8b",
        b"\x1f\x8b\x08junkjunkjunk",
        b"PAR1",
        b"PAR1xxxxPAR1",
        b'"',
        b'"a","b\n1,2,3,4,5',
        b"2024,1,1,1,1",
    ],
)
def test_no_bars_at_all(data):
    assert refusal(data)


def test_binary_junk():
    assert "neither text nor parquet" in refusal(os.urandom(5000))


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_politely(data):
    refusal(data)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_damage_is_refused_or_harmless(data):
    maker = data.draw(st.sampled_from(sorted(MAKERS)))
    body = bytearray(MAKERS[maker](kit.random_bars(12, start="2024-03-14 08:00")))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        found = read_file("x.csv", bytes(body))
    except BadBarsError:
        return
    if isinstance(found, DayOrderUnknown):  # a question changes nothing either
        return
    assert found.prices.min() > 0
    assert (found.prices[:, 1] >= found.prices[:, 2]).all()


def test_unknown_timeframe():
    lines = lines_of("mt5", 3000)
    thirty = [lines[0], *lines[1::30]]
    assert "30 minutes apart" in refusal("\n".join(thirty).encode())


def test_stamps_off_the_grid():
    lines = lines_of("mt5", 60)
    found = read_file("x.csv", "\n".join([lines[0], *lines[1::5], lines[3]]).encode())
    assert found.timeframe is Timeframe.M5
    with pytest.raises(BadBarsError, match="no M5 bar"):
        found.check_grid(Timeframe.M5)
    with pytest.raises(BadBarsError, match="no H1 bar"):
        found.check_grid(Timeframe.H1)


def packed(files, **kwargs):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, **kwargs) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return sink.getvalue()


def test_too_large_packed_and_unpacked():
    body = kit.mt5_export(kit.random_bars(400))
    assert "MB allowed" in refusal(body, max_bytes=100)
    assert "unpacks to more" in refusal(packed({"a.csv": body}), max_unpacked=1000)
    assert "unpacks to more" in refusal(gzip.compress(body), max_unpacked=1000)
    assert "unpacks to more" in refusal(kit.parquet(kit.random_bars(400)), max_unpacked=1000)


def test_bombs_are_not_unpacked():
    bomb = b"0" * (64 << 20)
    assert "times its size" in refusal(packed({"a.csv": bomb}))
    assert "times its size" in refusal(gzip.compress(bomb))


@pytest.mark.parametrize(
    "path", ["../a.csv", "/etc/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv"]
)
def test_unsafe_paths(path):
    assert "unsafe path" in refusal(packed({path: b"x"}))


def test_archives_that_make_no_sense():
    body = kit.mt5_export(kit.random_bars(9))
    assert "holds 2 tables" in refusal(packed({"a.csv": body, "b.csv": body}))
    assert "holds no" in refusal(packed({"a.exe": body}))
    assert refusal(packed({}))
    assert "inside an archive" in refusal(packed({"a.csv": packed({"b.csv": body})}))
    assert "damaged" in refusal(packed({"a.csv": body})[:-30])
    assert "damaged" in refusal(gzip.compress(body)[:-9])
    broken = bytearray(packed({"a.csv": body}))
    broken[60] ^= 0xFF
    assert refusal(bytes(broken))
