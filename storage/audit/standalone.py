"""Verifies an exported audit trail of dermscreen: python FILE EXPORT [--key PUBLICKEY] [--head SIZE:HASH].

For whoever does not trust the site: best with the public key that it told at its beginning and with the sizes and heads
that its reports print. Needs `cryptography` and nothing else. Exit code 5: the trail does not hold; 2: not verified.
The chain: hash = SHA-256("dermscreen audit 1\\n" || decimal sequence number || "\\n" || previous hash ||
SHA-256(text)). A checkpoint: a line of JSON (RFC 8785) signed with Ed25519 (RFC 8032) over "dermscreen checkpoint 1\\n"
and its text without the signature; `previous` is the SHA-256 of the checkpoint before it.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CHAIN_DOMAIN, SIGNED_DOMAIN = b"dermscreen audit 1\n", b"dermscreen checkpoint 1\n"
GENESIS, KEY_EVENT = "0" * 64, "audit.key"
BEGIN, CHECKPOINT, RESTORING = "begin", "checkpoint", "restoring"  # the kinds of lines


class Broken(Exception):
    """The trail does not hold; the text says where."""


@dataclass(frozen=True)
class Line:
    """One signed line: at a time the chain had ``size`` events, the last with the hash ``head``."""

    text: str
    at: str
    head: str
    key: str
    kind: str
    origin: str  # hash of event 1
    previous: str
    signature: str
    size: int
    kept: int = 0  # of a restore: earlier checkpoints up to this size still hold
    replaced_size: int = 0  # and the end of the chain that it replaced
    replaced_head: str = GENESIS

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return f"the checkpoint of {self.at} ({self.size} events)"


@dataclass
class Chain:
    """What checkpoints are held against."""

    length: int = 0
    head: str = GENESIS
    origin: str = GENESIS
    hashes: dict[int, str] = field(default_factory=dict)  # of the events whose numbers were asked for
    keys: dict[str, str] = field(default_factory=dict)  # id -> public key, of those that events name
    logs: list[tuple[int, str, str]] = field(default_factory=list)  # event, key, first line of its checkpoints

    def take_key(self, seq: int, body: str) -> None:
        """Note the key that an event names, if it does."""
        told = json.loads(body) if KEY_EVENT in body else {}
        if told.get("event") == KEY_EVENT:
            key = key_id(told["public"])
            self.keys[key] = told["public"]
            self.logs.append((seq, key, told["log"]))

    def holds(self, size: int, head: str) -> bool:
        return (self.hashes.get(size) if size else GENESIS) == head


@dataclass(frozen=True)
class Found:
    """What was verified: checkpoints that hold, the events that they cover, and what a reader ought to know."""

    checkpoints: int
    covered: int
    keys: list[str]
    notes: list[str]


def key_id(public: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key (raw, 32 bytes)."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]


def canonical(fields: dict[str, Any]) -> str:
    """RFC 8785 of what a line holds: ASCII keys, text, whole numbers."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def signed_bytes(fields: dict[str, Any]) -> bytes:
    """What the signature of a line is over."""
    return SIGNED_DOMAIN + canonical({key: fields[key] for key in fields if key != "signature"}).encode()


def parse(text: str) -> Line:
    """A line as it stands in the file. Raises Broken when it is none."""
    try:
        fields = json.loads(text)
        line = Line(text, **fields)
        kinds = {"size": int, "kept": int, "replaced_size": int}
        if all(type(fields[name]) is kinds.get(name, str) for name in fields) and canonical(fields) == text:
            return line
    except (ValueError, TypeError):
        pass
    raise Broken(f"a line of the checkpoints is none or was changed: {text[:60]!r}")


def sizes(lines: Iterable[Line]) -> set[int]:
    """The numbers of the events whose hashes the check of these lines needs."""
    return {number for line in lines for number in (line.size, line.replaced_size)} - {0}


