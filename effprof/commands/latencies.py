"""`effprof guidelines --latencies FILE.csv`: a table of whole networks, explained beside the guidelines."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from effprof.commands.progress import progress_bar
from effprof.errors import UsageError
from effprof.foreign import one_line
from effprof.remote.target import is_gpu
from effprof.settings import one_of

if TYPE_CHECKING:
    from effprof.analyze.regression_study import Regression
    from effprof.latencies import CountedTable, Kind

KINDS = ("cpu", "gpu", "arm")
_NAME = "latencies"


@dataclass(frozen=True)
class Latencies:
    """A table that was read and counted, and how it is to be explained."""

    counted: CountedTable
    kind: Kind
    quiet: bool = False

    def explain(self) -> Regression | None:
        """All formulas fitted, which takes some seconds; None when interrupted, for what was measured is to be kept.

        Raises UsageError for times that no formula can be fitted to.
        """
        from effprof.latencies import regression_of

        try:
            with progress_bar(_NAME, self.quiet) as progress:
                progress(f"fitting {len(self.counted.latencies)} devices", 0.0)
                return regression_of(self.counted, self.kind)
        except KeyboardInterrupt:
            return None
        except (ArithmeticError, RuntimeError, ValueError) as error:  # what the solvers raise
            said = one_line(str(error)).rstrip(".")
            raise UsageError(
                f"{self.counted.table.name} could not be fitted: {said}. Give measured medians, in milliseconds."
            ) from error


def add_latency_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("latencies of whole networks")
    group.add_argument(
        "--latencies", metavar="FILE.csv", type=Path,
        help="also say how well mult_adds, memory access and a roofline explain a table of device, model, batch, "
        "median_ms and, if wanted, img_size",
    )  # fmt: skip
    group.add_argument(
        "--latencies-as", metavar="{cpu,gpu,arm}", type=one_of("--latencies-as", KINDS),
        help="its devices run PyTorch on a CPU or a GPU, or are ARM cores with an inference engine that folds "
        "batch-norms and ReLUs (default: as --device)",
    )  # fmt: skip


def read_table(args: argparse.Namespace) -> Latencies | None:
    """What --latencies names, read and counted before anything is timed; None where nothing was asked for.

    Raises UsageError for a table that cannot be used.
    """
    if args.latencies is None:
        if args.latencies_as is not None:
            raise UsageError("--latencies-as needs --latencies: give the table it is about.")
        return None
    from effprof.latencies import count_table, read_latencies

    kind: Kind = args.latencies_as or ("gpu" if is_gpu(args.device) else "cpu")
    table = read_latencies(args.latencies)
    with progress_bar(_NAME, args.quiet) as progress:
        progress(f"counting {len(table.networks)} networks", 0.0)
        return Latencies(count_table(table, kind), kind, args.quiet)
