"""`screen audit`."""

from __future__ import annotations

from cli.groups import group

command = group(
    "audit",
    "The audit trail: what happened to which image, in order.\n\n\b\nExample:\n  screen audit verify",
    ["verify", "export", "verifier", "replay"],
)
