"""Measuring on another machine through the user's own ssh.

Here: `target` (what `--device ssh://...` says), `connection` (ssh and frames on it), `client` (requests, and results
that are not trusted). There: `board`, which runs the measurement as `effprof run` does on its own machine.
"""
