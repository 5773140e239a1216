"""What the C library's allocator does to a network's latency: page faults and medians, default against steady.

    python experiments/page_faults.py [--models mobilenetv2 shufflenetv2 resnet50] [--rounds 3] [--threads 1]

Each row is measured in fresh processes (`--rounds`), as `effprof run --malloc ...` does.
"""

from __future__ import annotations

import argparse

from effprof.analyze import analyze
from effprof.measure.processes import measure_rounds
from effprof.records import RunSpec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["mobilenetv2", "shufflenetv2", "resnet50"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    print(f"{'network':<16}{'malloc':<9}{'faults a run':>13}{'latency ms':>12}{'95 % interval':>20}  notes")
    for model in args.models:
        for malloc in ("default", "steady"):
            spec = RunSpec(model, malloc=malloc, rounds=args.rounds, threads=args.threads)
            analysis = analyze(measure_rounds(spec, lambda text, share: None))
            latency = analysis.latency
            assert latency is not None
            low, high = latency.ci95_s
            noted = [note.code for note in analysis.notes if note.code == "page-faults"]
            print(
                f"{model:<16}{malloc:<9}{latency.page_faults_per_run or 0:>13.0f}{1e3 * latency.median_s:>12.2f}"
                f"{f'{1e3 * low:.2f} to {1e3 * high:.2f}':>20}  {' '.join(noted)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