def order(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines in any order, each with the one that it names before it. Raises Broken where one is missing."""
    unique = {line.digest: line for line in lines}
    after: dict[str, Line] = {}
    for line in unique.values():
        if line.previous != GENESIS:
            if line.previous not in unique:
                raise Broken(f"{line} names one before it that is missing: checkpoints were removed")
            if line.previous in after:
                raise Broken(f"{line} and another one follow the same: checkpoints were cut off")
            after[line.previous] = line
    logs = [[line] for line in unique.values() if line.previous == GENESIS]
    for log in logs:
        while following := after.get(log[-1].digest):
            log.append(following)
    return logs


def check(
    logs: list[list[Line]], chain: Chain, pinned: Sequence[str] = (), heads: Iterable[tuple[int, str]] = ()
) -> Found:
    """Hold checkpoints and noted heads against a chain whose links hold. ``pinned``: the only keys that count."""
    for log in logs:
        _check_signatures(log, chain, pinned)
    begun = {log[0].digest for log in logs}
    for seq, key, log_id in chain.logs:
        if log_id not in begun and any(key == log[0].key for log in logs):
            raise Broken(f"event {seq} names checkpoints of key {key} that are not here: they were removed")
    history = [line for log in logs for line in _of_this_history(log, chain)]
    restores = [line for line in history if line.kind == RESTORING and chain.holds(line.size, line.head)]
    held = [line for line in history if not any(line.at < one.at and line.size > one.kept for one in restores)]
    for size, head in heads:
        if not chain.holds(size, head):
            raise Broken(f"the chain does not hold the noted head of {size} events: cut off or changed")
    _check_history(held, chain)
    covered = max((line.size for line in held), default=0)
    notes = [
        f"a backup was restored at {line.at}; {line.replaced_size - line.kept} events may have been set aside"
        for line in restores
    ]
    if chain.length > covered:
        notes.append(f"events {covered + 1} to {chain.length} are newer than the newest checkpoint")
    return Found(len(held) - len(logs), covered, sorted({line.key for log in logs for line in log}), notes)


def _of_this_history(log: list[Line], chain: Chain) -> Iterator[Line]:
    """The lines that have to hold now: not those that a restore set aside, nor a restore that never took place."""
    kept: int | None = None
    for line in reversed(log):
        if kept is not None and line.size > kept:
            continue
        if line.kind == RESTORING:
            if not chain.holds(line.size, line.head) and chain.holds(line.replaced_size, line.replaced_head):
                continue  # its transaction never ended
            kept = line.kept
        yield line


def _check_signatures(log: list[Line], chain: Chain, pinned: Sequence[str]) -> None:
    known = {key_id(public): public for public in pinned} or chain.keys
    for before, line in zip([log[0], *log], log, strict=False):
        if line.key not in known:
            if not pinned:
                _check_history(log, chain)  # the event that named the key may be gone with others
            whom = "is not the one that was given" if pinned else "is named by no event of the chain"
            raise Broken(f"{line} is signed with key {line.key}, which {whom}: the key was replaced")
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(known[line.key]))
            public.verify(bytes.fromhex(line.signature), signed_bytes(json.loads(line.text)))
        except (InvalidSignature, ValueError):
            raise Broken(f"{line} was changed: its signature does not hold") from None
        if line.key != before.key and not pinned:
            told = f"{line} is signed with key {line.key}, those before it with {before.key}"
            raise Broken(f"{told}: the key was replaced; if that was meant, verify with both public keys (--key)")


def _check_history(lines: Iterable[Line], chain: Chain) -> None:
    """Raise Broken with the first place where the chain is not the one that was signed."""
    good = 0
    for line in sorted(lines, key=lambda line: line.size):
        if chain.length < line.size:
            raise Broken(
                f"the audit chain ends with event {chain.length}: {line} was made of {line.size}; event "
                f"{chain.length + 1} and those behind it were cut off, or an older copy of the database put there"
            )
        if line.size and line.origin != chain.origin:
            raise Broken(f"event 1 is not the one that {line} was made of: another database, or all computed anew")
        if not chain.holds(line.size, line.head):
            raise Broken(
                f"events {good + 1} to {line.size} are not those that {line} was made of: one of them was changed and "
                "all hashes behind it were computed anew, or another history was put in its place"
            )
        good = line.size


def link_hash(seq: int, previous: str, body: str) -> str:
    """The hash of one link of the chain."""
    inner = hashlib.sha256(body.encode()).digest()
    return hashlib.sha256(CHAIN_DOMAIN + f"{seq}\n".encode() + bytes.fromhex(previous) + inner).hexdigest()


def walk(events: Iterable[dict[str, Any]], wanted: set[int]) -> Chain:
    """Verify exported events link by link. Raises Broken naming the first that does not hold."""
    chain = Chain()
    for event in events:
        seq, expected = event["seq"], chain.length + 1
        if seq != expected:
            raise Broken(f"audit event {expected} is missing or out of order: event {seq} stands in its place")
        if event["previous"] != chain.head:
            raise Broken(f"audit event {seq} does not follow the one before it: inserted or replaced")
        if link_hash(seq, chain.head, event["body"]) != event["hash"]:
            raise Broken(f"audit event {seq} was changed after it was written")
        chain.length, chain.head = seq, event["hash"]
        chain.origin = event["hash"] if seq == 1 else chain.origin
        if seq in wanted:
            chain.hashes[seq] = event["hash"]
        chain.take_key(seq, event["body"])
    return chain


def verify_export(
    path: Path, others: Iterable[Line] = (), pinned: Sequence[str] = (), heads: Sequence[tuple[int, str]] = ()
) -> tuple[Chain, Found]:
    """Verify an export: first its checkpoints, then its events, read once and never all in memory. Raises Broken."""
    lines, first = list(others), []
    with path.open(encoding="utf-8", newline="\n") as file:
        try:
            for value in map(json.loads, file):
                if "checkpoint" not in value:
                    first.append(value)
                    break
                lines.append(parse(canonical(value["checkpoint"])))
            if not lines:
                raise Broken("the export holds no checkpoint: nothing shows that its end was not cut off")
            logs = order(lines)
            chain = walk(itertools.chain(first, map(json.loads, file)), sizes(lines) | {size for size, _ in heads})
            return chain, check(logs, chain, pinned, heads)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(f"the export cannot be read to its end: {type(error).__name__}: {error}") from error


def noted_head(text: str) -> tuple[int, str]:
    """``SIZE:HASH`` as it stands in reports. Raises ValueError."""
    size, _, head = text.partition(":")
    return int(size), public_key(head)


def public_key(text: str) -> str:
    """A public key (or a hash) as 64 hexadecimal digits. Raises ValueError."""
    if len(bytes.fromhex(text)) != 32:
        raise ValueError(text)
    return text.lower()


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an exported audit trail of dermscreen.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--key", action="append", default=[], type=public_key, help="public key, 64 hex digits")
    parser.add_argument("--checkpoints", action="append", default=[], type=Path, help="further checkpoints")
    parser.add_argument("--head", action="append", default=[], type=noted_head, help="SIZE:HASH out of a report")
    given = parser.parse_args()
    try:
        texts = [path.read_text("utf-8").splitlines() for path in given.checkpoints]
        if not all(texts):  # a wrong file must not look like one that agrees
            raise ValueError("--checkpoints: there are none in one of the files")
        chain, found = verify_export(given.export, map(parse, itertools.chain(*texts)), given.key, given.head)
    except (Broken, OSError, ValueError) as error:
        sys.stderr.write(f"{'NOT INTACT' if isinstance(error, Broken) else 'not verified'}: {error}\n")
        return 5 if isinstance(error, Broken) else 2
    told = f"intact: {chain.length} events, {found.checkpoints} checkpoints of key {', '.join(found.keys)}"
    sys.stdout.write("\nnote: ".join([told, *found.notes]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
