"""What is scanned is what somebody wants, what is active, and what the feed offers."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.market import Timeframe
from pipeline.domain.watch import Watch
from pipeline.live.universe import universe
from tests.kit.plain_services import LibrarySetups

SPECS = tuple(LibrarySetups().specs.values())
IDS = tuple(spec.setup_id for spec in SPECS)
SYMBOLS = ("EURUSD", "GER40", "GBPUSD")
SOME = {
    "symbols": st.lists(st.sampled_from(SYMBOLS), unique=True),
    "timeframes": st.lists(st.sampled_from(list(Timeframe)), unique=True),
    "setups": st.lists(st.sampled_from(IDS), unique=True),
}
WATCHES = st.lists(st.builds(Watch, chat_id=st.integers(1, 9), on=st.booleans(), **SOME))


def ids(found):
    return {
        (symbol, spec.setup_id, timeframe)
        for symbol, pairs in found.items()
        for spec, timeframe in pairs
    }


def wanted_by(watch, symbol, spec, timeframe):
    """Say it anew, from the point of view of one symbol, setup and timeframe."""
    named = symbol in watch.symbols and spec.setup_id in watch.setups
    return (
        watch.on
        and symbol in (watch.symbols or SYMBOLS)
        and spec.setup_id in (watch.setups or IDS)
        and timeframe in (watch.timeframes or spec.timeframes)
        and timeframe in spec.timeframes
        and (symbol in spec.symbols or named)
    )


@given(WATCHES, st.lists(st.sampled_from(SYMBOLS), unique=True))
def test_it_holds_what_anybody_wants_and_nothing_else(watches, offered):
    found = ids(universe(watches, SPECS, offered))
    everything = ((s, p, t) for s, p, t in product(SYMBOLS, SPECS, Timeframe) if s in offered)
    assert found == {
        (s, p.setup_id, t)
        for s, p, t in everything
        if any(wanted_by(watch, s, p, t) for watch in watches)
    }


def test_the_order_does_not_depend_on_who_asked_first():
    a = Watch(chat_id=1, setups=IDS[:1])
    b = Watch(chat_id=2, symbols=("GER40",))
    one, other = (universe(w, SPECS, SYMBOLS) for w in ([a, b], [b, a]))
    assert list(one.items()) == list(other.items())


def test_nobody_watches_nothing_is_scanned():
    assert universe([], SPECS, SYMBOLS) == {}
    assert universe([Watch(chat_id=1, on=False)], SPECS, SYMBOLS) == {}
