"""Which unit tests do not run in the userland, and why. The rule: what may come out otherwise on another processor or
another torch runs; what cannot, what `test_in_userland.py` does for real, and what only waits for processes to start
(seven seconds for each that imports torch) does not."""

from __future__ import annotations

LEFT_OUT = {
    "arm": "about the machine around the userland",
    "test_structure.py": "reads source text and builds a wheel: the same on every processor",
    "experiments": "scripts that make figures for the documentation",
    "zoo": "networks of other libraries, which are not installed there",
    "remote": "needs another machine; test_in_userland.py comes to this one by ssh",
    "test_main_job.py": "test_in_userland.py does the main job as a user starts it",
    "test_cli.py": "a process a command line; test_in_userland.py starts the commands",
}
"""Path below tests/ -> why."""
