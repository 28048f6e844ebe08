"""`screen audit replay`: does scoring again give what is on record?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.by_option import by_option
from cli.device_option import device_option
from cli.finite import FiniteRange

if TYPE_CHECKING:
    from cli.replaying import Replay


@click.command("replay")
@click.argument("target", metavar="BATCH|IMAGE")
@click.option("--file", type=click.Path(), help="Read the bytes of IMAGE here instead of at the recorded place.")
@click.option(
    "--tolerance",
    type=FiniteRange(0, 1),
    default=0.0001,
    show_default=True,
    help="A probability may differ by so much, as by another engine; the outcome may not.",
)
@device_option
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(target: str, file: str | None, tolerance: float, device: str, actor: str, as_json: bool) -> int:
    """Score the screened images of BATCH again, or one IMAGE, with the recorded weights, and compare.

    The file must have the recorded SHA-256, and the model version the recorded weights, calibration and limit. IMAGE is
    a file, its path as submitted, or its number on the audit chain. Exit code 0: all as recorded, or within the
    tolerance with the same outcomes; 1: some images could not be scored again; 4: other weights, calibration or limit;
    5: the record does not hold.

    \b
    Example:
      screen audit replay 20261121-093000-1f2e3d
      screen audit replay 4711 --file from-the-archive/lesion.jpg
    """
    from contextlib import closing
    from decimal import Decimal

    from cli import output
    from cli.exit_codes import ExitCode
    from cli.replay_targets import find_target
    from cli.replaying import Replay
    from models.errors import ProofBroken, UsageFault
    from storage.migrate import open_database
    from storage.paths import to_location
    from storage.replay import note
    from storage.settings import from_environment
    from worker import device as devices
    from worker import networks

    settings = from_environment()
    devices.apply(devices.resolve(device))
    with closing(open_database(settings)) as database:
        with database.snapshot() as session:
            meant = find_target(session, target)
        if meant.whole_batch and file is not None:
            raise UsageFault("--file gives the bytes of one IMAGE; expected its number or its path, received a batch")
        if meant.open_batch:
            output.talk("Warning: the batch is not complete; what is not yet screened is not replayed.")
        done = Replay(Decimal(str(tolerance)))
        loaded = networks.Networks(settings.home, networks.load_network)
        done.run(meant, database, settings, loaded, file and to_location(file))
        found = done.as_json(meant)
        if as_json:
            output.data_json(found)
        else:
            _show(found)
        _say(done)
        only = meant.batch_ids[0] if len(meant.batch_ids) == 1 else None
        with database.write() as session:
            note(session, only, done.facts(meant, actor))
    if done.broken:
        more = f" (and {len(done.broken) - 1} more images)" if len(done.broken) > 1 else ""
        raise ProofBroken(
            f"the record does not hold: {done.broken[0]}{more}; `screen audit verify` says whether the chain does"
        )
    return ExitCode.DONE_WITH_REJECTS if done.counts["not_replayable"] else ExitCode.DONE


def _show(found: dict[str, Any]) -> None:
    from cli import output

    output.data(f"images         {found['images']}")
    output.data(f"replayed       {found['replayed']}: {found['identical']} identical, {found['different']} different")
    output.data(f"not replayable {found['not_replayable']}")
    output.data(f"outcomes       {found['outcomes_changed']} changed")
    output.data(f"difference     {found['largest_difference']} at most")
    for when, name in (("then", "recorded"), ("now", "now")):
        output.data(f"{when:<14} {'; '.join(f'{key}: {value}' for key, value in found[name].items())}")
    if found["images_differing"]:
        columns = ["image", "file", "recorded", "now", "difference", "outcome_recorded", "outcome_now", "why"]
        rows = [[str(item[column] or "") for column in columns] for item in found["images_differing"]]
        output.table("Different from the record", columns, rows)
    if found["images_not_replayable"]:
        columns = ["image", "file", "reason"]
        rows = [[str(item[column]) for column in columns] for item in found["images_not_replayable"]]
        output.table("Not replayable", columns, rows)


def _say(done: Replay) -> None:
    """What the numbers mean, for a person; ids and no names, since stderr is kept in logs."""
    from cli.output import talk

    counts = done.counts
    if not counts["images"]:
        talk("No image of this batch was screened: there is nothing to replay.")
    if counts["not_replayable"]:
        talk(f"Images that could not be scored again: {counts['not_replayable']} of {counts['images']}, with reasons.")
    if counts["different"] and not done.broken:
        talk(
            f"{counts['different']} of {counts['replayed']} images differ within the tolerance {done.tolerance}, all "
            f"with the outcome on record. Why they may: {done.differing[0]['why']}."
        )
