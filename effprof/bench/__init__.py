"""The four experiments of the ShuffleNetV2 paper as tiny networks, timed side by side on the device at hand."""
