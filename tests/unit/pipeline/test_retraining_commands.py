"""What people type after /collect and /train with a market, and what they are told if it is wrong."""

from datetime import date

import pytest

from pipeline.command_words import KnownWords
from pipeline.domain.errors import BadRequestError
from pipeline.retraining_commands import names_market, parse_collect, parse_retraining

KNOWN, TODAY = KnownWords((), ()), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("text", "symbol", "days"),
    [
        ("/train BTC/USDT days=30", "BTC/USDT", 30),
        ("/train btc/usdt", "BTC/USDT", 30),
        ("/train —days = 60 1inch/eur", "1INCH/EUR", 60),
        ("/train@scout_bot days=7 ETH/BTC", "ETH/BTC", 7),
    ],
)
def test_read(text, symbol, days):
    found = parse_retraining(text, KNOWN, TODAY)
    assert (found.symbol, found.days) == (symbol, days)
    assert names_market(text)
    collected = parse_collect(text.replace("/train", "/collect"), KNOWN, TODAY)
    assert (collected.symbol, collected.days) == (symbol, days)


@pytest.mark.parametrize(
    ("text", "field", "corrected"),
    [
        ("/train", "symbol", "/train BTC/USDT days=30"),
        ("/train BTCUSDT", "symbol", "/train BTC/USDT"),
        ("/train BTC/USDT days=6", "days", "/train BTC/USDT days=30"),
        ("/train BTC/USDT days=731", "days", "/train BTC/USDT days=30"),
        ("/train BTC/USDT days=1e3", "days", "/train BTC/USDT days=30"),
        ("/train BTC/USDT days=٣٠", "days", "/train BTC/USDT days=30"),
        ("/train BTC/USDT tf=M1", "option", "/train BTC/USDT days=30"),
        ("/train BTC/USDT ETH/USDT", "symbol", "/train BTC/USDT days=30"),
    ],
)
def test_refused_with_what_would_be_right(text, field, corrected):
    with pytest.raises(BadRequestError) as wrong:
        parse_retraining(text, KNOWN, TODAY)
    assert (wrong.value.field, wrong.value.corrected) == (field, corrected)


@pytest.mark.parametrize("text", ["/train", "/train setup=IB_raid_v1", "/train folds=5"])
def test_signals_training_is_another(text):
    assert not names_market(text)
