"""Edits of one network measured against it, alone and combined. This file stays empty of torch: commands import from
the room to start measuring processes."""
