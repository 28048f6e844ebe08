"""`screen model activate`: which model version screens new batches?"""

from __future__ import annotations

import click

from cli.by_option import by_option


@click.command("activate")
@click.argument("name", required=False)
@click.option("--shadow", is_flag=True, help="Let it score beside the active one, without deciding anything.")
@click.option("--off", is_flag=True, help="Take the role away: with --shadow no shadow, else the shipped model.")
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(name: str | None, shadow: bool, off: bool, actor: str, as_json: bool) -> None:
    """Let the model version NAME screen all batches handed in from now on; an audit event says who did this.

    Batches that were handed in before keep the model version they were handed in for.

    \b
    Example:
      screen model activate my-model
      screen model activate candidate-2 --shadow
      screen model activate --shadow --off
    """
    from cli import output
    from cli.registering import expect_usable
    from models.catalogue import find
    from models.errors import UsageFault
    from storage.migrate import open_database
    from storage.registry import MODEL, active_model, filled_by, give_role, shadow_model
    from storage.settings import from_environment
    from storage.states import Role

    if (name is None) != off:
        raise UsageFault("expected either the NAME of a model version or --off; `screen model list` shows the names")
    settings = from_environment()
    role = Role.SHADOW if shadow else Role.ACTIVE
    version = find(name, settings.home) if name else None
    if version is not None:
        expect_usable(version)
    database = open_database(settings)
    with database.write() as session:
        before = give_role(session, role, version.manifest if version else None, actor)
        active, in_shadow = active_model(session), shadow_model(session)
    old, new = filled_by(role, before), filled_by(role, name)
    if role is Role.ACTIVE and active != new:
        output.talk(
            f"Warning: {MODEL} is set to {active} here: whatever is activated, {active} screens what processes with "
            "that setting hand in."
        )
    if in_shadow == active:
        output.talk(
            f"Warning: {active} is the active model version and in the shadow too: what it screens is not scored "
            "beside it; `screen model activate --shadow` gives another one that role, with --off nobody."
        )
    if as_json:
        output.data_json({"role": role, "old": old, "new": new})
    else:
        output.data(f"{role}: {old or 'none'} -> {new or 'none'}")
