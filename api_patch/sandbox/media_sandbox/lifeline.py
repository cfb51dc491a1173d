"""Processes that end with their supervisor, even if that is killed.

The supervisor alone holds the write end of a pipe; every gunicorn process waits on the read end, which it
inherits over fork and exec. The kernel closes the write end with the supervisor, however that ends.
"""

import os
import threading

VARIABLE = "MEDIA_SANDBOX_LIFELINE"


def watch() -> None:
    """End this process when the pipe, the descriptor in the environment variable, is closed at the other end."""
    threading.Thread(target=_end_with, args=(int(os.environ[VARIABLE]),), daemon=True).start()


def _end_with(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(0)
