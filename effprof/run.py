"""`python -m effprof.run ...` is `effprof run ...`."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # `-m` puts the current directory first on the path: a statistics.py of the user's there would be ours.
    sys.path[:] = sys.path[1:]
    from effprof.cli import main

    sys.exit(main(["run", *sys.argv[1:]]))
