"""What the ShuffleNetV2 paper printed in figure 2 and table 8 (Ma et al., ECCV 2018), as copied into `paper_data/`.

Tables 1 to 4 come with effprof itself (`effprof/guidelines/paper_tables`). Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from results import read_rows

FOLDER = Path(__file__).parent / "paper_data"
CITED = "Ma et al., ShuffleNet V2, ECCV 2018 (arXiv:1807.11164)"
GPU, ARM = "GTX 1080 Ti", "Snapdragon 810"
"""The paper's two devices (its section 2)."""
PARTS = ("Conv", "Elemwise", "Data", "Shuffle", "Other")
"""Figure 2's five, in its order."""
SPLIT_NETWORKS = {"ShuffleNet v1": "shufflenetv1_g3", "MobileNet v2": "mobilenetv2"}
"""Figure 2's networks and ours."""
NETWORKS = {
    "ShuffleNet v2 0.5x (ours)": "shufflenetv2_0.5",
    "ShuffleNet v2 1x (ours)": "shufflenetv2",
    "ShuffleNet v2 1.5x (ours)": "shufflenetv2_1.5",
    "ShuffleNet v2 2x (ours)": "shufflenetv2_2",
    "0.25 MobileNet v1": "mobilenetv1_0.25",
    "0.5 MobileNet v1": "mobilenetv1_0.5",
    "0.75 MobileNet v1": "mobilenetv1_0.75",
    "1.0 MobileNet v1": "mobilenetv1",
    "1.0 MobileNet v2": "mobilenetv2",
    "1.4 MobileNet v2": "mobilenetv2_1.4",
    "ShuffleNet v1 0.5x (g=3)": "shufflenetv1_g3_0.5",
    "ShuffleNet v1 1x (g=3)": "shufflenetv1_g3",
    "ShuffleNet v1 1.5x (g=3)": "shufflenetv1_g3_1.5",
    "ShuffleNet v1 2x (g=3)": "shufflenetv1_g3_2",
}
"""Table 8's networks whose width rule is published, and ours; all others are left out by name."""


@dataclass(frozen=True, kw_only=True)
class PrintedShare:
    """One segment of figure 2."""

    model: str
    platform: Literal["GPU", "ARM"]
    category: str
    runtime_share_percent: float
    source: str


@dataclass(frozen=True, kw_only=True)
class PrintedNetwork:
    """One line of table 8. The speed of the GPU is in batches of 8 images, that of the ARM processor in images."""

    complexity_level_mflops: str
    family: str
    model: str
    input_size_px: int
    complexity_mflops_multiply_adds: float
    gpu_speed_batches_per_s: float | None = None
    gpu_batch_size: int | None = None
    arm_speed_images_per_s: float | None = None
    arm_batch_size: int | None = None
    source: str

    @property
    def why_left_out(self) -> str | None:
        """None for a network that is rebuilt here."""
        if self.model in NETWORKS:
            return None
        if "our impl." in self.model:
            return "the paper's own implementation, whose widths are not published"
        return "not in the zoo"


def shares_of(model: str, platform: str) -> dict[str, float]:
    """Fractions of the run time of a network of figure 2; a part it does not print is 0."""
    printed = {
        row.category: row.runtime_share_percent / 100
        for row in figure2()
        if (row.model, row.platform) == (model, platform)
    }
    return {part: printed.get(part, 0.0) for part in PARTS}


@cache
def figure2() -> Sequence[PrintedShare]:
    return tuple(read_rows(FOLDER / "figure2_decomposition.csv", PrintedShare))


@cache
def table8() -> Sequence[PrintedNetwork]:
    return tuple(read_rows(FOLDER / "table8_networks.csv", PrintedNetwork))
