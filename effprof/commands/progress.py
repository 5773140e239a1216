"""How far a measurement is, on stderr, with the time left; nothing where nobody watches."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from effprof.report.untrusted import printable

Report = Callable[[str, float], None]


def somebody_watches() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI")


@contextmanager
def progress_bar(name: str, quiet: bool) -> Iterator[Report]:
    """A bar for one network; it disappears when the network is done."""
    if quiet or not somebody_watches():
        yield lambda text, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[model]}", markup=False),
        BarColumn(bar_width=24),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0, model=printable(name)[:32])

        def report(text: str, share: float) -> None:
            bar.update(task, description=text, completed=min(share, 1.0))

        yield report
