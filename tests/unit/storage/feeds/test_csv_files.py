"""Reading files: every dialect back to the same bars, and what is told by looking."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.zones import to_utc
from pipeline.domain.bars import PRICES, epoch_seconds
from pipeline.domain.market import Timeframe
from storage.feeds.csv_files import DayOrderUnknown, read_file
from storage.feeds.table import named_timeframe
from tests.kit import bar_files as kit


def same(found, bars, zone, *, volume=True, spread=False):
    assert not isinstance(found, DayOrderUnknown)
    utc = found.stamps if found.clock != "wall" else to_utc(found.stamps, zone)
    assert utc.tolist() == epoch_seconds(bars["open_time"]).tolist()
    assert (found.prices == bars[[*PRICES]].to_numpy()).all()
    if volume:
        assert (found.volume == bars["volume"].to_numpy()).all()
    if spread:
        assert np.allclose(found.spread, bars["spread"], rtol=0, atol=1e-9)


small = st.builds(
    kit.random_bars,
    st.integers(3, 40),
    st.sampled_from(list(Timeframe)),
    start=st.sampled_from(
        ["2024-01-01 22:00", "2024-03-10 03:00", "2023-10-29 05:00", "2024-12-31 23:00"]
    ),
    seed=st.integers(0, 10_000),
    digits=st.sampled_from([5, 3]),
    level=st.sampled_from([1.1, 156.0, 20_123.0]),
)


@given(small)
@settings(max_examples=30, deadline=None)
def test_every_dialect_gives_the_same_bars(bars):
    name, digits = "x.csv", 5
    same(read_file(name, kit.mt5_export(bars, digits=digits)), bars, "New York+7", spread=True)
    same(read_file(name, kit.metatrader_comma(bars, digits=digits)), bars, "New York+7")
    same(read_file(name, kit.histdata_ascii(bars, "UTC-5")), bars, "UTC-5", volume=False)
    same(read_file(name, kit.tradingview(bars)), bars, "UTC")
    same(read_file(name, kit.tradingview(bars, iso=True)), bars, "UTC")
    same(read_file(name, kit.any_csv(bars), day_first=True), bars, "UTC")
    same(read_file("x.parquet", kit.parquet(bars)), bars, "UTC", spread=True)


@pytest.mark.parametrize(
    ("maker", "kind"),
    [(kit.mt5_export, "MT5 export"), (kit.metatrader_comma, "MetaTrader CSV"), (kit.histdata_ascii, "HistData (ASCII)"),
     (kit.tradingview, "TradingView export"), (kit.any_csv, "CSV"), (kit.parquet, "parquet")],
)  # fmt: skip
def test_kind_and_timeframe_are_told(maker, kind):
    found = read_file("x", maker(kit.random_bars(2000, Timeframe.M15)))
    assert (found.kind, found.timeframe) == (kind, Timeframe.M15)


def test_daily_mt5_export_has_no_time():
    bars = kit.random_bars(20, Timeframe.D1, start="2024-01-02 22:00")
    found = read_file("EURUSD_Daily.csv", kit.mt5_export(bars, daily=True))
    same(found, bars, "New York+7", spread=True)
    assert found.timeframe is Timeframe.D1


@pytest.mark.parametrize(
    ("delimiter", "decimal"),
    [(";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", "."), ("|", ","), (",", ".")],
)
@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y/%m/%d %H:%M",
        "%Y%m%d %H%M",
        "%Y%m%d%H%M%S",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y %I:%M %p",
        "%d-%b-%Y %H:%M:%S",
        "%d/%m/%y %H:%M",
    ],
)
def test_generic_tables(delimiter, decimal, form):
    bars = kit.random_bars(1500, Timeframe.H1, start="2024-01-01 22:00")
    same(
        read_file("x.csv", kit.any_csv(bars, delimiter=delimiter, decimal=decimal, form=form)),
        bars,
        "UTC",
    )


@pytest.mark.parametrize(
    "header",
    [
        "Time,O,H,L,C,Vol",
        "<Date>,<Open>,<High>,<Low>,<Close>,<Vol>",
        "timestamp,OPEN,HIGH,LOW,CLOSE,VOLUME",
        "Gmt time,Open,High,Low,Close,Volume",
    ],
)
def test_header_names(header):
    bars = kit.random_bars(10)
    data = kit.any_csv(bars, delimiter=",", decimal=".", form="%Y-%m-%d %H:%M", header=header)
    same(read_file("x.csv", data), bars, "UTC")


def test_day_order_is_decided_by_the_data_or_asked():
    early = kit.random_bars(200, start="2024-03-04 08:00")
    unsure = kit.any_csv(early)
    assert isinstance(read_file("x.csv", unsure), DayOrderUnknown)
    same(read_file("x.csv", unsure, day_first=True), early, "UTC")
    swapped = read_file("x.csv", unsure, day_first=False)
    assert str(pd.Timestamp(int(swapped.stamps[0]), unit="s")) == "2024-04-03 08:00:00"
    later = kit.random_bars(200, start="2024-03-14 08:00")
    same(read_file("x.csv", kit.any_csv(later)), later, "UTC")
    us = kit.any_csv(later, form="%m/%d/%Y %H:%M")
    same(read_file("x.csv", us), later, "UTC")
    same(read_file("x.csv", us, day_first=True), later, "UTC")


def test_thousands_and_quotes():
    text = 'Date,Open,High,Low,Close\n2024-01-02 08:00,"18,234.50","18,300.00","18,200.00","18,250.25"\n2024-01-02 08:01,"18,250.25","18,260.00","18,240.00","18,255.00"\n'
    assert read_file("x.csv", text.encode()).prices[0].tolist() == [
        18234.5,
        18300,
        18200,
        18250.25,
    ]
    german = "Datum;Eröffnung;Hoch;Tief;Schluss\n2024-01-02 08:00;18.234,50;18.300,00;18.200,00;18.250,25\n"
    assert read_file("x.csv", german.encode("cp1252")).prices[0].tolist() == [
        18234.5,
        18300,
        18200,
        18250.25,
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_encodings_and_newlines(encoding, newline, last):
    bars = kit.random_bars(9)
    text = kit.mt5_export(bars).decode().replace("\r\n", newline)
    text = text if last else text.rstrip("\r\n")
    same(read_file("x.csv", text.encode(encoding)), bars, "New York+7", spread=True)


def test_blank_lines_and_a_separator_hint_do_no_harm():
    bars = kit.random_bars(9)
    text = "sep=;\n\n" + kit.any_csv(bars, form="%Y-%m-%d %H:%M").decode().replace("\r\n", "\n\n")
    same(read_file("x.csv", text.encode()), bars, "UTC")


def test_newest_first_is_turned_round():
    bars = kit.random_bars(50)
    head, *rows = kit.mt5_export(bars).decode().splitlines()
    found = read_file("x.csv", "\n".join([head, *rows[::-1]]).encode())
    same(found, bars, "New York+7")
    assert not found.notes
    mixed = "\n".join([head, *rows[25:], *rows[:25]]).encode()
    assert "sorted" in read_file("x.csv", mixed).notes[0]


def test_offsets_are_taken_at_their_word():
    text = "time,open,high,low,close\n2024-01-02T08:00:00+01:00,1,1,1,1\n2024-01-02T08:01:00+01:00,1,1,1,1\n2024-07-02T08:00:00+02:00,1,1,1,1\n"
    found = read_file("x.csv", text.encode())
    assert found.clock == "utc"
    assert str(pd.Timestamp(int(found.stamps[0]), unit="s")) == "2024-01-02 07:00:00"
    assert str(pd.Timestamp(int(found.stamps[2]), unit="s")) == "2024-07-02 06:00:00"


def test_unix_milliseconds():
    bars = kit.random_bars(9)
    text = kit.tradingview(bars).decode()
    for second in epoch_seconds(bars["open_time"]).tolist():
        text = text.replace(f"{second},", f"{second}000,")
    same(read_file("x.csv", text.encode()), bars, "UTC")


def test_ask_columns_become_the_spread():
    bars = kit.random_bars(9)
    frame = bars.rename(columns={"open_time": "time"}).drop(columns=["close_time", "spread"])
    frame["ask_close"] = bars["close"] + 0.0002
    found = read_file("x.parquet", kit.parquet(frame))
    assert np.allclose(found.spread, 0.0002)
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%d %H:%M")
    assert np.allclose(read_file("x.csv", frame.to_csv(index=False).encode()).spread, 0.0002)


def test_spread_of_zero_throughout_is_no_spread():
    bars = kit.random_bars(9)
    bars["spread"] = 0.0
    found = read_file("x.csv", kit.mt5_export(bars))
    assert found.spread is None
    assert "zero" in found.notes[0]


def test_zip_and_gz():
    bars = kit.random_bars(30)
    data = kit.histdata_ascii(bars, "London-5")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/DAT_ASCII_EURUSD_M1_2024.csv", data)
        archive.writestr("folder/DAT_ASCII_EURUSD_M1_2024.txt", "gap report, as HistData sends it")
        archive.writestr("__MACOSX/._x.csv", b"\x00")
    found = read_file("x.zip", sink.getvalue())
    same(found, bars, "London-5", volume=False)
    assert found.name == "DAT_ASCII_EURUSD_M1_2024.csv"
    same(read_file("x.csv.gz", gzip.compress(data)), bars, "London-5", volume=False)


@pytest.mark.parametrize(
    ("name", "timeframe"),
    [("EURUSD_M1_202001020000_202012312359.csv", "M1"), ("GER40.cash_M15_2025.csv", "M15"), ("EURUSD60.csv", "H1"),
     ("EURUSD240.csv", "H4"), ("OANDA_DE30EUR, 5_ab12c.csv", "M5"), ("FX_EURUSD, 1D.csv", "D1"), ("x_15m.csv.gz", "M15"),
     ("eurusd_1h.parquet", "H1"), ("EURUSD_Daily.csv", "D1"), ("prices.csv", None)],
)  # fmt: skip
def test_timeframe_from_the_name(name, timeframe):
    assert named_timeframe(name) == timeframe
