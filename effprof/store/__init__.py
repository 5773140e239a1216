"""Saved results: versioned JSON, files that are whole or absent, and the folders they go to. Torch-free."""

from __future__ import annotations

from effprof.store.files import read_at_most, write_atomically
from effprof.store.folders import (
    DEVICE_FILE_START,
    OUR_FILES,
    PROFILE_JSON,
    claim_file,
    claim_folder,
    find_profile,
    folder_name,
    model_folders,
)
from effprof.store.profile_json import dumps_profile, loads_profile, read_profile
from effprof.store.sweep_json import dumps_sweep, loads_sweep, read_sweep

__all__ = [
    "DEVICE_FILE_START",
    "OUR_FILES",
    "PROFILE_JSON",
    "claim_file",
    "claim_folder",
    "dumps_profile",
    "dumps_sweep",
    "find_profile",
    "folder_name",
    "loads_profile",
    "loads_sweep",
    "model_folders",
    "read_at_most",
    "read_profile",
    "read_sweep",
    "write_atomically",
]
