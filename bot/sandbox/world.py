"""Own the sandbox's chats: messages, presses and answers, kept on disk and told to the page."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.sandbox.errors import bad_request
from bot.sandbox.files import Files
from bot.sandbox.hub import Hub
from bot.sandbox.params import Json
from bot.sandbox.people import Group, People, Person
from bot.sandbox.store import Store
from bot.sandbox.updates import Updates

_QUERY_SECONDS = 60
_QUERIES_KEPT = 1000
_NUMBER_DIGITS = 10


class World:
    """One bot and the people it talks with.

    Parameters
    ----------
    home
        Folder that keeps everything.
    token
        The bot's token; its number is the bot's id.
    clock
        Seconds since 1970.
    """

    def __init__(self, home: Path, token: str, clock: Callable[[], float]) -> None:
        self.token = token
        self.clock = clock
        self.store = Store(home)
        self.hub = Hub(int(clock() * 1000))
        self.files = Files(self.store)
        self.people = People(self.store, lambda: self.hub.put("people"))
        self.updates = Updates(self.store, clock)
        number = token.partition(":")[0]
        self.bot: Json = {
            "id": int(number) if number.isdigit() else 42,
            "is_bot": True,
            "first_name": self.store.fact("name") or "Setup Scout",
            "username": "setup_scout_sandbox_bot",
        }

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    @property
    def now(self) -> int:
        """Unix time, as messages carry it."""
        return int(self.clock())

    def post(self, chat: Person | Group, sender: Json, content: Json) -> Json:
        """Put a new message into a chat and show it; gives it as the Bot API writes it."""
        message = {
            "message_id": self.store.next_number("message"),
            "from": sender,
            "chat": chat.as_chat(),
            "date": self.now,
            **content,
        }
        return self.keep(message)

    def keep(self, message: Json) -> Json:
        """Keep a message, new or changed, and show it."""
        self.store.put("messages", message["message_id"], message, message["chat"]["id"])
        self.hub.put("message", chat_id=message["chat"]["id"], message=page_view(message))
        return public(message)

    def message(self, chat_id: int, message_id: int) -> Json | None:
        """Give a message of a chat as it is kept; None when there is none."""
        found = self.store.get("messages", message_id)
        return found if found is not None and found["chat"]["id"] == chat_id else None

    def delete(self, chat_id: int, message_id: int) -> None:
        """Take a message away."""
        self.store.delete("messages", message_id)
        self.hub.put("deleted", chat_id=chat_id, message_id=message_id)

    def receive(self, person: Person, chat: Person | Group, content: Json) -> Json:
        """Let a person write: the message appears and waits for the bot as an update."""
        if chat.id == person.id:  # writing in a group starts nothing
            self.people.update(person.id, started=True, blocked=False)
        message = self.post(chat, person.as_user(), content)
        self.updates.put("message", message)
        return message

    def press(self, person: Person, message: Json, data: str) -> str:
        """Let a person press a button; gives the id of the query the bot should answer."""
        number = self.store.next_number("query")
        query_id = f"{number:0{_NUMBER_DIGITS}d}{secrets.randbelow(10**8):08d}"
        query = {
            "id": query_id,
            "from": person.as_user(),
            "chat_instance": str(message["chat"]["id"] * 31),
            "message": public(message),
            "data": data,
        }
        facts = {"id": query_id, "at": self.clock(), "user_id": person.id, "answer": None}
        self.store.forget_before("queries", number - _QUERIES_KEPT)
        self.store.put("queries", number, {**facts, "message_id": message["message_id"]})
        self.updates.put("callback_query", query)
        return query_id

    def answer(self, query_id: str, answer: Json) -> None:
        """Answer a press once; a 400 when it is unknown, answered or too old."""
        query = self.query(query_id)
        late = query is None or self.clock() - query["at"] > _QUERY_SECONDS
        if query is None or late or query["answer"] is not None:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        self.store.put("queries", int(query_id[:_NUMBER_DIGITS]), query | {"answer": answer})
        self.hub.put(
            "answer",
            user_id=query["user_id"],
            message_id=query["message_id"],
            query_id=query_id,
            **answer,
        )

    def query(self, query_id: str) -> Json | None:
        """Give what is known of a press; None when there was none."""
        number = query_id[:_NUMBER_DIGITS]
        found = self.store.get("queries", int(number)) if number.isdecimal() else None
        return found if found is not None and found["id"] == query_id else None

    def react(self, message: Json, actor: str, emoji: list[str]) -> Json:
        """Set somebody's reactions on a message, in place of those before."""
        reactions = {**message.get("_reactions", {}), actor: emoji}
        kept = {who: signs for who, signs in reactions.items() if signs}
        return self.keep(message | {"_reactions": kept})


def public(message: Json) -> Json:
    """Give a message without what only the page knows."""
    return {name: value for name, value in message.items() if not name.startswith("_")}


def page_view(message: Json) -> Json:
    """Give a message for the page: with its reactions, counted."""
    counted: dict[str, list[str]] = {}
    for actor, signs in message.get("_reactions", {}).items():
        for emoji in signs:
            counted.setdefault(emoji, []).append(actor)
    reactions: list[Any] = [{"emoji": emoji, "by": by} for emoji, by in counted.items()]
    return public(message) | {"reactions": reactions}
