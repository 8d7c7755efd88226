"""Spans: what took how long within what, told by OTLP over HTTP where that is set.

A span that is off costs one look at a field. Attributes are facts such as run_id; what is raised
is told by its class alone, as its words may hold a secret.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

EXPORT_SECONDS: Final = 5.0


@dataclass
class _Tracing:
    """What this process's spans are made by; None: they are not."""

    tracer: Any = None


_ON = _Tracing()


def trace_to(endpoint: str, process: str, version: str) -> "TracerProvider":
    """Tell this process's spans to a collector from now on, from a thread of its own.

    Parameters
    ----------
    endpoint
        Its URL, to which `/v1/traces` is added; one that doesn't answer costs spans only.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    who = {"service.name": f"scout-{process}", "service.version": version}
    provider = TracerProvider(resource=Resource.create(who))
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _ON.tracer = provider.get_tracer("setup-scout", version)
    return provider


def stop_tracing() -> None:
    """Make no more spans."""
    _ON.tracer = None


@contextmanager
def span(name: str, **facts: str | float) -> Iterator[None]:
    """Time what the with block does, within the span around it."""
    if _ON.tracer is None:
        yield
        return
    with _ON.tracer.start_as_current_span(
        name, attributes=facts, record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            raise
