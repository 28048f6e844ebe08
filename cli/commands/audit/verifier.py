"""`screen audit verifier`: the program by which an outsider checks an export."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("verifier")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a file instead of stdout.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; needs --output.")
def command(output: Path | None, as_json: bool) -> None:
    """Write the program that verifies an exported trail: one Python file that needs `cryptography` and nothing else.

    Whoever runs it need not install dermscreen, and may read all of it first.

    \b
    Example:
      screen audit verifier --output verify_audit.py
      python verify_audit.py trail.jsonl --key PUBLICKEY
    """
    import hashlib

    from cli import output as out
    from cli.asked_file import asked_binary_file
    from models.errors import UsageFault
    from storage.audit import standalone

    source = Path(standalone.__file__).read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if output is None:
        if as_json:
            raise UsageFault("--json tells of a file: expected --output FILE, received none")
        out.data(source.decode().rstrip("\n"))
        return
    with asked_binary_file(output, "the verifier") as file:
        file.write(source)
    if as_json:
        out.data_json({"file": str(output), "sha256": digest})
    else:
        out.talk(f"Wrote {output} (SHA-256 {digest}).")
