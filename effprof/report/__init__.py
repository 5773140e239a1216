"""What a reader gets: a `Report` (a Profile and its Analysis) and the ways to look at it.

First the rows (`rows.py`: choosing, sorting, rounding), then the markup. Every renderer turns data into text or bytes
and opens no file; only `saving.py` writes. pandas, matplotlib, rich and jinja2 are imported when they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from effprof.ceiling_records import Ceilings
from effprof.finding_records import Finding
from effprof.records import Analysis, Profile
from effprof.sweep_records import Verdict

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

    from effprof.analyze.roofline import OpRoof

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """A measurement (`profile`: what was observed) and all that is derived from it (`analysis`)."""

    profile: Profile
    analysis: Analysis
    verdicts: tuple[Verdict, ...] = ()
    """Of this device on the guidelines, where they are at hand: what findings expect then comes from them."""
    ceilings: Ceilings | None = None
    """What this device can do at best (`effprof calibrate`), where that is known."""

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What to change in the network, the largest expected gain first."""
        from effprof.findings import find

        return find(self.profile, self.analysis, self.verdicts, self.ceilings)

    @cached_property
    def roofs(self) -> tuple[OpRoof, ...]:
        """Each op of the analysis with its achieved rates and, where there are ceilings, bound and share of them."""
        from effprof.analyze.roofline import roofs_of

        return roofs_of(self.analysis.ops, self.ceilings)

    def to_dict(self) -> dict[str, Any]:
        """The content of report.json: plain dicts, lists, numbers and text; times in seconds, sizes in bytes."""
        from effprof.report.to_json import report_dict

        return report_dict(self)

    def save(self, folder: str | Path) -> list[Path]:
        """Write every output file into `folder` (created if missing), each whole or not at all; returns their paths.

        The two charts are left out when nothing was timed. Raises UsageError when the folder cannot be written.
        """
        from effprof.report.saving import save_report

        return save_report(self, Path(folder))

    def to_pandas(self, table: Literal["ops", "layers", "categories"] = "ops") -> pandas.DataFrame:
        """One row a call, a module or a category, with the fields of report.json. Raises UsageError on another name."""
        from effprof.report.tables import data_frame

        return data_frame(self, table)

    def plot_decomposition(self, ax: Axes | None = None) -> Axes:
        """Draw where the time goes as one bar; on a new figure (`.figure` of the result) when `ax` is None.

        Raises UsageError when nothing was timed.
        """
        from effprof.report.chart import plot_decomposition

        return plot_decomposition((self,), ax)

    def text(self, *, paper_categories: bool = False) -> str:
        """The terminal summary, 80 columns wide, without colour."""
        from effprof.report.text import TextStyle, render_text

        return render_text(self, TextStyle(), paper_categories=paper_categories)

    def _repr_html_(self) -> str:
        from effprof.report.html import render_html

        return render_html(self).decode()
