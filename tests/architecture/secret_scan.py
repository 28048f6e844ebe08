"""Looks for secrets in every tracked file: private keys, keys of clouds, passwords in URLs, tokens.

``python tests/architecture/secret_scan.py`` prints FILE:LINE and the kind of each finding, never the secret itself, and
ends with 1 if there is one. A line that only looks like one carries the words `not a secret`.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXEMPT = "not a secret"
# a URL's password that is a placeholder of a shell or a format, or one of the words that stand for one in tests
PLACEHOLDER = re.compile(r"[\${}<*]|(?i:password|s3cr|hush|wrong|geheim\Z|secret\Z|pw\Z|admin\Z)")
TOKEN_CHARS = 40
TOKEN_BITS = 4.6  # a character: of English and of identifiers at most 4.3, of random base64 5 and more

KINDS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*\S"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[0-9A-Za-z]{36}\b|\bgithub_pat_[0-9A-Za-z_]{60,}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}"),
    "a PyPI token": re.compile(r"\bpypi-[0-9A-Za-z_-]{50,}"),
}
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"']*:([^\s@\"']+)@[\w.]")
_TOKEN = re.compile(rf"[A-Za-z0-9+/_=-]{{{TOKEN_CHARS},}}")


def findings(text: str) -> Iterator[tuple[int, str]]:
    """(line, kind) of each secret in a text."""
    for number, line in enumerate(text.splitlines(), start=1):
        if EXEMPT in line:
            continue
        for kind, pattern in KINDS.items():
            if pattern.search(f"{line}\n."):
                yield number, kind
        if any(not PLACEHOLDER.search(password) for password in _URL.findall(line)):
            yield number, "a password in a URL"
        if any(_random(token) for token in _TOKEN.findall(line)):
            yield number, "a token"


def _random(token: str) -> bool:
    """Whether a run of characters is random rather than words, a path or a checksum."""
    if not (re.search("[a-z]", token) and re.search("[A-Z]", token) and re.search("[0-9]", token)):
        return False
    shares = [number / len(token) for number in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares) >= TOKEN_BITS


def tracked(root: Path) -> list[Path]:
    """Text files under version control; without git, all that lie there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    names = [root / name for name in listed.stdout.split("\0") if name] if listed.returncode == 0 else root.rglob("*")
    return [path for path in names if path.is_file() and not path.is_symlink()]


def main(root: Path = ROOT) -> int:
    number = 0
    for path in tracked(root):
        data = path.read_bytes()
        if b"\0" in data[:8192]:
            continue
        for line, kind in findings(data.decode("utf-8", "replace")):
            number += 1
            print(f"{path.relative_to(root)}:{line}: {kind}")
    return 1 if number else 0


if __name__ == "__main__":
    sys.exit(main())
