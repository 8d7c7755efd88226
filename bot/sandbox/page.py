"""Own the page's side: what people do in the browser, as JSON over HTTP.

=======  =====================  ===========================================================
method   path                   what
=======  =====================  ===========================================================
GET      /                      the page; its parts under ``/assets/``
GET      /sandbox/state         ``?chat_id=&limit=``: bot, people, chats, last messages, menu
GET      /sandbox/events        ``?after=``: server-sent events, each numbered JSON
POST     /sandbox/send          ``{user_id, chat_id?, text, reply_to?}`` -> message
POST     /sandbox/upload        multipart ``user_id, chat_id?, caption?, as?, file`` -> message
POST     /sandbox/press         ``{user_id, chat_id?, message_id, row, column}`` -> query_id;
                                ``{…, data}`` presses a forged or stale button
GET      /sandbox/answer        ``?query_id=`` -> the bot's answer, or null
POST     /sandbox/react         ``{user_id, chat_id?, message_id, emoji: [..]}`` -> message
POST     /sandbox/people        ``{first_name, username?, language_code?}`` -> person
POST     /sandbox/groups        ``{title, members}`` -> group
POST     /sandbox/block         ``{user_id, blocked}`` -> person
GET      /sandbox/file/{id}     a file's bytes; ``?download=1`` saves it
=======  =====================  ===========================================================

``chat_id`` is the person's private chat unless given. Refusals are the Bot API's:
``{ok: false, error_code, description}``.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.api_bot import menu
from bot.sandbox.api_edits import read_reaction
from bot.sandbox.api_messages import TEXT_MAX, document_content, photo_content
from bot.sandbox.entities import tidy
from bot.sandbox.errors import bad_request
from bot.sandbox.params import Json, Params, read_params
from bot.sandbox.people import Group, Person
from bot.sandbox.text import units
from bot.sandbox.world import World, page_view, public

WORLD: web.AppKey[World] = web.AppKey("world", World)
ASSETS = Path(__file__).with_name("assets")
_SHOWN = 200
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_MIMES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def add_page(app: web.Application) -> None:
    """Add the page and its API to an application that has a world."""
    app.add_routes(
        [
            web.get("/", _asset),
            web.get("/assets/{name}", _asset),
            web.get("/sandbox/state", _state),
            web.get("/sandbox/events", _events),
            web.get("/sandbox/answer", _answer),
            web.get("/sandbox/file/{file_id}", _file),
            *(
                web.post(f"/sandbox/{name}", _spoken(act))
                for name, act in (
                    ("send", _send),
                    ("press", _press),
                    ("react", _react),
                    ("people", _people),
                    ("groups", _groups),
                    ("block", _block),
                )
            ),
            web.post("/sandbox/upload", _upload),
        ]
    )


def _spoken(act: Callable[[World, Params], Any]) -> Callable[[web.Request], Any]:
    async def handler(request: web.Request) -> web.Response:
        result = act(request.app[WORLD], await read_params(request))
        return web.json_response({"ok": True, "result": result})

    return handler


async def _asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info.get("name", "page.html")
    known = {path.name: path for path in ASSETS.iterdir() if path.suffix in _MIMES}
    if name not in known:
        raise web.HTTPNotFound
    return web.Response(
        body=known[name].read_bytes(),
        content_type=_MIMES[known[name].suffix],
        charset="utf-8",
        headers={
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        },
    )


async def _state(request: web.Request) -> web.Response:
    world, params = request.app[WORLD], Params(request.query)
    chat = world.people.chat(params.values.get("chat_id") or min(world.people.people))
    language = chat.language_code if isinstance(chat, Person) else ""
    latest = world.store.latest_messages(chat.id, params.number("limit", _SHOWN))
    state = {
        "number": world.hub.number,
        "online": world.updates.online,
        "bot": world.bot | {"description": world.store.fact("my_description", {}).get("", "")},
        "people": [asdict(person) for person in world.people.people.values()],
        "groups": [asdict(group) for group in world.people.groups.values()],
        "chat_id": chat.id,
        "commands": menu(world, chat.id, language),
        "messages": [page_view(message) for message in latest],
    }
    return web.json_response({"ok": True, "result": state})


async def _events(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    resumed = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    after = int(resumed) if resumed.isdigit() else world.hub.number
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    await response.write(b"retry: 1000\n\n")
    async for event in world.hub.follow(after):
        line = f"id: {event['number']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        try:
            await response.write(line.encode())
        except ConnectionError:
            break
    return response


async def _answer(request: web.Request) -> web.Response:
    query = request.app[WORLD].query(request.query.get("query_id", ""))
    if query is None:
        raise bad_request("query ID is invalid")
    return web.json_response({"ok": True, "result": query["answer"]})


async def _file(request: web.Request) -> web.StreamResponse:
    world = request.app[WORLD]
    kept = world.files.by_id(request.match_info["file_id"])
    if kept is None:
        raise web.HTTPNotFound
    # nothing an upload holds may run here: only pictures are shown, the rest is saved
    shown = kept.mime in _INLINE and "download" not in request.query
    name = kept.name.replace('"', "'").replace("\r", " ").replace("\n", " ")
    return web.Response(
        body=world.files.place(kept).read_bytes(),
        headers={
            "Content-Type": kept.mime if shown else "application/octet-stream",
            "Content-Disposition": "inline" if shown else f'attachment; filename="{name}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=86400",
        },
    )


def _actor(world: World, params: Params) -> tuple[Person, Person | Group]:
    person = world.people.person(params.number("user_id"))
    chat = world.people.chat(params.values.get("chat_id") or person.id)
    mine = chat == person if isinstance(chat, Person) else person.id in chat.members
    if not mine:
        raise bad_request("this person is not in the chat")
    return person, chat


def _written(world: World, params: Params, chat_id: int) -> Json:
    """Give the reply a person points at, as part of their message."""
    target = world.message(chat_id, params.number("reply_to"))
    if target is None:
        return {}
    return {"reply_to_message": {n: v for n, v in public(target).items() if n[:5] != "reply"}}


def _send(world: World, params: Params) -> Json:
    person, chat = _actor(world, params)
    formatted = tidy(params.text("text").replace("\r\n", "\n"), [])
    if not formatted.text:
        raise bad_request("message text is empty")
    if units(formatted.text) > TEXT_MAX:
        raise bad_request("message is too long")
    marks = {"entities": list(formatted.entities)} if formatted.entities else {}
    reply = _written(world, params, chat.id)
    return world.receive(person, chat, {"text": formatted.text, **marks, **reply})


async def _upload(request: web.Request) -> web.Response:
    world, params = request.app[WORLD], await read_params(request)
    person, chat = _actor(world, params)
    upload = params.upload("file")
    if upload is None:
        raise bad_request("there is no file in the request")
    as_photo = params.text("as") == "photo"
    content = (
        photo_content(await world.files.add_photo(upload))
        if as_photo
        else document_content(world.files.add_document(upload))
    )
    caption = tidy(params.text("caption"), [])
    if caption.text:
        content["caption"] = caption.text
    if caption.entities:
        content["caption_entities"] = list(caption.entities)
    message = world.receive(person, chat, content)
    return web.json_response({"ok": True, "result": message})


def _press(world: World, params: Params) -> Json:
    person, chat = _actor(world, params)
    message = world.message(chat.id, params.number("message_id"))
    if message is None:
        raise bad_request("message not found")
    data = params.text("data")
    if not params.has("data"):
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        try:
            data = rows[params.number("row")][params.number("column")]["callback_data"]
        except (IndexError, KeyError):
            raise bad_request("there is no such button") from None
    return {"query_id": world.press(person, message, data)}


def _react(world: World, params: Params) -> Json:
    person, chat = _actor(world, params)
    message = world.message(chat.id, params.number("message_id"))
    if message is None:
        raise bad_request("message to react not found")
    old = message.get("_reactions", {}).get(str(person.id), [])
    new = read_reaction([{"emoji": emoji} for emoji in params.structure("emoji") or []])
    changed = world.react(message, str(person.id), new)
    reaction = {
        "chat": chat.as_chat(),
        "message_id": message["message_id"],
        "user": person.as_user(),
        "date": world.now,
        "old_reaction": [{"type": "emoji", "emoji": emoji} for emoji in old],
        "new_reaction": [{"type": "emoji", "emoji": emoji} for emoji in new],
    }
    world.updates.put("message_reaction", reaction)
    return changed


def _people(world: World, params: Params) -> Json:
    name = params.text("first_name").strip()
    if not 1 <= len(name) <= 64:  # noqa: PLR2004 - Telegram's limit for a name
        raise bad_request("first name must be 1-64 characters long")
    person = world.people.add(name, params.text("username"), params.text("language_code"))
    return asdict(person)


def _groups(world: World, params: Params) -> Json:
    title = params.text("title").strip()
    if not title:
        raise bad_request("title is empty")
    members = [int(member) for member in params.structure("members") or []]
    return asdict(world.people.add_group(title, members))


def _block(world: World, params: Params) -> Json:
    person = world.people.person(params.number("user_id"))
    blocked = params.flag("blocked")
    if blocked == person.blocked:
        return asdict(person)
    changed = world.people.update(person.id, started=person.started, blocked=blocked)
    member: Json = {"user": world.bot, "status": "member"}
    banned: Json = {"user": world.bot, "status": "kicked", "until_date": 0}
    world.updates.put(
        "my_chat_member",
        {
            "chat": person.as_chat(),
            "from": person.as_user(),
            "date": world.now,
            "old_chat_member": member if blocked else banned,
            "new_chat_member": banned if blocked else member,
        },
    )
    return asdict(changed)
