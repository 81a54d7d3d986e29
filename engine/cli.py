"""The command line: which commands there are. Each is a module of `engine.commands`.

Heavy imports happen inside the commands, so that ``--help`` is instant.
"""

from __future__ import annotations

import sys

import click

from engine import __version__
from engine.commands.audit import audit
from engine.commands.check import check
from engine.commands.compare import compare
from engine.commands.demo import demo
from engine.commands.explain import explain
from engine.commands.feed import feed
from engine.commands.gateway import gateway
from engine.commands.importing import import_
from engine.commands.incident import incident
from engine.commands.inject import inject, inject_bench
from engine.commands.notify import notify
from engine.commands.record import record
from engine.commands.replay import replay
from engine.commands.report import report
from engine.commands.run import run
from engine.commands.score import score
from engine.commands.shards import shards
from engine.commands.simulate import simulate
from engine.commands.token import token
from engine.commands.tools import tools
from engine.commands.tune import tune
from engine.commands.watch import watch
from engine.errors import SpindlewatchError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="spindlewatch")
def cli() -> None:
    """Watch machine-tool spindles: current and vibration in, alerts a machinist believes out."""


cli.add_command(audit)
cli.add_command(check)
cli.add_command(compare)
cli.add_command(demo)
cli.add_command(explain)
cli.add_command(feed)
cli.add_command(gateway)
cli.add_command(import_)
cli.add_command(incident)
cli.add_command(inject)
cli.add_command(inject_bench)
cli.add_command(notify)
cli.add_command(record)
cli.add_command(replay)
cli.add_command(report)
cli.add_command(run)
cli.add_command(score)
cli.add_command(shards)
cli.add_command(simulate)
cli.add_command(token)
cli.add_command(tools)
cli.add_command(tune)
cli.add_command(watch)


def main() -> None:
    """Entry point: one line per error, never a traceback for what the user can mend.

    Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
    """
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SpindlewatchError as error:
        click.echo(f"spindlewatch: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
