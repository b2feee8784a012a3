"""The command `dgm`: its verbs, and how it fails. Heavy libraries are imported by the verbs that need them."""

import errno
import io
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from dgm.cli import (
    benching,
    checking,
    engine,
    estimating,
    evolving,
    exit_codes,
    gradings,
    imaging,
    intervening,
    reading,
    replaying,
    reviewing,
    simulating,
    transcribing,
)
from dgm.core.errors import DgmError, DiskFullError


@dataclass
class Options:
    """What was said before the verb."""

    debug: bool = False


app = typer.Typer(
    name="dgm",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"dgm {version('dgm')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def dgm(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Grow an archive tree of coding agents that modify their own code, each measured in Docker sandboxes.

    `dgm run` starts without a key and without cost: its model is simulated.
    """
    context.ensure_object(Options).debug = debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command()(evolving.run)
app.command()(evolving.resume)
app.command()(reviewing.review)
app.command()(intervening.pause)
app.command()(intervening.stop)
app.command()(estimating.estimate)
app.command()(simulating.simulate)
app.command()(reading.runs)
app.command()(reading.status)
app.command()(reading.tree)
app.command()(reading.best)
app.command()(reading.show)
app.command()(reading.lineage)
app.command()(reading.diff)
app.command()(reading.checkout)
app.command()(replaying.replay)
app.command()(transcribing.transcript)
app.command()(gradings.grading)
app.command()(checking.check)
app.command()(benching.benchmarks)
app.command()(imaging.images)
app.command()(engine.gc)
app.command()(engine.doctor)


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def run_command(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code. An error is one sentence on standard error."""
    options = Options()
    try:
        return app(args=list(arguments), prog_name="dgm", standalone_mode=False, obj=options) or 0
    except typer.TyperException as error:
        return _failed(options, f"{error.format_message().rstrip('.')}; see `dgm --help`.", error.exit_code)
    except DgmError as error:
        return _failed(options, str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return exit_codes.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where nothing may pass
        if isinstance(error, OSError) and error.errno in _DISK_FULL:  # it can come from any write, a library's too
            return _failed(
                options, f"The disk is full ({error.filename or 'where, is not known'}).", DiskFullError.exit_code
            )
        name = type(error).__name__
        return _failed(options, f"Unexpected {name}: {error}; `dgm --debug ...` shows where.", 1)


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character must not end the program
    sys.exit(run_command(sys.argv[1:]))


def _failed(options: Options, sentence: str, exit_code: int) -> int:
    from dgm.boundary.text import safe_line, safe_text

    if options.debug:
        typer.echo(safe_text(traceback.format_exc()), err=True, nl=False)  # errors may quote what others wrote
    typer.echo(f"dgm: {safe_line(sentence)}", err=True)
    return exit_code
