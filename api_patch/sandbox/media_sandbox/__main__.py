"""`python -m media_sandbox`."""

import sys

from media_sandbox.cli import main

sys.exit(main())
