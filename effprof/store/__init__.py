"""Saved results: versioned JSON, files that are whole or absent, and the folders they go to. Torch-free."""

from __future__ import annotations

from effprof.store.files import write_atomically
from effprof.store.folders import (
    OUR_FILES,
    PROFILE_JSON,
    claim_file,
    claim_folder,
    find_profile,
    folder_name,
    model_folders,
)
from effprof.store.profile_json import dumps_profile, loads_profile, read_profile

__all__ = [
    "OUR_FILES",
    "PROFILE_JSON",
    "claim_file",
    "claim_folder",
    "dumps_profile",
    "find_profile",
    "folder_name",
    "loads_profile",
    "model_folders",
    "read_profile",
    "write_atomically",
]
