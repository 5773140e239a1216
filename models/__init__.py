"""The zoo: networks of the survey as compact code to study and to profile, one file a family.

The table imports no torch: a network names its constructor as `file:callable`, and the file is imported when the
network is built. Weights are random.
"""

from .network import FAMILIES, Network, Paper
from .table import ALIASES, NETWORKS

__all__ = ["ALIASES", "FAMILIES", "NETWORKS", "Network", "Paper"]
