"""The OpenAPI description held against the app by schemathesis, over real services."""

import asyncio
import threading

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from flows.http.app import bounded, build
from flows.services import open_services
from flows.settings import Settings
from flows.tokens import new_token
from pipeline.domain.market import Timeframe
from tests.kit.http import BACKTEST, CLI, idle
from tests.kit.plain_services import NOW, wavy_bars

SEEDED = settings(
    derandomize=True, max_examples=25, deadline=None, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
LEFT_OUT = {
    "positive_data_acceptance",  # START refuses symbols and setups that no schema can name
    "use_after_free",  # DELETE stops a run; it stays to be looked at
}


class Serving:
    """Real services in a thread with a loop of its own, the app called in it."""

    def __init__(self, home):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.opened = open_services(
            Settings(_env_file=None, scout_home=home, http_rate=100_000, http_timeout=60)
        )
        self.app = self.call(self._open())

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def _open(self):
        services = idle(await self.opened.__aenter__())
        await services.bars.merge("EURUSD", Timeframe.M5, wavy_bars(), source="test", now=NOW)
        await services.chats.set_role(1, "owner", NOW)
        self.secret, _ = await new_token("fuzz", 1, "owner", CLI, services)
        return bounded(build(services))

    async def asgi(self, scope, receive, send):
        """Call the app in its own loop, as a client of another loop."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        sent = await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._answer(scope, body), self.loop)
        )
        for message in sent:
            await send(message)

    async def _answer(self, scope, body):
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message):
            sent.append(message)

        await self.app(scope, receive, keep)
        return sent

    def close(self):
        self.call(self.opened.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    made = Serving(tmp_path_factory.mktemp("described"))
    yield made
    made.close()


OPERATIONS = (
    ("/runs", "POST"), ("/runs", "GET"), ("/runs/{run_id}", "GET"), ("/runs/{run_id}", "DELETE"),
    ("/webhooks/tradingview", "POST"), ("/webhooks/tradingview/{token}", "POST"),
    ("/health", "GET"),
)  # fmt: skip


@pytest.fixture(scope="module")
def described(serving):
    return schemathesis.openapi.from_asgi("/openapi.json", serving.asgi)


def test_all_that_is_described_is_tried(described):
    found = {(op.ok().path, op.ok().method.upper()) for op in described.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o[1]} {o[0]}")
def test_each_operation_answers_as_described(described, serving, operation, mode):
    path, method = operation
    tried = []

    @SEEDED
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    def holds(case):
        tried.append(case)
        case.call_and_validate(
            headers={"Authorization": f"Bearer {serving.secret}"},
            excluded_checks=[CHECKS.get_one(name) for name in LEFT_OUT],
        )

    try:
        holds()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing there can be asked wrongly
    else:
        assert tried


def test_stories_of_several_requests(described, serving):
    machine, seen = described.as_state_machine(), set()

    class Stories(machine):
        def before_call(self, case):
            if case.operation.label == "POST /runs":  # one that START takes
                case.body = dict(BACKTEST)

        def get_call_kwargs(self, case):
            return {"headers": {"Authorization": f"Bearer {serving.secret}"}}

        def validate_response(self, response, case, **kwargs):
            seen.add((case.operation.label, response.status_code))
            left_out = [CHECKS.get_one(name) for name in LEFT_OUT]
            case.validate_response(response, excluded_checks=left_out)

    run_state_machine_as_test(
        Stories, settings=settings(SEEDED, max_examples=8, stateful_step_count=6)
    )
    assert {("POST /runs", 202), ("GET /runs/{run_id}", 200)} <= seen
    assert ("DELETE /runs/{run_id}", 202) in seen
