"""How well do multiply-adds explain latency, and what does it take to do better?

    EFFPROF_DATA=DATA python experiments/flops_are_not_latency.py [--only gpu|arm|zoo] [--explore]
    python experiments/flops_are_not_latency.py --latencies FILE.csv [--as cpu|gpu|arm] [--output-dir FOLDER]

On published latencies of GPUs and ARM devices, and on the zoo as `latency_zoo.py` measured it. For each device:
runtime ~ mult_adds, ~ mult_adds + access_bytes, ~ five features, and a per-op roofline, each with its error on
networks that were left out of the fit, and its ranking of them. FILE.csv has the columns device, model, batch,
median_ms and, if wanted, img_size; models are names of the zoo, of torchvision, or LIBRARY:NAME.
Writes tables, charts and a JSON file for each device to reports/flops-are-not-latency/ or --output-dir.
All of it takes about ten minutes on two cores; --explore, which compares the formulas again on the tables that the
choice rests on, as much again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from latency_candidates import arm_candidates, gpu_candidates
from latency_networks import NCNN, NCNN_LEFT_OUT, ncnn_ops
from latency_report import Study, write
from latency_tables import GPU_BATCH, arm_latencies, gpu_latencies, latency_folder
from latency_zoo import measured_folders, zoo_study
from results import write_rows

from effprof.analyze.regression import Latencies, Networks, arm_roofline, gpu_roofline
from effprof.analyze.regression_checks import works_of
from effprof.analyze.regression_study import judge_latencies
from effprof.errors import EffprofError
from effprof.latencies import KINDS, Kind, count_table, read_latencies, regression_of
from effprof.latencies.networks import costed_ops, count_networks

REPORT = Path(__file__).parents[1] / "reports" / "flops-are-not-latency"
NO_DEPTHWISE = "GTX 1080 Ti and TITAN V hold 15 networks, none with a depthwise or grouped convolution."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("gpu", "arm", "zoo"))
    parser.add_argument("--explore", action="store_true")
    parser.add_argument("--latencies", type=Path, metavar="FILE.csv")
    parser.add_argument("--as", dest="kind", choices=KINDS, default="gpu", help="formula for --latencies")
    parser.add_argument("--output-dir", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        folder = args.output_dir or (None if args.latencies else REPORT)
        if args.latencies:
            studies = [user(args.latencies, args.kind)]
        else:
            studies = all_studies(args.only, args.explore, args.output_dir or REPORT)
        for study in studies:
            print("\n".join(study.lines()), flush=True)
        if folder:
            write(folder, studies)
    except EffprofError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def all_studies(only: str | None, explore: bool, folder: Path) -> list[Study]:
    studies = [] if only == "zoo" else published(only, explore, folder)
    if only in (None, "zoo"):
        studies += [zoo_study(measured) for measured in measured_folders(REPORT)]
    return studies


def published(only: str | None, explore: bool, folder: Path) -> list[Study]:
    latency_folder()
    studies = []
    candidates = []
    if only != "arm":
        latencies = gpu_latencies()
        names = sorted({name for of_device in latencies.values() for name in of_device})
        networks = {name: works_of(costed_ops(f"torchvision:{name}", GPU_BATCH)) for name in names}
        notes = (f"torchvision networks, fp32 inference, batch {GPU_BATCH}, 224 px. {NO_DEPTHWISE}",)
        table = "torchvision_gpu_steps.csv"
        studies.append(Study("gpu", judge_latencies(table, networks, latencies, gpu_roofline(), notes=notes)))
        candidates += gpu_candidates(networks, latencies) if explore else []
    if only != "gpu":
        networks = {name: works_of(ncnn_ops(name), fused=True) for name in NCNN}
        history = arm_latencies(history=True)
        for name, latencies in (("arm", arm_latencies(history=False)), ("arm-history", history)):
            table = "ncnn_benchmark_history.csv.gz" if latencies is history else "ncnn_benchmark.csv"
            notes = arm_notes(networks, latencies)
            studies.append(Study(name, judge_latencies(table, networks, latencies, arm_roofline(), notes=notes)))
        candidates += arm_candidates(networks, history) if explore else []
    if candidates:
        folder.mkdir(parents=True, exist_ok=True)
        write_rows(folder / "candidates.csv", candidates)
    return studies


def arm_notes(networks: Networks, latencies: Latencies) -> tuple[str, ...]:
    left_out = "; ".join(f"{names} ({why})" for names, why in NCNN_LEFT_OUT.items())
    return (
        f"arm64, one thread, floating point, batch 1: {len(latencies)} devices with at least 10 of the {len(networks)} "
        "networks that can be counted here; one device and kind of core counts as one. Networks as ncnn runs them: "
        "batch-norms folded, ReLUs inside the op before them.",
        f"Left out: {left_out}.",
    )


def user(path: Path, kind: Kind) -> Study:
    return Study("latencies", regression_of(count_table(read_latencies(path), kind, count_networks), kind))


if __name__ == "__main__":
    main()
