"""Own who is in the sandbox: people, groups, and whether the bot may write to them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from bot.sandbox.errors import bad_request, forbidden
from bot.sandbox.params import Json
from bot.sandbox.store import Store

TRADER_ID = 1_000_001


@dataclass(frozen=True)
class Person:
    """A user of the sandbox; the private chat with the bot has the same id."""

    id: int
    first_name: str
    username: str = ""
    language_code: str = "en"
    started: bool = False
    blocked: bool = False

    def as_user(self) -> Json:
        """Give a User."""
        user: Json = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        if self.username:
            user["username"] = self.username
        return user | {"language_code": self.language_code}

    def as_chat(self) -> Json:
        """Give the private Chat with this person."""
        chat: Json = {"id": self.id, "type": "private", "first_name": self.first_name}
        return chat | ({"username": self.username} if self.username else {})


@dataclass(frozen=True)
class Group:
    """A supergroup with the bot and some people in it."""

    id: int
    title: str
    members: tuple[int, ...]

    def as_chat(self) -> Json:
        """Give the Chat."""
        return {"id": self.id, "type": "supergroup", "title": self.title}


class People:
    """Everyone the sandbox knows.

    Notes
    -----
    The first person, "Trader", counts as having started the bot: alerts may go there at once.
    Everybody else must write first, as on Telegram.
    """

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self.people = {body["id"]: Person(**body) for body in store.every("people")}
        self.groups = {
            body["id"]: Group(body["id"], body["title"], tuple(body["members"]))
            for body in store.every("groups")
        }
        if not self.people:
            self.keep(Person(TRADER_ID, "Trader", "trader", started=True))

    def keep(self, person: Person) -> Person:
        """Keep a person, new or changed."""
        self.people[person.id] = person
        self._store.put("people", person.id, asdict(person))
        self._changed()
        return person

    def add(self, first_name: str, username: str = "", language_code: str = "en") -> Person:
        """Add a person the bot has never met."""
        number = max(self.people) + 1
        return self.keep(Person(number, first_name, username, language_code or "en"))

    def add_group(self, title: str, members: list[int]) -> Group:
        """Add a group with the bot in it."""
        known = tuple(self.person(member).id for member in members)
        group = Group(min([-1_002_000_000_000, *self.groups]) - 1, title, known)
        self.groups[group.id] = group
        self._store.put("groups", group.id, asdict(group))
        self._changed()
        return group

    def update(self, person_id: int, *, started: bool, blocked: bool) -> Person:
        """Note that a person started or blocked the bot."""
        person = self.person(person_id)
        changed = replace(person, started=started, blocked=blocked)
        return person if changed == person else self.keep(changed)

    def person(self, person_id: int) -> Person:
        """Give a person; a 400 when unknown."""
        if person_id not in self.people:
            raise bad_request("user not found")
        return self.people[person_id]

    def chat(self, chat_id: object) -> Person | Group:
        """Give the chat a bot means; a 400 when the bot has never seen it."""
        if chat_id in {None, ""}:
            raise bad_request("chat_id is empty")
        try:
            number = int(str(chat_id))
        except ValueError:
            raise bad_request("chat not found") from None
        found = self.people.get(number) or self.groups.get(number)
        if found is None:
            raise bad_request("chat not found")
        return found

    def writable(self, chat_id: object) -> Person | Group:
        """Give the chat if the bot may write there; a 403 when it may not."""
        chat = self.chat(chat_id)
        if isinstance(chat, Person) and chat.blocked:
            raise forbidden("bot was blocked by the user")
        if isinstance(chat, Person) and not chat.started:
            raise forbidden("bot can't initiate conversation with a user")
        return chat
