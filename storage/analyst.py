"""The analyst: any OpenAI-compatible server, asked over its Responses or its chat API.

The SDK is imported at the first question (half a second, 56 MB), so a process that never asks
never pays for it. What a server says in an error is not repeated: it may quote the key.
"""

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from pipeline.domain.analysis import Question, Reply
from pipeline.domain.errors import AnalystDownError, AnalystRefusedError
from storage.analyst_answers import chat_reply, responses_reply
from storage.analyst_faults import mapped, no_form
from storage.telemetry import get_logger

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = get_logger(__name__)
OPENAI_URL: Final = "https://api.openai.com/v1"
RETRIES: Final = 2
_NO_KEY: Final = "none"  # the SDK wants one, local servers don't read it


class OpenAIAnalyst:
    """A model behind an OpenAI-compatible API; see `storage.analyst_ports.Analyst`.

    Parameters
    ----------
    key
        Of the API; empty for a local server that wants none.
    url
        Where it is, ending in /v1; None: OpenAI's own.
    thinks
        Whether the model thinks before it answers; it is then asked to do so briefly.
    seconds
        Longest time of one answer, with all retries.
    """

    def __init__(
        self,
        model: str,
        *,
        key: str = "",
        url: str | None = None,
        api: Literal["responses", "chat"] = "responses",
        seconds: float = 25.0,
        thinks: bool = False,
    ) -> None:
        self._model = model
        self._key = key
        self._url = url or OPENAI_URL
        self._own = url is None
        self._api = api
        self._seconds = seconds
        self._thinks = thinks
        self._client: AsyncOpenAI | None = None
        self._forms = ["json_schema", "json_object", "text"]

    def __repr__(self) -> str:
        return f"OpenAIAnalyst({self._model!r}, api={self._api!r})"

    @property
    def model(self) -> str:
        """Its name."""
        return self._model

    async def ask(self, question: Question) -> Reply:
        """Return the answer; see `storage.analyst_ports.Analyst`."""
        client = await self._open()
        try:
            async with asyncio.timeout(self._seconds):
                if self._api == "responses":
                    return await self._responses(client, question)
                return await self._chat(client, question)
        except (AnalystDownError, AnalystRefusedError):
            raise
        except TimeoutError as error:
            raise self._too_slow() from error
        except Exception as error:
            raise mapped(error, self._model) or error from error

    async def close(self) -> None:
        """Let go of connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _open(self) -> "AsyncOpenAI":
        if self._client is None:
            made = await asyncio.to_thread(self._make)
            if self._client is None:  # another question may have been faster
                self._client = made
        return self._client

    def _make(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI  # noqa: PLC0415  (half a second and 56 MB)

        return AsyncOpenAI(
            api_key=self._key or _NO_KEY, base_url=self._url, timeout=self._seconds,
            max_retries=RETRIES,
        )  # fmt: skip

    def _too_slow(self) -> AnalystDownError:
        return AnalystDownError(
            f"The analyst didn't answer within {self._seconds:g} seconds (ANALYST_SECONDS).",
            model=self._model, asked=True,
        )  # fmt: skip

    async def _responses(self, client: "AsyncOpenAI", question: Question) -> Reply:
        content: list[dict[str, Any]] = [{"type": "input_text", "text": question.facts}]
        if question.image:
            content.append(
                {"type": "input_image", "image_url": _data_url(question.image), "detail": "low"}
            )
        form = {
            "type": "json_schema", "name": question.schema_name, "strict": True,
            "schema": question.json_schema,
        }  # fmt: skip
        asked: dict[str, Any] = {
            "model": self._model,
            "instructions": question.instructions,
            "input": [{"role": "user", "content": content}],
            "text": {"format": form},
            "max_output_tokens": question.most_tokens,
            "store": False,
        }
        if self._thinks:
            asked["reasoning"] = {"effort": "low"}
        found = await client.responses.create(**asked)
        return responses_reply(found, self._model)

    async def _chat(self, client: "AsyncOpenAI", question: Question) -> Reply:
        while True:
            form = self._forms[0]
            try:
                found = await client.chat.completions.create(**self._asked(question, form))
            except Exception as error:
                if len(self._forms) == 1 or not no_form(error):
                    raise
                if self._forms[0] == form:  # else another question has found out already
                    self._forms.pop(0)
                log.info("analyst_form_unknown", model=self._model, form=form)
            else:
                return chat_reply(found, self._model)

    def _asked(self, question: Question, form: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": question.facts}]
        if question.image:
            picture = {"url": _data_url(question.image), "detail": "low"}
            content.append({"type": "image_url", "image_url": picture})
        limit = "max_completion_tokens" if self._own else "max_tokens"
        asked: dict[str, Any] = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": _told(question, form)},
                {"role": "user", "content": content},
            ],
            limit: question.most_tokens,
        }
        if form == "json_schema":
            schema = {
                "name": question.schema_name, "strict": True, "schema": question.json_schema
            }  # fmt: skip
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif form == "json_object":
            asked["response_format"] = {"type": "json_object"}
        if self._thinks:
            asked["reasoning_effort"] = "low"
        return asked


def _told(question: Question, form: str) -> str:
    """Return the instructions, with the form in words where the server can't be given it."""
    if form == "json_schema":
        return question.instructions
    schema = json.dumps(question.json_schema)
    return f"{question.instructions}\n\nAnswer with one JSON object of this JSON schema: {schema}"


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
