"""``python -m pytest_zdt``: the command ``pytest-zdt``."""

import sys

from pytest_zdt.cli import main

sys.exit(main())
