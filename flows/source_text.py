"""How the sources read, in the chat and on the command line."""

from flows.source_desk import Listed, Sources


def title(found: Sources) -> str:
    """Return the first line."""
    if not found.symbol:
        return "Sources of past bars, in the order in which they are asked"
    if found.changed and found.chosen:
        return f"{found.symbol} is fetched from {', '.join(found.chosen)} now"
    if found.changed:
        return f"{found.symbol} is fetched from the first source that has it now"
    return f"Where bars of {found.symbol} come from"


def source_lines(found: Sources) -> list[str]:
    """Return the sources, a line each, with what stands behind the choice."""
    told = [title(found), *(listed_line(each, found) for each in found.listed)]
    if not found.listed:
        told.append("None is set up: SOURCES names them.")
    if found.held:
        told.append(f"Held: bars from {', '.join(found.held)}; a fetch goes on from the same.")
    return told


def listed_line(each: Listed, found: Sources) -> str:
    """Return one source: what it gives, or why it can't be asked."""
    card = each.card
    mark = " (chosen)" if card.name in found.chosen else ""
    head = f"{each.place}. {card.name}{mark}: "
    if card.lacks:
        return f"{head}needs {card.lacks}"
    if found.symbol and each.symbol is None:
        return f"{head}has no {found.symbol}"
    frames = ", ".join(card.timeframes)
    what = (
        f"{frames}; {card.side.value} prices, volume in {card.volume.value}, days in {card.clock}"
    )
    if each.symbol is not None:
        since = f", since {each.symbol.first}" if each.symbol.first else ""
        note = f"; {each.symbol.note}" if each.symbol.note else ""
        return f"{head}{each.symbol.name}{since}{note}; {what}"
    reach = f"; {card.reach}" if card.reach else ""
    return f"{head}{card.title}: {what}{reach}"
