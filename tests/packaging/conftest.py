import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# bootstrap.py finds its parts beside itself; so do its tests.
sys.path.insert(0, str(ROOT / "packaging"))
