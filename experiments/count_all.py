"""Does every classification network of torchvision, pytorchcv and timm count, and is the total right?

    python experiments/count_all.py [--provider timm] [--only 'resnet*'] [--jobs 2] [--output counts.csv]

For each network, as `effprof count` does it: built and followed on meta tensors (batch of 2), its mult_adds, the
operators that no table knows, whatever was printed on the way; beside it half of torch's flop counter on meta, and
with --one-pass the count of one real pass on the CPU (slow for the largest).

Left out, unless --all: networks of torchvision that are no classifiers, networks of pytorchcv whose output is not
(N, classes), networks of timm above 100 M parameters. Each network has a process of its own, so that one that crashes
or hangs is a line and memory stays bounded. Prints every network that failed, differs, has uncosted operators or made
torch print something, then totals; exit 1 if there is any.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from count_one import Row, look_at
from fresh import DiedError, in_fork
from results import append_row

from effprof import zoo
from effprof.errors import UnavailableError

PROVIDERS = ("zoo", *zoo.PROVIDERS)
# Imported once, by the process that all others are forked from.
PRELOADED = [*zoo.PROVIDERS, "pytorchcv.model_provider", "effprof.measure.named"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--provider", nargs="+", choices=PROVIDERS, default=PROVIDERS, help="default: all of them")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names that match, as in a shell")
    parser.add_argument("--all", action="store_true", help="leave nothing out")
    parser.add_argument("--one-pass", action="store_true", help="also count from one real pass")
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time (default: 1)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one network (default: 300)")
    parser.add_argument("--output", type=Path, metavar="FILE.csv", help="a row for each network")
    args = parser.parse_args()
    try:
        names = [name for provider in args.provider for name in names_of(provider, args.only)]
    except UnavailableError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    look = partial(look_at, leave_out=not args.all, one_pass=args.one_pass)
    if args.output is not None:
        args.output.unlink(missing_ok=True)
    rows = []
    for row in in_processes(look, names, args.jobs, args.timeout):
        rows.append(row)
        if args.output is not None:
            append_row(args.output, row)
        if not row.is_fine:
            show_progress("")
            print(as_line(row), flush=True)
        show_progress(f"{len(rows)}/{len(names)} {row.name}")
    show_progress("")
    print_totals(rows)
    sys.exit(not all(row.is_fine for row in rows))


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def names_of(provider: str, pattern: str) -> list[str]:
    if provider == "zoo":
        return fnmatch.filter([entry.name for entry in zoo.table()], pattern)
    return [f"{provider}:{name}" for name in fnmatch.filter(zoo.provider_names(provider), pattern)]


# ------------------------------------------------------------------------------------------------------- processes


def in_processes(look: Callable[[str], Row], names: Sequence[str], jobs: int, timeout_s: float) -> Iterator[Row]:
    """A row for each name, in their order; each found in a process of its own."""

    def one(name: str) -> Row:
        try:
            return in_fork(look, name, preloaded=PRELOADED, timeout_s=timeout_s)
        except DiedError as error:
            return Row(name=name, status="failed", reason=str(error))

    with ThreadPoolExecutor(jobs) as threads:
        yield from threads.map(one, names)


# ---------------------------------------------------------------------------------------------------------- totals


def as_line(row: Row) -> str:
    if row.status == "failed":
        return f"FAILED {row.name}: {row.reason}"
    found = {"torch": row.torch_mult_adds, "one pass": row.one_pass_mult_adds} if row.differs else {}
    said = [f"{who} {count:,}" for who, count in found.items() if count is not None]
    said += [f"uncosted {row.uncosted_ops}"] if row.uncosted_ops else []
    said += [f"printed {row.printed}"] if row.printed else []
    return f"look   {row.name}: {row.mult_adds:,}; {'; '.join(said)}"


def print_totals(rows: Sequence[Row]) -> None:
    counted = [row for row in rows if row.status == "counted"]
    compared = [row for row in counted if row.torch_mult_adds is not None]
    for provider in PROVIDERS:
        own = [row for row in rows if provider == (row.name.partition(":")[0] if ":" in row.name else "zoo")]
        if own:
            by_status = Counter(row.status for row in own)
            print(f"{provider:<12}" + ", ".join(f"{by_status[s]} {s}" for s in ("counted", "failed", "skipped")))
    print(f"equal to half of torch's flop counter: {sum(not row.differs for row in compared)} of {len(compared)}")
    print(f"that look at values, and count by --run only: {sum(row.built_on == 'one real pass' for row in counted)}")
    print(f"with an uncosted operator: {sum(bool(row.uncosted_ops) for row in counted)}")


if __name__ == "__main__":
    main()
