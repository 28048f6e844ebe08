"""What a probability was computed with, then and now, and why two of them may differ."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from storage.audit.origin import software
from worker import engine

NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Environment:
    """Texts as they stand in the audit events, "" for what is not recorded. ``host`` is that of the writer."""

    libraries: str = ""
    device: str = ""
    software: str = ""
    host: str = ""

    def shown(self) -> dict[str, str]:
        return {name: value or NOT_RECORDED for name, value in asdict(self).items()}


def recorded_environment(event: Mapping[str, Any]) -> Environment:
    """Of the body of an audit event."""
    return Environment(*(event.get(name, "") for name in ("libraries", "device", "software", "host")))


def present_environment() -> Environment:
    """Of this process; ask once the network is loaded, since only libraries that take part are named."""
    return Environment(engine.libraries(), engine.device(), software(), socket.gethostname())


def why_different(then: Environment, now: Environment) -> str:
    """Why scores of the same bytes by the same weights may differ, as far as the two environments tell."""
    changed = [*_other_libraries(then.libraries, now.libraries)]
    if then.device and then.device != now.device:
        changed.append(f"{then.device} then, {now.device} now (another processor adds up in another order)")
    unknown = [name for name in ("libraries", "device") if not getattr(then, name)]
    if changed:
        return f"another engine: {'; '.join(changed)}"
    if unknown:
        return f"the {' and the '.join(unknown)} of then are not recorded: whether another engine did it cannot be told"
    if then.host and then.host != now.host:
        return (
            f"the same libraries and kind of processor, on another machine ({then.host} then, {now.host} now), where "
            "TensorFlow may be set otherwise (TF_ENABLE_ONEDNN_OPTS)"
        )
    if then.software and then.software != now.software:
        return f"the same libraries and device, another release: {then.software} then, {now.software} now"
    return "the same libraries, device, machine and release: this should not be, and is a finding"


def _other_libraries(then: str, now: str) -> list[str]:
    """Those whose versions differ, of those named on both sides; or one that only one side worked with."""
    before, after = (dict(item.rsplit(" ", 1) for item in said.split(", ") if " " in item) for said in (then, now))
    if not before:
        return []
    return [
        f"{name} {before.get(name, 'not used')} then, {after.get(name, 'not used')} now"
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]
