"""How bars, imports, setups and people read in the chat."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot import keyboards
from bot.commands import RANK, allowed
from bot.layout import CAPTION_LIMIT, View, fit
from bot.texts import en
from bot.views_runs import moment
from pipeline.domain.report import Holding, QualityReport

Lines = list[Text | str]


def holdings(held: Sequence[Holding]) -> View:
    """Return what bars are held, one line each."""
    if not held:
        return fit(Text(en.NO_DATA))
    lines: Lines = [Bold(en.DATA_TITLE)]
    for h in held:
        score = "" if h.score is None else f", quality {h.score:.0%}"
        origin = en.SYNTHETIC_SHORT if h.synthetic else f"from {', '.join(h.sources)}"
        lines.append(
            Text(
                Bold(f"{h.symbol} {h.timeframe}"),
                f": {en.count(h.bars, 'bar')}, {h.first:%Y-%m-%d} – {h.last:%Y-%m-%d}{score}, "
                f"{origin}",
            )
        )
    return fit(as_list(*lines))


def quality(title: str, found: QualityReport, notes: Sequence[str] = ()) -> View:
    """Return what an import brought and what it is worth, as the coverage picture's caption."""
    lines: Lines = [
        Bold(title),
        f"{found.symbol} {found.timeframe}, quality {found.score:.0%}",
        f"{found.bars:,} bars of {found.expected:,} expected",
    ]
    if found.first and found.last:
        lines.append(Text(moment(found.first), " – ", moment(found.last)))
    faults = {
        "hole": found.gap_count,
        "duplicate": found.duplicates,
        "impossible bar": found.impossible,
        "frozen bar": found.frozen,
        "spike": found.spikes,
    }
    told = ", ".join(en.count(n, word) for word, n in faults.items() if n)
    lines.append(f"Faults: {told}" if told else "No faults found.")
    lines.append(
        f"Spread {'in the file' if found.has_spread else 'not in the file'}, "
        f"volume {'in the file' if found.has_volume else 'not in the file'}."
    )
    told_notes = [*found.notes, *(note for note in notes if note not in found.notes)]
    lines += [f"{en.sentence(note).rstrip('.')}." for note in told_notes]
    return fit(as_list(*lines), limit=CAPTION_LIMIT)


def question(text: str, options: Sequence[str], token: str) -> View:
    """Return an import question with its options as buttons."""
    return fit(Text(text), keyboards.answers(token, options))


def setups(found: Sequence[tuple[str, str, str]], problems: Sequence[str]) -> View:
    """Return the active setups, given as (id, version, title), and the broken files."""
    lines: Lines = [Bold(en.SETUPS_TITLE) if found else en.NO_SETUPS]
    lines += [Text(Code(sid), f" v{v.removeprefix('v')}: {title}") for sid, v, title in found]
    lines.append(en.SETUPS_MORE)
    if problems:
        lines += ["", Bold(en.PROBLEMS), ExpandableBlockQuote(as_list(*problems))]
    return fit(as_list(*lines), keyboards.setups([sid for sid, _, _ in found]))


def no_setup(text: str, near: Sequence[str], reference: str) -> View:
    """Return that there is no such setup, with the nearest ones as buttons."""
    hint = [] if near else [en.SETUPS_LIST]
    body = as_list(en.sentence(text), *hint, Text(en.reference(""), Code(reference)))
    return fit(body, keyboards.setups(near))


def setup(
    title: str, about: str, rules: Sequence[str], versions: Sequence[Mapping[str, Any]]
) -> View:
    """Return one setup in words, with its history folded."""
    lines: Lines = [Bold(title)]
    lines += [about.strip()] if about.strip() else []
    lines += [f"{i}. {rule}" for i, rule in enumerate(rules, 1)]
    if versions:
        told = [
            f"v{str(v['version']).removeprefix('v')}, {v['at']:%Y-%m-%d}, {v['author']}: "
            f"{v['reason']}"
            for v in reversed(versions)
        ]
        lines += ["", Bold(en.HISTORY), ExpandableBlockQuote(as_list(*told))]
    return fit(as_list(*lines))


def users(roles: Mapping[int, str]) -> View:
    """Return who may do what."""
    lines: Lines = [Bold(en.USERS_TITLE)]
    lines += [Text(Code(str(user_id)), f" {role}") for user_id, role in sorted(roles.items())]
    return fit(as_list(*lines, en.USERS_HOW))


def hello(role: str, first: Sequence[str]) -> View:
    """Greet, with first commands to copy."""
    lines: Lines = [en.HELLO, "", en.FIRST_STEPS]
    lines += map(Code, first) if RANK.get(role, 0) >= RANK["trader"] else []
    return fit(as_list(*lines, "/setups", "/data", "/help"))


def help_text(role: str) -> View:
    """Return the commands open to a role, each with an example."""
    lines: Lines = [en.HELLO, ""]
    for c in allowed(role):
        lines.append(Text(Bold(f"/{c.word}"), f" {c.line}"))
        if c.example != f"/{c.word}":
            lines.append(Text("    ", Code(c.example)))
    return fit(as_list(*lines, "", en.HELP_MORE))
