"""Which job the arguments ask for."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from launcher import checks, jobs, pins
from launcher.console import Failure, say
from launcher.environment import Environment


def main(arguments: list[str]) -> int:
    """Do the job and return its exit status; failures end in a sentence, never in a traceback."""
    signal.signal(signal.SIGTERM, _leave_in_order)
    environment = Environment(Path(__file__).resolve().parents[2])
    try:
        match arguments:
            case ["-h" | "--help"]:
                say((sys.modules["__main__"].__doc__ or "").strip())
            case ["test", *rest]:
                return checks.run_checks(environment, rest)
            case ["refresh"]:
                say(f"{pins.refresh(environment)} versions pinned in {environment.constraints}")
            case _:
                return jobs.run_app(environment, arguments)
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted. This goes on where it stopped: {jobs.again()}", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"\nThe set-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _leave_in_order(signal_number: int, frame: FrameType | None) -> None:
    # As an exception, so that the display and pip end with this process.
    sys.exit(128 + signal_number)
