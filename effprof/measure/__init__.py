"""From a network and a device to a Profile. This file stays empty of torch: commands import from the room to start
measuring processes."""
