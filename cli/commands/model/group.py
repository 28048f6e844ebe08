"""`screen model`."""

from __future__ import annotations

from cli.groups import group

command = group(
    "model",
    "Model versions: what screens, and how well it was measured.\n\n\b\nExample:\n  screen model show",
    ["list", "show", "check-data", "train", "evaluate", "register", "activate", "compare", "export", "import", "card"],
)
