"""`screen doctor`: what is running, and is it sound?"""

from __future__ import annotations

import click

from cli.exit_codes import ExitCode


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
def command(as_json: bool) -> int:
    """Check the data folder, database, broker, workers, model weights, disk and GPU. Starts nothing.

    Exit code 2: the data folder, a setting or the database's schema is at fault. 3: a service does not answer, no
    worker is there for images that wait, or the disk is nearly full. 4: the model version is not sound. 5: the
    checkpoints do not hold. Of several the highest.

    \b
    Example:
      screen doctor
    """
    from cli import output
    from cli.examination import examine_site
    from storage.settings import from_environment

    findings = examine_site(from_environment())
    if as_json:
        output.data_json({item.name: {"ok": item.ok, "found": item.found} for item in findings})
    else:
        width = max(len(item.name) for item in findings)
        for item in findings:
            mark = {True: "ok  ", False: "BAD ", None: "-   "}[item.ok]
            output.data(f"{mark} {item.name:<{width}}  {item.found}")
    bad = [item for item in findings if item.ok is False]
    return max((item.exit_code for item in bad), default=ExitCode.DONE)
