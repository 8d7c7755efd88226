"""Spans as a collector gets them: OTLP over HTTP, parsed, with run and task nested by run_id."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel

from flows.execution import execute_run
from flows.tasks import PlainAttempts, Runner, Stop
from pipeline.domain.errors import NoBarsError
from pipeline.domain.request import Actor, Channel, RunStatus
from storage.tracing import span, stop_tracing, trace_to
from tests.kit.plain_services import NOW, plain_services


class Output(BaseModel):
    value: int = 1


@pytest.fixture
def collector() -> Iterator[tuple[str, list]]:
    got: list[ExportTraceServiceRequest] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


def facts(attributes):
    return {each.key: each.value.string_value for each in attributes}


async def test_a_run_its_task_and_a_failure_arrive_nested(collector, tmp_path, rng):
    url, got = collector
    provider = trace_to(url, "worker", "1.2.3")
    try:
        async with plain_services(tmp_path) as services:
            who = Actor(channel=Channel.CLI)
            run = await services.runs.create("bt", "backtest_flow", {}, who, NOW)
            stop = Stop()
            runner = Runner(run, services, names=("one",), attempts=PlainAttempts(rng), stop=stop)

            async def work():
                await asyncio.sleep(0)
                raise NoBarsError("none; token=hunter2")

            with pytest.raises(NoBarsError), span("scan", run_id=run.run_id):
                await runner.critical("one", Output, work)
            status = await execute_run(
                run.run_id, services, attempts=PlainAttempts(rng), stop=stop
            )
            assert status is RunStatus.FAILED
        await asyncio.to_thread(provider.force_flush, 5000)
    finally:
        stop_tracing()
        provider.shutdown()
    (resource,) = {
        facts(r.resource.attributes)["service.name"] for m in got for r in m.resource_spans
    }
    assert resource == "scout-worker"
    spans = [s for m in got for r in m.resource_spans for sc in r.scope_spans for s in sc.spans]
    by_name = {each.name: each for each in spans}
    assert set(by_name) >= {"scan", "task", "run"}
    assert by_name["task"].parent_span_id == by_name["scan"].span_id
    assert by_name["task"].trace_id == by_name["scan"].trace_id
    assert by_name["run"].trace_id != by_name["scan"].trace_id
    for each in spans:
        assert facts(each.attributes)["run_id"] == run.run_id
        assert "hunter2" not in str(each)
    assert facts(by_name["task"].attributes)["task"] == "one"
    assert facts(by_name["task"].attributes)["error.type"] == "NoBarsError"


def test_off_it_is_nothing_and_a_dead_collector_holds_nothing_up():
    with span("x", run_id="bt_1"):
        pass
    provider = trace_to("http://127.0.0.1:9", "bot", "0")
    try:
        with span("x", run_id="bt_1"):
            pass
    finally:
        stop_tracing()
        provider.shutdown()


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(1)
