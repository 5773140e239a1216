"""Are the totals right for every classification network of torchvision, and the same by `run` and by `count`?

    python experiments/count_all.py [--cpu]

For each network and for the zoo's own: our mult_adds from shapes alone, torch's flop counter on meta (half of it),
uncosted operators, and with --cpu the count from one real pass. Prints the networks that differ; exit 1 if any does.
"""

from __future__ import annotations

import argparse
import sys

import torch
from torch.utils.flop_counter import FlopCounterMode

from effprof import zoo
from effprof.analyze import analyze
from effprof.measure.named import count_by_name, load_on_meta
from effprof.records import RunSpec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="also count from one real pass (slow for the largest)")
    args = parser.parse_args()
    torch.set_num_threads(2)
    names = [entry.name for entry in zoo.table()] + [f"torchvision:{name}" for name in classification_names()]
    different = 0
    for name in names:
        totals = analyze(count_by_name(RunSpec(name), run=False, with_crosscheck=False)).totals
        found = {"ours": totals.mult_adds, "torch": with_torch(name)}
        if args.cpu:
            found["one pass"] = analyze(count_by_name(RunSpec(name), run=True, with_crosscheck=False)).totals.mult_adds
        agree = len(set(found.values())) == 1 and not totals.uncosted_ops
        different += not agree
        print(f"{'ok ' if agree else 'BAD'} {name:<40} {found['ours']:>16,}", end="")
        print("" if agree else f"  {found} {totals.uncosted_ops}", flush=True)
    print(f"{len(names)} networks, {different} different")
    sys.exit(1 if different else 0)


def classification_names() -> list[str]:
    import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))


def with_torch(name: str) -> int:
    loaded = load_on_meta(name)
    model = loaded.module.to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, *loaded.input_shapes[0], device="meta"))
    return int(counter.get_total_flops()) // 2


if __name__ == "__main__":
    main()
