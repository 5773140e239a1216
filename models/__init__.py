"""The zoo: networks of the survey as compact code to study and to profile, one file a family.

The table imports no torch: a network names its constructor as `file:callable`, and the file is imported when the
network is built. Weights are random.
"""

from .counts import COUNTS
from .network import FAMILIES, Network, Paper
from .table import ALIASES, NETWORKS

__all__ = ["ALIASES", "COUNTS", "FAMILIES", "NETWORKS", "Network", "Paper"]
