"""``mlsdm recover``: lists the damaged spaces of a data folder and accepts their loss.

Exit codes: 0 if nothing is damaged or every loss was accepted; 1 if damage is left or the folder
cannot be used; 2 if a name does not identify a damaged space.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import AsJson, Output
from mlsdm_grpc.cli.output import echo_all
from mlsdm_grpc.cli.reporting import report
from mlsdm_grpc.cli.session import chosen_form
from mlsdm_grpc.errors import InvalidInput, MlsdmError

if TYPE_CHECKING:
    from mlsdm_grpc.journal.sqlite.recovery import DamagedSpace

__all__ = ["recover"]


def recover(
    data_dir: Annotated[
        Path, typer.Argument(metavar="DIR", help="Data folder of a stopped server.")
    ],
    *,
    accept_loss: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-loss",
            metavar="SPACE",
            help="Accept the loss of records of TENANT/SPACE, or of all spaces; may be repeated.",
        ),
    ] = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Print the damaged spaces of a stopped server; accept their loss if requested.

    Every space is read in full. The exit code is 0 if no damage is left, else 1.
    """
    from mlsdm_grpc.config import LoggingSettings
    from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
    from mlsdm_grpc.journal.sqlite.recovery import recovering
    from mlsdm_grpc.observability.logging import configure_logging, flush_events

    configure_logging(LoggingSettings(), redact=without_sensitive)
    form = chosen_form(output, as_json=as_json)
    shown: list[dict[str, object]] = []
    left = 0
    try:
        with recovering(data_dir) as recovery:
            chosen = recovery.choose(accept_loss or [])
            for space in recovery.damaged:
                revision = recovery.accept(space) if space in chosen else 0
                left += space not in chosen
                shown.append(_described(space, revision))
                if form == "table":
                    typer.echo(_in_words(space, revision))
    except MlsdmError as error:
        report(error, as_json=form != "table", local=True)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from None
    finally:
        if form != "table":
            echo_all(shown, form)
        flush_events()
    if left:
        raise typer.Exit(1)
    if not shown and form == "table":
        typer.echo("No damage found.")


def _described(space: "DamagedSpace", revision: int) -> dict[str, object]:
    """Return a damaged space as JSON values; ``revision`` is that of its accepted loss, or 0."""
    damage = space.damage
    return {
        "tenant": space.key.tenant,
        "space": space.key.space,
        "readable_revision": space.readable,
        "snapshot_revision": space.snapshot,
        "first_lost_revision": damage.first_lost,
        "last_lost_revision": damage.last_lost,
        "file": damage.file,
        "detail": damage.detail,
        "accepted_at_revision": revision,
    }


def _in_words(space: "DamagedSpace", revision: int) -> str:
    damage = space.damage
    lost = f"revisions {damage.first_lost} to {damage.last_lost}"
    if damage.last_lost < damage.first_lost:
        lost = "no revision, but its name is in doubt"
    state = f"readable up to revision {space.readable}"
    if space.snapshot:
        state += f", from a snapshot of revision {space.snapshot}"
    if not space.readable:
        state = "nothing is readable, so the space no longer exists"
    done = f"; loss accepted, the space continues at revision {revision}" if revision else ""
    return f"{space.name}: lost {lost}; {state}{done}. {damage.file}: {damage.detail}"
