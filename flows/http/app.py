"""The HTTP entry put together: its addresses, its errors, its description, its bounds."""

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from pydantic.json_schema import models_json_schema

from flows.http import runs, shapes, tradingview
from flows.http.bounds import Bounds
from flows.http.problems import Problem, ProblemError, handle_errors, responses
from flows.http.runs import as_json
from flows.http.shapes import HealthView
from flows.services import Services

HEALTH_SECONDS: Final = 2.0
_TITLE: Final = "Setup Scout"
_ABOUT: Final = (
    "Runs asked for, followed and stopped by programs. Every request is checked, written to the "
    "trail with who asked and the verdict, and only then started; a refused one starts nothing."
)


def build(services: Services) -> FastAPI:
    """Return the app without its bounds."""
    app = FastAPI(
        title=_TITLE, version=_version(), description=_ABOUT, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    handle_errors(app)
    app.include_router(runs.router)
    app.include_router(tradingview.router)
    app.add_api_route(
        "/health", _health, operation_id="health", response_model=HealthView, responses=responses()
    )
    described: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not described:
            described.update(_description(app))
        return described

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def bounded(app: FastAPI) -> Bounds:
    """Return the app as it is served."""
    services: Services = app.state.services
    settings = services.settings
    return Bounds(app, most=settings.http_max_kb * 1024, seconds=settings.http_timeout)


async def _health(request: Request) -> Response:
    """Tell whether requests can be taken; needs no token and says nothing of the inside."""
    services: Services = request.app.state.services
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            await services.runs.newest(1)
            scheduler = await services.launcher.answers()
    except TimeoutError as error:
        raise ProblemError(
            503, f"There was no answer in {HEALTH_SECONDS:g} s.", headers={"Retry-After": "5"}
        ) from error
    status = "ok" if scheduler else "degraded"
    return as_json(HealthView(status=status, scheduler=scheduler, time=services.clock()))


def _description(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the bodies that are read by hand."""
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    kinds = [getattr(shapes, name) for name in runs.BODIES]
    _, models = models_json_schema(
        [(kind, "validation") for kind in (*kinds, Problem)],
        ref_template="#/components/schemas/{model}",
    )
    found["components"]["schemas"] = {**found["components"]["schemas"], **models["$defs"]}
    return found


def _version() -> str:
    try:
        return version("setup-scout")
    except PackageNotFoundError:
        return "0"
