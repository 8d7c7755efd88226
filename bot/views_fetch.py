"""How a fetch and the sources of past bars read in the chat."""

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot.keyboards import RerunCb, button, commands, rows
from bot.layout import View, fit
from bot.texts import en
from flows.fetch_text import headline, lines
from flows.ingest_text import ingest_headline, ingest_lines
from flows.instrument_desk import Info
from flows.instrument_text import info_lines, instruments_headline, instruments_lines
from flows.quality_text import quality_headline, quality_lines
from flows.quarantine_desk import Waiting
from flows.quarantine_text import waiting_lines
from flows.source_desk import Sources
from flows.source_text import source_lines
from pipeline.domain.data_quality import DataQualityReport
from pipeline.domain.fetch import FetchReport
from pipeline.domain.ingest import IngestReport
from pipeline.domain.instrument_info import InstrumentsReport


def fetched(report: FetchReport) -> View:
    """Return the card of a fetch."""
    told: list[Text | str] = [Bold(headline(report)), *lines(report), Code(report.run_id)]
    return fit(as_list(*told), rows([button(en.BUTTON_RERUN, RerunCb(run_id=report.run_id))]))


def ingested(report: IngestReport) -> View:
    """Return the card of an ingest."""
    told: list[Text | str] = [Bold(ingest_headline(report)), *ingest_lines(report)]
    return fit(as_list(*told, Code(report.run_id)))


def quality(report: DataQualityReport) -> View:
    """Return the card of a check of held bars."""
    told: list[Text | str] = [Bold(quality_headline(report)), *quality_lines(report)]
    return fit(as_list(*told, Code(report.run_id)))


def info(found: Info) -> View:
    """Return what is known of a symbol."""
    title, *told = info_lines(found)
    return fit(as_list(Bold(title), *told))


def instruments(report: InstrumentsReport) -> View:
    """Return the card of a look-up of symbols."""
    told: list[Text | str] = [Bold(instruments_headline(report)), *instruments_lines(report)]
    return fit(as_list(*told, Code(report.run_id)))


def sources(found: Sources, offers: list[tuple[str, str]]) -> View:
    """Return the list of sources; each offer is (text, token of the command that chooses)."""
    title, *told = source_lines(found)
    return fit(as_list(Bold(title), *told), commands(offers))


def waiting(found: Waiting, offers: list[tuple[str, str]]) -> View:
    """Return what waits in quarantine; each offer is (text, token of the command)."""
    title, *told = waiting_lines(found)
    return fit(as_list(Bold(title), *told), commands(offers))
