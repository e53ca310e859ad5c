"""The command line: names and one-line helps here, everything else in samenet.cli.commands.

A command's module is imported when it is called, so that `samenet --help` needs only click.
Exit codes: 0 ok, 2 usage, 3 some results failed and the rest is saved, 4 regression,
5 inconclusive, 6 refused or not possible here, 130 interrupted and kept (143, 129 or 131 after
SIGTERM, SIGHUP or SIGQUIT).
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

import click

from samenet._console import print_text
from samenet._version import __version__

SHOWN = {
    "run": "Measure: the main job, some tasks, or your own CSV.",
    "report": "Rebuild the page of a run.",
    "advise": "Say which framework to use, from a run's measurements.",
    "init": "Write a commented task file for your own data.",
    "doctor": "Show what is installed and what this machine allows.",
}
REST = {
    "list": "List tasks, frameworks and runs.",
    "show": "Print the layers of a task’s network, with shapes and sizes.",
    "trace": "Show one training step, framework beside framework.",
    "certify": "Prove that the frameworks compute the same network.",
    "compare": "Is a new run slower than an earlier one? A gate for CI.",
    "check": "Try your adapter against the contract, item by item.",
    "contest": "Run your loop head to head with a shipped one.",
    "ladder": "Measure how cost grows with size: width, batch and depth.",
    "layers": "Time single layers: forward, backward, memory.",
    "resume": "Go on with an interrupted run.",
    "study": "Choose an activation or a loss by experiment.",
    "selftest": "Let the instrument show that it works.",
    "verify": "Recompute every printed number of a run.",
}
INTERRUPTED = 130
MACHINE = 6
"""A full disk, a folder that may not be written, no memory left: the machine does not allow it."""


class Commands(click.Group):
    """Loads a command's module when it is needed; suggests the nearest name for a wrong one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names that help shows: five, or all after --all."""
        return [*SHOWN, *REST] if ctx.params.get("all_commands") else list(SHOWN)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, or a stand-in with its help when only the listing is wanted."""
        known = SHOWN | REST
        if name not in known:
            return None
        if _only_listing(ctx):
            return click.Command(name, short_help=known[name])
        command: click.Command = importlib.import_module(f"samenet.cli.commands.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Turn an unknown name into one clear sentence."""
        if args and args[0] not in SHOWN | REST:
            from samenet.errors import unknown_name

            raise unknown_name("command", args[0], SHOWN | REST)
        return super().resolve_command(ctx, args)


def _only_listing(ctx: click.Context) -> bool:
    return bool(ctx.meta.get("listing"))


def _show_help(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    ctx.meta["listing"] = True
    print_text(ctx.get_help())
    ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    add_help_option=False,
    epilog="'samenet --help --all' shows the rest. "
    "'samenet run' without arguments is a good start.",
)
@click.option(
    "--all", "all_commands", is_flag=True, is_eager=True, help="With --help: all commands."
)
@click.option("--help", is_flag=True, expose_value=False, callback=_show_help, help="Show this.")
@click.version_option(__version__, message="samenet %(version)s")
@click.pass_context
def cli(ctx: click.Context, all_commands: bool) -> None:
    """One network, every framework, on equal terms: see which one to use, on this machine."""
    if ctx.invoked_subcommand is None:
        _show_help(ctx, ctx.command.params[0], True)
    elif all_commands:
        from samenet.errors import UsageError

        raise UsageError(
            f"--all goes with --help: leave it out of samenet {ctx.invoked_subcommand}."
        )


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; every failure that can be foreseen is one sentence and an exit code."""
    from samenet.machine.interruption import interruptible

    with interruptible():
        code = _code(arguments)
    sys.exit(code)


def _code(arguments: list[str] | None) -> int:
    from samenet.errors import SamenetError, machine_sentence

    try:
        result: Any = cli.main(args=arguments, prog_name="samenet", standalone_mode=False)
        return int(result or 0)
    except click.exceptions.Abort as error:
        return _interrupted(error.__cause__)
    except KeyboardInterrupt as error:
        return _interrupted(error)
    except click.ClickException as error:
        _show_usage_error(error)
        return error.exit_code
    except SamenetError as error:
        print_text(f"samenet: {error}", err=True)
        return error.exit_code
    except (OSError, MemoryError) as error:
        _give_up_output()
        with suppress(OSError):  # what cannot be written may be the terminal
            print_text(f"samenet: {machine_sentence(error)}", err=True)
        return MACHINE


def _give_up_output() -> None:
    """Let what standard output cannot take go nowhere, or Python would fail again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _interrupted(error: BaseException | None) -> int:
    """Return the exit code of a program that a signal has ended, Ctrl-C if none is known."""
    from samenet.machine.interruption import Interrupted, exit_code

    return exit_code(error.number) if isinstance(error, Interrupted) else INTERRUPTED


def _show_usage_error(error: click.ClickException) -> None:
    """Show click's own sentence as samenet shows its own: cut, and inert in a terminal."""
    from samenet._console import make_printable
    from samenet._text import shorten
    from samenet.errors import MESSAGE_MAX

    sentence = shorten(make_printable(error.format_message()), MESSAGE_MAX)
    if isinstance(error, click.UsageError):
        error = click.UsageError(sentence, error.ctx)
    else:
        error = click.ClickException(sentence)
    error.show()


if __name__ == "__main__":
    main()
