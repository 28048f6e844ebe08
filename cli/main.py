"""The command `screen`. The tree of files under ``cli/commands`` is the tree of commands."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from traceback import print_exception
from typing import Any

import click

from cli.exit_codes import ExitCode, exit_code_of, unusable_path
from cli.streams import ReaderGone, make_safe
from models.errors import DermscreenError

_FULL = (errno.ENOSPC, errno.EDQUOT)  # a disk, or what a user may have of it

COMMANDS = {
    "submit": "cli.commands.submit",
    "worker": "cli.commands.worker",
    "status": "cli.commands.status",
    "report": "cli.commands.report",
    "explain": "cli.commands.explain",
    "watch": "cli.commands.watch",
    "beat": "cli.commands.beat",
    "recover": "cli.commands.recover",
    "retry": "cli.commands.retry",
    "erase": "cli.commands.erase",
    "pause": "cli.commands.pause",
    "resume": "cli.commands.resume",
    "model": "cli.commands.model.group",
    "audit": "cli.commands.audit.group",
    "db": "cli.commands.db.group",
    "doctor": "cli.commands.doctor",
    "down": "cli.commands.down",
    "demo": "cli.commands.demo",
}


class LazyGroup(click.Group):
    """Loads the file of a command when it is asked for; its file is ``module.command``."""

    def __init__(self, *args: Any, modules: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return None
        command: click.Command = import_module(self._modules[cmd_name]).command
        return command


@click.group(
    cls=LazyGroup,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")  # see `run`
@click.version_option(package_name="dermscreen", prog_name="screen")
def screen() -> None:
    """Screen photographs of skin lesions, batch by batch; no image gets lost.

    Research software: a screening aid, not a diagnosis and not a medical device.

    \b
    Example:
      screen submit ./batch --wait
      screen report --output flagged.csv
    """


def main() -> None:
    """Run the command line and exit with its code."""
    os.umask(0o077)  # what is written is for its user alone; the processes that are started inherit it
    make_safe()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line; returns the exit code. An error is told in a line, with ``--debug`` by a traceback too."""
    debug = "--debug" in arguments[:1] or bool(os.environ.get("DERMSCREEN_DEBUG"))
    try:
        result = screen.main(arguments, prog_name="screen", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except ReaderGone:
        result = ExitCode.DONE
    except SystemExit:
        # the one place where click exits by itself: a pipe broke, and neither stdout nor stderr (cli/streams.py)
        return _unforeseen(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))
    except DermscreenError as error:
        if debug:
            print_exception(error)
        click.echo(f"Error: {error}", err=True)
        return exit_code_of(error)
    except Exception as error:
        if debug:
            print_exception(error)
        return _unforeseen(error)
    return result if isinstance(result, int) else ExitCode.DONE


def _unforeseen(error: Exception) -> ExitCode:
    if isinstance(error, OSError) and error.errno in _FULL:  # wherever it was met, also on stdout
        click.echo(f"Error: what was asked for could not be written: {error.strerror}; make room", err=True)
        return ExitCode.SERVICE_UNREACHABLE
    if told := unusable_path(error):
        click.echo(f"Error: {told}", err=True)
        return ExitCode.USAGE
    click.echo(f"Error: unforeseen {type(error).__name__}: {error}", err=True)
    click.echo("This is a fault of dermscreen. `screen --debug ...` shows where it happened.", err=True)
    return ExitCode.BUG


if __name__ == "__main__":
    main()
