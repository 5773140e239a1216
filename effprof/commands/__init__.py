"""One thin file a subcommand: its options and one call into the API. Importing one imports no torch."""

from __future__ import annotations

# Name on the command line -> (module in this folder, one line for --help).
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "time a network: latency, where the time goes, costs, charts"),
    "count": ("count", "multiply-adds, memory access and parameters, without running the network"),
    "guidelines": ("guidelines", "test on this device whether the four guidelines of ShuffleNetV2 hold"),
    "calibrate": ("calibrate", "measure what this device can do at best; `effprof run` holds every op against it"),
    "advise": ("advise", "try edits that leave the outputs as they are, and measure what each gains here"),
    "compare": ("compare", "compare two saved results: better, worse, same or inconclusive"),
    "import": ("import_trace", "the same report from a recorded torch.profiler trace of a GPU, without torch"),
    "render": ("render", "make the outputs again from a saved profile, without torch"),
    "cliffs": ("cliffs", "time a convolution at neighbouring widths, groups and batches: which are free"),
    "explain": ("explain", "what a finding means, why it costs, and when it does not matter"),
    "models": ("models", "list the networks that --model knows"),
    "devices": ("devices", "list the devices that --device knows, and why one is not available"),
}
