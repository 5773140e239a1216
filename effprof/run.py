"""`python -m effprof.run ...` is `effprof run ...`."""

from __future__ import annotations

import sys

from effprof.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
