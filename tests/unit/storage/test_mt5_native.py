"""NativeTerminal: `last_error` read with its call, no answer never taken for "nothing"."""

import platform
import threading

import pytest

from storage.mt5_native import NOT_HERE, NativeTerminal
from storage.mt5_terminal import M1, TerminalLostError, TerminalRefusedError
from tests.kit.mt5 import simulated


@pytest.mark.skipif(platform.system() == "Windows", reason="there it may well be here")
def test_off_windows_it_says_what_to_set():
    with pytest.raises(TerminalLostError) as caught:
        NativeTerminal().terminal_info()
    assert caught.value.text == NOT_HERE
    assert "FEED=bridge" in NOT_HERE
    assert not caught.value.maybe_done


def test_on_windows_without_the_package_too(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(TerminalLostError, match="package MetaTrader5"):
        NativeTerminal().terminal_info()


def test_none_is_an_error_and_never_an_empty_list():
    sim = simulated(days=1, history=0)
    terminal = NativeTerminal(vendor=sim)
    assert terminal.positions_get(5) == ()
    answer = sim.positions_get
    sim.positions_get = lambda: sim._done("positions_get", None, -1, "Terminal: Call failed")
    with pytest.raises(TerminalRefusedError) as caught:
        terminal.positions_get(5)
    assert (caught.value.call, caught.value.code) == ("positions_get", -1)
    sim.positions_get = answer
    assert terminal.positions_get(5) == ()


def test_a_lost_terminal_is_dialled_again():
    sim = simulated(days=1, history=0)
    terminal = NativeTerminal(vendor=sim)
    terminal.terminal_info()
    sim.dead = True
    with pytest.raises(TerminalLostError, match="IPC"):
        terminal.terminal_info()
    with pytest.raises(TerminalLostError, match="Start it and log in"):
        terminal.terminal_info()
    sim.dead = False
    assert terminal.terminal_info().connected
    assert sim.calls.count("initialize") == 3
    terminal.close()
    terminal.close()
    assert sim.calls.count("shutdown") == 2


def test_errors_of_two_threads_are_not_mixed_up():
    """Every failing call gets its own error, though the package has one `last_error` for all."""
    sim = simulated(days=1, history=0)
    terminal = NativeTerminal(vendor=sim)
    terminal.symbol_select("EURUSD.r")
    wrong = []

    def ask(call, code):
        for _ in range(300):
            try:
                call()
            except TerminalRefusedError as error:
                if error.code != code:
                    wrong.append((error.call, error.code))
            else:
                wrong.append(code)

    threads = [
        threading.Thread(target=ask, args=(lambda: terminal.symbol_info("NOSUCH"), -4)),
        threading.Thread(
            target=ask, args=(lambda: terminal.copy_rates_from_pos("NOSUCH", M1, 0, 5), -1)
        ),
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
