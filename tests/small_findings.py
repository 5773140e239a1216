"""Findings of `small_advice`'s network, one of each fate: confirmed, refuted, priced, open."""

from __future__ import annotations

from dataclasses import replace

from small_advice import small_advice

from effprof.advise.measured import with_measured_gains, with_prices
from effprof.advise.tasks import Priced
from effprof.finding_records import Finding, Found

NORM = Finding(
    "G4-batch-norm", "G4", "warn", ("stem.1", "stem.3"), "net.py:12", (("time_s", 1.04e-3), ("share", 0.1)),
    "2 batch-norms (stem.1, stem.3) could be part of the convolution before.", "Fold them into the convolutions.",
    True, "fold-batch-norm", 1.04e-3, "run",
)  # fmt: skip
PLACE = replace(
    NORM, code="G4-not-in-place", level="info", layers=("stem.2",), exact_edit="in-place", expected_gain_s=None,
    expected_from=None, text="1 activation (stem.2) writes to new memory.", edit="Run it in place.",
)  # fmt: skip
KERNEL = replace(
    NORM, code="kernel-large", guideline=None, layers=("stem.0",), exact=False, exact_edit=None,
    text="1 dense convolution (stem.0) with kernels of up to 7 x 7.", edit="A stack of 3 x 3 convolutions.",
)  # fmt: skip
SIBLINGS = replace(
    NORM, code="G3-siblings", guideline="G3", layers=("head.a", "head.b"), exact_edit="merge-siblings",
    expected_from="guidelines", text="2 convolutions (head.a, head.b) read the same tensor.", edit="Merge them.",
)  # fmt: skip


def small_found(model: str = "net") -> Found:
    measured = with_measured_gains((NORM, PLACE, KERNEL, SIBLINGS), small_advice())
    return Found(model, with_prices(measured, {2: Priced(0.5e-3, (0.4e-3, 0.6e-3))}), 0.0104)
