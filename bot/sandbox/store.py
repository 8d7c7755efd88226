"""Own the sandbox's memory on disk: one SQLite file, so that a restart forgets nothing.

Rows are JSON documents by key. Calls are short and local, so they run on the event loop; the
file is opened by one process only.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.sandbox.params import Json

_TABLES = ("facts", "people", "groups", "messages", "updates", "files", "queries")


class Store:
    """JSON documents by table and key, written at once.

    Parameters
    ----------
    home
        Folder of the database and of the uploaded files; made when absent.
    """

    def __init__(self, home: Path) -> None:
        self.files = home / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            home / "sandbox.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        for table in _TABLES:
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {table} "
                "(key INTEGER PRIMARY KEY, owner INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL)"
                if table != "facts"
                else "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, body TEXT NOT NULL)"
            )
        self._db.execute("CREATE INDEX IF NOT EXISTS by_chat ON messages (owner, key)")

    def close(self) -> None:
        """Close the file; later calls fail."""
        self._db.close()

    def fact(self, name: str, default: Any = None) -> Any:
        """Give a named value."""
        row = self._db.execute("SELECT body FROM facts WHERE key = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def set_fact(self, name: str, value: Any) -> None:
        """Keep a named value."""
        self._db.execute("REPLACE INTO facts (key, body) VALUES (?, ?)", (name, _dump(value)))

    def next_number(self, name: str, first: int = 1) -> int:
        """Count up a named counter and give the new number; never the same twice."""
        number = int(self.fact(name, first - 1)) + 1
        self.set_fact(name, number)
        return number

    def put(self, table: str, key: int, body: Json, owner: int = 0) -> None:
        """Keep a document, replacing the one before."""
        self._db.execute(
            f"REPLACE INTO {_known(table)} (key, owner, body) VALUES (?, ?, ?)",  # noqa: S608
            (key, owner, _dump(body)),
        )

    def get(self, table: str, key: int) -> Json | None:
        """Give a document; None when there is none."""
        row = self._db.execute(
            f"SELECT body FROM {_known(table)} WHERE key = ?",  # noqa: S608
            (key,),
        ).fetchone()
        return None if row is None else _load(row[0])

    def every(self, table: str) -> Iterator[Json]:
        """Give all documents of a table by key."""
        rows = self._db.execute(f"SELECT body FROM {_known(table)} ORDER BY key")  # noqa: S608
        return (_load(body) for (body,) in rows.fetchall())

    def delete(self, table: str, key: int) -> None:
        """Forget one document."""
        self._db.execute(f"DELETE FROM {_known(table)} WHERE key = ?", (key,))  # noqa: S608

    def forget_before(self, table: str, key: int) -> None:
        """Forget the documents with a smaller key."""
        self._db.execute(f"DELETE FROM {_known(table)} WHERE key < ?", (key,))  # noqa: S608

    def count(self, table: str) -> int:
        """Count the documents of a table."""
        row = self._db.execute(f"SELECT COUNT(*) FROM {_known(table)}").fetchone()  # noqa: S608
        return int(row[0])

    def from_key(self, table: str, key: int, limit: int) -> list[Json]:
        """Give up to `limit` documents with this key or a larger one."""
        rows = self._db.execute(
            f"SELECT body FROM {_known(table)} WHERE key >= ? ORDER BY key LIMIT ?",  # noqa: S608
            (key, limit),
        )
        return [_load(body) for (body,) in rows]

    def latest_messages(self, chat_id: int, limit: int) -> list[Json]:
        """Give a chat's last messages, oldest first."""
        rows = self._db.execute(
            "SELECT body FROM messages WHERE owner = ? ORDER BY key DESC LIMIT ?",
            (chat_id, limit),
        )
        return [_load(body) for (body,) in rows][::-1]


def _known(table: str) -> str:
    if table not in _TABLES:
        raise ValueError(table)
    return table


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _load(body: str) -> Json:
    value: Json = json.loads(body)
    return value
