"""`screen report`: what was found, for people, spreadsheets and programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from cli.utf8 import UTF8

if TYPE_CHECKING:
    from storage.counts import Counts
    from storage.database import Session
    from storage.report import ReportRow

    OverlayOf = Callable[[ReportRow], str | None]
    Trail = dict[str, str | int]  # the size and head of the audit chain, and the key of its checkpoints

FORMATS = ("csv", "json", "html")
SHOWN_BATCHES = 20  # equations on stderr; the batches beyond share one sum line


@click.command("report")
@click.argument("batches", nargs=-1, metavar="[BATCH]...", type=UTF8)
@click.option("--flagged/--all", "flagged", default=True, help="Flagged lesions (default), or every image.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="Default: what FILE ends in, and csv without one."
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a file instead of stdout.")
@click.option(
    "--receiver", metavar="NAME", type=UTF8, help="Who gets it; stands on the audit trail beside its SHA-256."
)
@click.option("--explain", is_flag=True, help="Show in an HTML report which part of a picture raised its score.")
def command(
    batches: tuple[str, ...], flagged: bool, format_: str | None, as_json: bool, output: Path | None,
    receiver: str | None, explain: bool,
) -> None:  # fmt: skip
    """Report the flagged lesions of each BATCH (default: of all batches), highest probability first.

    An HTML page has them batch by batch. With --all, every image that was handed in, each with its outcome or the
    reason why it was not scored.
    A file is written whole or not at all. Whoever takes a report out, as a file or on stdout, stands on the audit
    trail with its SHA-256.

    \b
    Example:
      screen report --output flagged.csv --receiver "Dr Jones, ward 3"
      screen report 20261121-093000-1f2e3d --all --output report.html
      screen report --json
    """
    from contextlib import closing

    from cli.sending import recorded
    from cli.unjudged import plural, report_command
    from storage.audit.checkpoints import end_of_trail
    from storage.counts import batch_ids, counts
    from storage.migrate import open_database
    from storage.settings import from_environment

    chosen = _format(format_, output, as_json=as_json)
    settings = from_environment()
    asked_as = report_command(batches)
    overlay_of: OverlayOf = _overlays(settings.home, chosen) if explain else lambda _: None
    # counts, rows and the end of the trail are of one moment, whatever is screened meanwhile
    with (
        closing(open_database(settings)) as database,
        recorded(database, receiver, _kind(flagged), chosen) as sent,
        database.snapshot() as session,
    ):
        total = [counts(session, batch_id) for batch_id in batch_ids(session, batches)]
        sent.batches = [item.batch for item in total]
        sent.trail = trail = end_of_trail(session, settings)

        def write(file: IO[str]) -> int:
            return _write(
                file, session, total, chosen, trail, flagged=flagged, overlay_of=overlay_of, asked_as=asked_as
            )

        if output is None:
            sent.to_stdout(write)
        else:
            sent.to_file(output, write)
            what = f"{plural(sent.rows, 'row')} of {chosen.upper()}"  # whatever the name ends in, as in .xlsx
            click.echo(f"Wrote {what} to {output} (SHA-256 {sent.sha256}).", err=True)
    _explain(total, batches, flagged=flagged)
    if trail["size"]:
        click.echo(f"Audit trail: {trail['size']}:{trail['head']}, key {trail['key'] or 'none yet'}.", err=True)


def _format(wanted: str | None, output: Path | None, *, as_json: bool) -> str:
    from models.errors import UsageFault

    if as_json:
        if wanted not in (None, "json"):
            raise UsageFault(f"--json and --format {wanted} exclude each other: expected one of them")
        return "json"
    if wanted is not None:
        return wanted
    suffix = output.suffix.lower().removeprefix(".") if output else ""
    return {"htm": "html"}.get(suffix, suffix) if suffix in (*FORMATS, "htm") else "csv"


def _kind(flagged: bool) -> str:
    return "flagged" if flagged else "all"


def _overlays(home: Path, format_: str) -> OverlayOf:
    """Gives the overlay of a row, or None where its picture is gone, changed or cannot be read now."""
    from base64 import b64encode

    from cli.explaining import Explainer
    from cli.html_report import OVERLAY_SIDE
    from cli.overlay import small_jpeg
    from models.errors import ImageRefused, PassingFault, UsageFault

    if format_ != "html":
        raise UsageFault(f"--explain needs --format html, received --format {format_}; `screen explain` writes files")
    explainer = Explainer(home)

    def overlay_of(row: ReportRow) -> str | None:
        try:
            look = explainer.look_at_row(row)
        except (ImageRefused, PassingFault):
            return None  # the word in the place of its thumbnail says why
        return "data:image/jpeg;base64," + b64encode(small_jpeg(look.picture, look.heat, OVERLAY_SIDE)).decode()

    return overlay_of


def _write(
    file: IO[str],
    session: Session,
    total: Sequence[Counts],
    format_: str,
    trail: Trail,
    *,
    flagged: bool,
    overlay_of: OverlayOf,
    asked_as: str,
) -> int:
    """Write the report row by row; returns how many rows."""
    from storage.report import rows, write_csv

    if format_ == "html":
        from cli.html_report import write_html
        from cli.progress import progress

        with progress("Pictures") as bar:
            return write_html(
                file, session, total, flagged_only=flagged, on_picture=bar.update, overlay_of=overlay_of, trail=trail,
                asked_as=asked_as,
            )  # fmt: skip
    found = rows(session, [item.batch for item in total], flagged_only=flagged)
    return write_csv(file, found) if format_ == "csv" else _write_json(file, total, found, trail)


def _write_json(file: IO[str], total: Sequence[Counts], found: Iterable[ReportRow], trail: Trail) -> int:
    """One JSON object, an image a line, so that a million images need no memory."""
    import json

    from storage.report import NOTICE

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    batches = [item.as_json() for item in total]
    file.write(f'{{"notice": {text(NOTICE)}, "audit": {text(trail)}, "batches": {text(batches)}, "images": [')
    number = 0
    for row in found:
        numbers = {
            "probability": row.probability,
            "threshold": row.threshold,
            "class_probability": row.most_probable[1] if row.most_probable else None,
            "classes": row.classes,
        }
        file.write(f"{',' if number else ''}\n{text(row.as_text() | numbers)}")
        number += 1
    file.write("\n]}\n")
    return number


def _explain(total: Sequence[Counts], named: Sequence[str], *, flagged: bool) -> None:
    """Say on stderr how the batches add up, and what the reader must not overlook."""
    from cli.output import talk
    from cli.unjudged import plural, warn_of_unjudged
    from storage.report import NOTICE

    if not total:
        talk("No batch yet. Hand one in with `screen submit FOLDER --wait`.")
    for item in total[:SHOWN_BATCHES]:
        talk(f"{item.batch}: {item.equation if item.state == 'complete' else _so_far(item)}")
    if rest := total[SHOWN_BATCHES:]:
        talk(f"{plural(len(rest), 'more batch', 'more batches')}: {_sum_equation(rest)}")
    for item in total:
        if item.state == "complete" and not item.adds_up:
            talk(f"Warning: the counts of batch {item.batch} do not add up; run `screen audit verify`.")
    if unfinished := [item for item in total if item.state != "complete"]:
        names = ", ".join(item.batch for item in unfinished[:SHOWN_BATCHES])
        more = f" and {len(unfinished) - SHOWN_BATCHES} more" if len(unfinished) > SHOWN_BATCHES else ""
        waiting = plural(sum(item.received - item.finished for item in unfinished), "image")
        talk(f"Warning: not complete, {waiting} not yet screened: {names}{more}. Report again when it is done.")
    warn_of_unjudged(total, named, all_shown=not flagged)
    talk(NOTICE)


def _so_far(item: Counts) -> str:
    return f"{item.equation.replace(' = ', ', of them ')}, {item.received - item.finished} still waiting"


def _sum_equation(total: Sequence[Counts]) -> str:
    received, screened, duplicate, rejected, failed, finished = (
        sum(getattr(item, name) for item in total)
        for name in ("received", "screened", "duplicate", "rejected", "failed", "finished")
    )
    parts = f"{screened} screened + {duplicate} duplicate + {rejected} rejected + {failed} failed"
    waiting = received - finished
    return (
        f"{received} received, of them {parts}, {waiting} still waiting"
        if waiting
        else f"{received} received = {parts}"
    )
