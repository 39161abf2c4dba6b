"""Sets up Training Studio in this checkout, then runs it or checks it.

python3 packaging/bootstrap.py [...]         opens the app; further arguments are the app's
python3 packaging/bootstrap.py test [...]    runs every check; further arguments are pytest's
python3 packaging/bootstrap.py test quick    the same without the slow tests
python3 packaging/bootstrap.py refresh       resolves the newest versions and pins them
"""

# This file alone is written for any Python: an old one gets a sentence and no syntax error.
# ruff: noqa: UP031, UP036

import os
import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Training Studio needs Python 3.11 or newer; this is Python %d.%d (%s).\n"
        "Install a newer one and run, for example: python3.12 packaging/bootstrap.py"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

# The checkout itself: studio/commands/system_libraries.py serves before anything is installed.
sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from launcher.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
