"""Pictures drawn in a computing process, so that the bot itself never loads the charts.

The functions are sent there by name; what they import is imported there.
"""

from typing import Any

from pipeline.domain.report import QualityReport


def coverage(quality: QualityReport, *, theme: str, synthetic: bool) -> bytes:
    """Return the picture of which days are held."""
    from pipeline.render.coverage import coverage_chart  # noqa: PLC0415  (see the module)

    png: bytes = coverage_chart(quality, theme=theme, synthetic=synthetic).png
    return png


def schematic(spec: Any, *, theme: str) -> bytes:
    """Return a setup's picture, drawn from its rules."""
    from pipeline.render.schematic import schematic_chart  # noqa: PLC0415  (see the module)

    png: bytes = schematic_chart(spec, theme=theme).png
    return png
