"""Entry of the ``studio`` command and of ``python -m studio``."""

from __future__ import annotations

import sys

try:
    from studio.commands.main import main
except ModuleNotFoundError as _missing:
    if (_missing.name or "").partition(".")[0] == "studio":
        raise
    sys.exit(
        f"studio: the package {_missing.name} is missing. In a checkout, run "
        "python3 packaging/bootstrap.py; elsewhere, pip install training-studio."
    )
except KeyboardInterrupt:
    print("studio: interrupted", file=sys.stderr)
    sys.exit(130)

if __name__ == "__main__":
    sys.exit(main())
