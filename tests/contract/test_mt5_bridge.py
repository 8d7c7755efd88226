"""The bridge on loopback: who is let in, what passes, what a hostile or broken client gets."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rpyc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rpyc.core import brine, consts

from storage.mt5_bridge.calls import CALLS, MOST_BARS, BadQuestionError, ask, understand
from storage.mt5_bridge.client import BridgeTerminal
from storage.mt5_bridge.server import MOST_CLIENTS
from storage.mt5_bridge.wire import GREETING, MOST_ASKED, introduce
from storage.mt5_native import NOT_HERE, NativeTerminal
from storage.mt5_terminal import M1, OrderRequest, TerminalLostError, TerminalRefusedError
from tests.kit.mt5 import TOKEN, bridge, simulated
from tests.kit.servers import free_port

ROOT = Path(__file__).parents[2]
ORDER = OrderRequest(1, "EURUSD.r", 0.1, 0, 1.08, 1.0, 1.2, 10, 0, 0, 0, 77, "sig_live_001")


@pytest.fixture
def sim():
    made = simulated(days=1, history=0)
    made.selected.add("EURUSD.r")
    return made


@pytest.fixture
def server(sim):
    with bridge(sim) as made:
        yield made


def client(server, token=TOKEN):
    return BridgeTerminal("127.0.0.1", server.port, token, pause=lambda _: None)


def admitted(server) -> socket.socket:
    """A socket that has proved itself and may now misbehave."""
    wire = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    introduce(wire, TOKEN)
    wire.settimeout(20)
    return wire


def send(wire, *args, handler=consts.HANDLE_CALL, compressed=0, size=None) -> None:
    data = b"\x01" + brine.dump((1, (handler, (consts.LABEL_VALUE, args))))
    wire.sendall(
        struct.pack("!LB", len(data) if size is None else size, compressed) + data + b"\n"
    )


def receive(wire) -> tuple[int, object]:
    """The kind of the answer (2 reply, 3 exception) and what it holds."""
    head = wire.recv(5, socket.MSG_WAITALL)
    if len(head) < 5:
        raise EOFError
    size, _ = struct.unpack("!LB", head)
    data = wire.recv(size + 1, socket.MSG_WAITALL)[:-1]
    return data[0], brine.load(data[1:])[1]


def raw(wire, question: bytes) -> bytes:
    send(wire, question)
    kind, (label, answer) = receive(wire)
    assert (kind, label) == (consts.MSG_REPLY, consts.LABEL_VALUE)
    return answer


def hung_up(wire) -> bool:
    try:
        return wire.recv(1) == b""
    except ConnectionError:
        return True


# --- what passes -------------------------------------------------------------------------------


def test_every_call_says_the_same_over_the_bridge(sim, server):
    near, far = NativeTerminal(vendor=sim), client(server)
    near.order_send(ORDER)
    magic, span = ORDER.magic, (0, 1 << 40)
    position = near.positions_get(magic)[0].ticket
    asked = {
        "symbols": (), "symbol_select": ("EURUSD.r",), "symbol_info": ("EURUSD.r",),
        "symbol_info_tick": ("EURUSD.r",), "copy_rates_from_pos": ("EURUSD.r", M1, 0, 500),
        "order_check": (ORDER,), "order_send": (ORDER,), "positions_get": (magic,),
        "orders_get": (magic,), "history_orders_get": (*span, magic),
        "history_deals_get": (*span, magic), "position_deals": (position,),
        "terminal_info": (), "account_info": (),
    }  # fmt: skip
    assert set(asked) == set(CALLS)
    for name, args in asked.items():
        if name == "order_send":
            assert getattr(far, name)(*args).retcode == 10009
            continue
        one, two = getattr(near, name)(*args), getattr(far, name)(*args)
        if name == "copy_rates_from_pos":
            assert one.dtype == two.dtype and one.tobytes() == two.tobytes() and len(one) == 500
        else:
            assert one == two
    far.close()


def test_refusals_pass_with_their_code_and_text(sim, server):
    for terminal in (NativeTerminal(vendor=sim), client(server)):
        with pytest.raises(TerminalRefusedError) as caught:
            terminal.symbol_select("NOSUCH")
        assert (caught.value.code, caught.value.text) == (-4, "Terminal: Not found")
    sim.dead = True
    with pytest.raises(TerminalLostError) as lost:
        client(server).symbol_info("EURUSD.r")
    assert not lost.value.maybe_done


# --- who is let in -----------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "x" * 40, TOKEN[:-1], TOKEN + "0", TOKEN.upper()])
def test_a_wrong_token_gets_nothing_and_is_told(sim, server, token):
    before = len(sim.calls)
    with pytest.raises(TerminalLostError, match="MT5_BRIDGE_TOKEN") as caught:
        client(server, token).terminal_info()
    assert not caught.value.maybe_done
    with pytest.raises(TerminalLostError) as caught:
        client(server, token).order_send(ORDER)
    assert not caught.value.maybe_done, "an order that was never sent is known as such"
    assert len(sim.calls) == before
    assert token not in str(caught.value) or not token


def test_the_token_never_travels(server):
    heard = []
    relay = socket.create_server(("127.0.0.1", 0))

    def pass_on():
        one, _ = relay.accept()
        two = socket.create_connection(("127.0.0.1", server.port))

        def pump(source, sink):
            while data := source.recv(65536):
                heard.append(data)
                sink.sendall(data)

        for pair in ((one, two), (two, one)):
            threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=pass_on, daemon=True).start()
    far = BridgeTerminal("127.0.0.1", relay.getsockname()[1], TOKEN)
    assert far.terminal_info().connected
    said = b"".join(heard)
    assert b"terminal_info" in said
    assert TOKEN.encode() not in said
    far.close()
    relay.close()


def test_a_server_that_doesn_t_know_the_token_is_not_believed():
    fake = socket.create_server(("127.0.0.1", 0))

    def answer():
        wire, _ = fake.accept()
        wire.sendall(GREETING + os.urandom(32))
        wire.recv(64)
        wire.sendall(os.urandom(32))

    threading.Thread(target=answer, daemon=True).start()
    with pytest.raises(TerminalLostError, match="doesn't know MT5_BRIDGE_TOKEN"):
        BridgeTerminal("127.0.0.1", fake.getsockname()[1], TOKEN).terminal_info()
    fake.close()


def test_an_answer_can_t_be_used_again(server):
    """The same proof on another connection is worth nothing: each has its own question."""
    first = admitted(server)
    wire = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    wire.recv(len(GREETING) + 32, socket.MSG_WAITALL)
    wire.sendall(bytes(64))
    assert wire.recv(32, socket.MSG_WAITALL) == bytes(32)
    assert hung_up(wire)
    assert raw(first, ask("terminal_info", {})).startswith(b"J")


def test_who_says_nothing_holds_no_place_for_long(server):
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(MOST_CLIENTS)]
    began = time.monotonic()
    with pytest.raises(TerminalLostError):
        client(server).terminal_info()
    while True:
        try:
            assert client(server).terminal_info().connected
            break
        except TerminalLostError:
            assert time.monotonic() - began < 60
            time.sleep(0.5)
    for each in silent:
        assert each.recv(100).startswith(GREETING)
        each.close()


def test_a_short_token_is_refused_at_the_start(sim):
    from storage.mt5_bridge.server import BridgeServer

    with pytest.raises(ValueError, match="24 characters"):
        BridgeServer(NativeTerminal(vendor=sim), "short", "127.0.0.1", 0)


# --- what a hostile client gets ----------------------------------------------------------------


@pytest.mark.parametrize(
    "handler", [h for n, h in vars(consts).items() if n.startswith("HANDLE_")]
)
def test_of_rpyc_s_own_requests_none_works(sim, server, handler):
    before = list(sim.calls)
    for args in ((), ("x",), (b"root",), ("__class__", "mro"), (("a", 1, 2),)):
        wire = admitted(server)
        send(wire, *args, handler=handler)
        try:
            kind, _ = receive(wire)
            good = handler == consts.HANDLE_CALL and args and type(args[0]) is bytes
            assert kind == (consts.MSG_REPLY if good else consts.MSG_EXCEPTION)
        except EOFError:
            pass
        wire.close()
    assert sim.calls == before


def test_no_exception_tells_of_the_inside(server):
    wire = admitted(server)
    send(wire, handler=consts.HANDLE_GETROOT)
    _, told = receive(wire)
    assert "Traceback" not in repr(told) and str(ROOT) not in repr(told)


@pytest.mark.parametrize(
    "label", [consts.LABEL_TUPLE, consts.LABEL_LOCAL_REF, consts.LABEL_REMOTE_REF]
)
def test_no_reference_passes(server, label):
    wire = admitted(server)
    data = b"\x01" + brine.dump((1, (consts.HANDLE_CALL, (label, ("builtins.type", 1, 2)))))
    wire.sendall(struct.pack("!LB", len(data), 0) + data + b"\n")
    assert receive(wire)[0] == consts.MSG_EXCEPTION


def test_rpyc_s_own_client_gets_nowhere(server):
    wire = admitted(server)
    conn = rpyc.Connection(
        rpyc.VoidService(), rpyc.Channel(rpyc.SocketStream(wire)), {"sync_request_timeout": 5}
    )
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever: nothing comes
        conn.root.answer(b"")


def test_oversized_frames_and_packed_ones_end_the_connection(sim, server):
    wire = admitted(server)
    send(wire, b"x" * (MOST_ASKED + 1))
    assert hung_up(wire)
    wire = admitted(server)
    send(wire, b"x", size=4_000_000_000)
    assert hung_up(wire)
    wire = admitted(server)
    send(wire, b"x", compressed=1)
    assert hung_up(wire)
    assert client(server).terminal_info().connected, "others are served on"
    assert sim.calls == ["initialize", "terminal_info"]


def test_noise_ends_the_connection_and_nothing_else(server):
    for noise in (
        b"\x00" * 50,
        b"GET / HTTP/1.1\r\n\r\n" * 5,
        struct.pack("!LB", 40, 0) + b"\xff" * 41,
    ):
        wire = admitted(server)
        with suppress(OSError):  # it may have hung up before we are done
            wire.sendall(noise)
            wire.shutdown(socket.SHUT_WR)
            while wire.recv(4096):
                pass
    assert client(server).terminal_info().connected


HOSTILE = (
    "__import__('os').system('touch /tmp/x')", "EURUSD');import os#", "EURUSD\x00", "EUR\nUSD",
    "EURUSD\x1b[2J", "\u202eDSURUE", "", "X" * 65, "../../etc/passwd", "EURUSD;DROP TABLE", "{0.__class__}",
    "%s%s%s%n", "*", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("symbol", HOSTILE)
def test_a_hostile_symbol_is_data(sim, server, symbol):
    """It is refused by our check, or handed to the terminal as a name, which knows none such."""
    wire = admitted(server)
    for name, more in (
        ("symbol_select", {}), ("symbol_info", {}), ("symbol_info_tick", {}),
        ("copy_rates_from_pos", {"timeframe": 1, "start": 0, "count": 5}),
    ):  # fmt: skip
        question = json.dumps({"call": name, "arguments": {"symbol": symbol, **more}}).encode()
        assert raw(wire, question)[:1] == b"N"
    assert raw(wire, ask("terminal_info", {})).startswith(b"J")
    printable = symbol.isprintable() and 0 < len(symbol) <= 64
    assert ("symbol_select" in sim.calls) is printable


WRONG = [
    b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 60_000, b'{"call": "terminal_info"}',
    b'{"call": "__class__", "arguments": {}}', b'{"call": "close", "arguments": {}}',
    b'{"call": "_calls", "arguments": {}}', b'{"call": ["terminal_info"], "arguments": {}}',
    b'{"call": "terminal_info", "arguments": {"x": 1}}', b'{"call": "terminal_info", "arguments": []}',
    b'{"call": "symbol_info", "arguments": {"symbol": 5}}',
    b'{"call": "symbol_info", "arguments": {"symbol": {"__class__": "x"}}}',
    b'{"call": "positions_get", "arguments": {"magic": NaN}}',
    b'{"call": "positions_get", "arguments": {"magic": true}}',
    b'{"call": "positions_get", "arguments": {"magic": -1}}',
    b'{"call": "positions_get", "arguments": {"magic": 1e3}}',
    b'{"call": "position_deals", "arguments": {"position": 99999999999999999999}}',
]  # fmt: skip


@pytest.mark.parametrize("question", WRONG)
def test_what_is_no_question_is_refused(sim, server, question):
    before = list(sim.calls)
    assert raw(admitted(server), question).startswith(b'N{"code": -2')
    assert sim.calls == before


@pytest.mark.parametrize("count", [0, -1, MOST_BARS + 1, 10**12, 1.5, "5", None])
def test_so_many_bars_are_not_given(sim, server, count):
    words = {"symbol": "EURUSD.r", "timeframe": 1, "start": 0, "count": count}
    question = json.dumps({"call": "copy_rates_from_pos", "arguments": words}).encode()
    assert raw(admitted(server), question).startswith(b'N{"code": -2')


@pytest.mark.parametrize(
    "change",
    [{"volume": -0.1}, {"volume": "0.1"}, {"price": -1}, {"action": 0}, {"type": 9}, {"comment": "x" * 32},
     {"comment": "a\nb"}, {"comment": "ü"}, {"symbol": "A\x00"}, {"magic": None}, {"extra": 1}],
)  # fmt: skip
def test_an_order_of_the_wrong_shape_is_not_sent(sim, server, change):
    from dataclasses import asdict

    words = {"request": {**asdict(ORDER), **change}}
    question = json.dumps({"call": "order_send", "arguments": words}).encode()
    assert raw(admitted(server), question).startswith(b'N{"code": -2')
    assert not sim.requests


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["call", "arguments", "symbol", *CALLS]), inner),
).map(lambda x: json.dumps(x).encode()))  # fmt: skip
def test_any_bytes_are_understood_or_refused(question):
    try:
        name, arguments = understand(question)
    except BadQuestionError:
        return
    assert name in CALLS
    assert set(arguments) == set(CALLS[name].arguments)


def test_without_leave_no_order_is_sent(sim):
    with bridge(sim, orders=False) as server:
        far = client(server)
        assert far.order_check(ORDER).retcode == 0
        with pytest.raises(TerminalRefusedError, match="--orders"):
            far.order_send(ORDER)
    assert not sim.requests


# --- what a broken line does -------------------------------------------------------------------


def test_a_read_whose_line_drops_is_asked_again(sim, server):
    far = client(server)
    cuts = []

    def cut(name):
        if name == "copy_rates_from_pos" and len(cuts) < 2:
            cuts.append(name)
            server.drop_clients()

    sim.after = cut
    assert len(far.copy_rates_from_pos("EURUSD.r", M1, 0, 100)) == 100
    assert len(cuts) == 2


def test_an_order_whose_line_drops_is_unknown_and_sent_once(sim, server):
    far = client(server)
    far.order_check(ORDER)
    sim.after = lambda name: server.drop_clients() if name == "order_send" else None
    with pytest.raises(TerminalLostError) as caught:
        far.order_send(ORDER)
    assert caught.value.maybe_done
    assert len(sim.requests) == 1
    assert far.terminal_info().connected, "the next call dials again"


def test_while_it_is_down_calls_fail_at_once_and_are_rare(sim):
    seconds = [0.0]
    far = BridgeTerminal("127.0.0.1", free_port(), TOKEN, clock=lambda: seconds[0])
    dialled = []
    dial = far._dial
    far._dial = lambda: dialled.append(seconds[0]) or dial()
    for _ in range(600):
        with pytest.raises(TerminalLostError, match="start it beside the terminal"):
            far.terminal_info()
        seconds[0] += 0.1
    assert 8 <= len(dialled) <= 14
    assert max(np.diff(dialled)) <= 10.2


def test_after_a_restart_it_is_found_again(sim):
    with bridge(sim) as server:
        far = client(server)
        assert far.terminal_info().connected
        port = server.port
    with pytest.raises(TerminalLostError):
        far.terminal_info()
    from storage.mt5_bridge.server import BridgeServer

    again = BridgeServer(NativeTerminal(vendor=sim), TOKEN, "127.0.0.1", port)
    again.logger.setLevel("CRITICAL")
    runs = threading.Thread(target=again.start, daemon=True)
    runs.start()
    far._not_before = 0.0
    assert far.terminal_info().connected
    again.close()
    runs.join(timeout=20)


# --- the process --------------------------------------------------------------------------------


def test_the_server_needs_little():
    """Beside the terminal only rpyc, numpy and the vendor's package have to be installed."""
    code = (
        "import sys, storage.mt5_bridge.__main__\n"
        "heavy = {'pandas', 'pydantic', 'sqlalchemy', 'aiogram', 'prefect', 'structlog', 'yaml', 'pipeline', 'flows'}\n"
        "print(sorted(heavy & {m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def start(*options, token=None):
    environment = {k: v for k, v in os.environ.items() if k != "MT5_BRIDGE_TOKEN"}
    if token is not None:
        environment["MT5_BRIDGE_TOKEN"] = token
    return subprocess.Popen(
        [sys.executable, "-m", "storage.mt5_bridge", *options],
        cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_without_a_token_it_doesn_t_start_and_offers_one():
    done = start(token="short")
    _, said = done.communicate(timeout=60)
    assert done.returncode == 2
    assert "MT5_BRIDGE_TOKEN must have at least 24 characters" in said


@pytest.mark.skipif(sys.platform == "win32", reason="there MetaTrader may be installed")
def test_the_real_process_answers_and_says_what_is_missing(tmp_path):
    file, port = tmp_path / "token", free_port()
    file.write_text(TOKEN + "\n")
    runs = start("--listen", f"127.0.0.1:{port}", "--token-file", str(file))
    try:
        far = BridgeTerminal("127.0.0.1", port, TOKEN)
        deadline = time.monotonic() + 60
        while True:
            with pytest.raises(TerminalLostError) as caught:
                far.terminal_info()
            if "doesn't answer" not in caught.value.text or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert caught.value.text == NOT_HERE
    finally:
        runs.send_signal(signal.SIGINT)
        _, said = runs.communicate(timeout=60)
    assert "orders are refused (no --orders)" in said
    assert TOKEN not in said
