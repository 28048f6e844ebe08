"""`screen erase`: a patient's images and names, on request."""

from __future__ import annotations

import click

from cli.by_option import by_option
from cli.utf8 import UTF8


@click.command("erase")
@click.option("--patient", metavar="ID", type=UTF8, help="The pseudonym of a manifest; - reads it from stdin.")
@click.option("--checksum", metavar="SHA256", help="Instead: all images with these bytes, whoever's they are.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; stands on the audit trail for ever.")
@by_option
@click.option("--keep-files", is_flag=True, help="Erase the records and leave the image files where they are.")
@click.option("--unscreened", is_flag=True, help="Also images that still wait to be screened; they end as failed.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    patient: str | None, checksum: str | None, reason: str, actor: str, keep_files: bool, unscreened: bool,
    dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Erase the images of a patient: the files, their names, patient and lesion; results and audit trail stay.

    The trail holds salted digests of the names; with the salt erased they tell nothing, and `screen audit verify`
    still passes. Exit code 1: some files could not be deleted, each with its reason; their places are not on record
    any more, but in a list that stderr names. Nothing to erase is no error.

    \b
    Example:
      screen erase --patient p-0042 --reason "request of 20 November, art. 17 GDPR" --dry-run
      screen erase --patient p-0042 --reason "request of 20 November, art. 17 GDPR" --by "Dr Jones"
    """
    from contextlib import closing

    from cli.erasing import erase_and_tell, whose_images
    from storage.erasure import Order
    from storage.migrate import open_database
    from storage.settings import from_environment

    whose = whose_images(patient, checksum)
    order = Order(reason, actor, keep_files, unscreened)
    settings = from_environment()
    with closing(open_database(settings)) as database:
        return erase_and_tell(settings, database, whose, order, dry_run=dry_run, as_json=as_json)
