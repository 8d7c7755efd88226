import io
import json
import logging
import warnings

import numpy as np
import pytest
import structlog

from pipeline.domain.errors import StoreDownError
from storage.scrubbing import masked, scrubbed
from storage.telemetry import configure_logging, error_reference, get_logger, run_context

TOKEN = "123456789:AAErt_abcdefghijklmnopqrstuvwxyz-012345"
SECRETS = [TOKEN, "hunter2", "sk-abcdefghijklmnop123456"]


@pytest.fixture(params=[True, False], ids=["json", "console"])
def stream(request):
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    before = root.handlers[:], root.level
    made = io.StringIO()
    configure_logging(made, "INFO", json=request.param)
    yield made
    root.handlers[:], _ = before
    root.setLevel(before[1])
    logging.setLogRecordFactory(factory)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def said(stream) -> str:
    text = stream.getvalue()
    assert text
    for secret in SECRETS:
        assert secret not in text
    return text


class Clumsy:
    def __repr__(self):
        return f"<Bot token={TOKEN}>"


def plant(log):
    log.info(
        "started", token="hunter2", bot_token=TOKEN, apiKey="hunter2", OPENAI_API_KEY="hunter2"
    )
    log.info(
        "url",
        url="postgresql+asyncpg://scout:hunter2@db.example/x",
        hook=f"https://api.telegram.org/bot{TOKEN}/getMe",
    )
    log.info(
        "deep",
        a={"b": [{"password": "hunter2"}, (TOKEN,), {TOKEN: 1}], "c": Clumsy()},
        key="sk-abcdefghijklmnop123456",
    )
    log.info("in the event " + TOKEN)  # noqa: G003 - a careless caller
    log.info(
        "text",
        text='password=\'hunter2\' and token: hunter2, "secret": "hunter2" Authorization: Bearer hunter2hunter2',
    )


def test_no_secret_of_ours_gets_out(stream):
    plant(get_logger("flows.x"))
    text = said(stream)
    assert "started" in text
    assert text.count("***") > 10


def test_no_secret_in_exceptions(stream):
    try:
        try:
            raise ValueError(f"cannot reach redis://:hunter2@host with {TOKEN}")  # noqa: TRY301
        except ValueError as error:
            raise StoreDownError(
                "down", cause=f"password=hunter2 {error}", store="redis"
            ) from error
    except StoreDownError:
        get_logger("x").exception("failed", reference="E-7K2QX")
        logging.getLogger("prefect.x").exception("step %s failed", Clumsy())
    text = said(stream)
    assert "Traceback" in text
    assert "E-7K2QX" in text
    assert "redis" in text


def test_lines_of_libraries_go_the_same_way(stream):
    with run_context("bt_2025_10_31_001"):
        logging.getLogger("aiogram.dispatcher").warning("GET /bot%s/getMe took %d ms", TOKEN, 5)
        logging.getLogger("sqlalchemy.engine").warning(
            "%(token)s %(n)d", {"token": "hunter2", "n": 1}
        )
        logging.getLogger("x").debug("not this one")
    warnings.warn(f"careful {TOKEN}", stacklevel=1)
    text = said(stream)
    assert "getMe took 5 ms" in text
    assert text.count("bt_2025_10_31_001") == 2
    assert "not this one" not in text
    assert "careful" in text


def test_a_library_s_own_console_handler_is_taken_away(stream):
    own = io.StringIO()
    library = logging.getLogger("prefect.flow_runs")
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    configure_logging(stream, "INFO", json=True)
    library.error("token=hunter2")
    assert own.getvalue() == ""
    assert "***" in said(stream)


def test_other_handlers_get_clean_records(stream):
    got = []

    class Sender(logging.Handler):
        def emit(self, record):
            got.append(self.format(record))

    logging.getLogger("api").addHandler(Sender())
    logging.getLogger("api").warning("to the server: %s", TOKEN)
    assert got == ["to the server: ***"]


def test_one_line_per_event_with_facts_as_fields():
    stream = io.StringIO()
    configure_logging(stream, logging.INFO, json=True)
    with run_context("bt_1"):
        get_logger("flows.backtest").info(
            "forged\nline", bars=3, tokens_used=5, at=np.datetime64("2025-01-01")
        )
    try:
        raise StoreDownError("down", store="redis")  # noqa: TRY301
    except StoreDownError:
        get_logger("x").exception("multi\nline")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["bars"], first["tokens_used"], first["run_id"]) == (
        "forged\\nline",
        3,
        5,
        "bt_1",
    )
    assert (first["level"], first["logger"]) == ("info", "flows.backtest")
    assert first["timestamp"].endswith("Z")
    assert second["store"] == "redis"
    assert "run_id" not in second
    structlog.reset_defaults()


def test_numbers_and_plain_words_stay():
    value = {
        "n": 1,
        "x": 1.5,
        "ok": True,
        "none": None,
        "words": "12:30 token bucket",
        "list": [1, "a"],
    }
    assert scrubbed(value) == value
    assert masked("entry 1:2 at 2025-10-31T10:00:00") == "entry 1:2 at 2025-10-31T10:00:00"
    loop: list = []
    loop.append(loop)
    assert "…" in str(scrubbed(loop))


def test_error_references_are_short_and_drawn_from_the_generator():
    rng = np.random.default_rng(1)
    made = {error_reference(rng) for _ in range(500)}
    assert len(made) > 495
    assert all(
        len(each) == 7 and each.startswith("E-") and not set(each[2:]) & set("01OIL")
        for each in made
    )
    assert error_reference(np.random.default_rng(7)) == error_reference(np.random.default_rng(7))
