"""How gunicorn serves this release. Read through the link `current`, so it belongs to the release being started."""

import os
from pathlib import Path

from media_sandbox import lifeline

_home = Path(os.environ["MEDIA_SANDBOX_HOME"])

# The folder itself and not the link: modules that are imported late must come from the same release.
chdir = str(Path(__file__).resolve().parent)
wsgi_app = "media_site.wsgi"
pidfile = str(_home / "run" / "gunicorn.pid")
errorlog = str(_home / "log" / "gunicorn.log")
capture_output = True
worker_class = "gthread"
worker_tmp_dir = str(_home / "run")
preload_app = False
keepalive = 75
graceful_timeout = 20
control_socket_disable = True


def on_starting(server):
    """The master ends with the supervisor."""
    lifeline.watch()


def post_fork(server, worker):
    """So does a worker."""
    lifeline.watch()


def post_worker_init(worker):
    """Check the release before the worker takes its first connection: a bad one never answers anybody."""
    from media_api import operations

    operations.check()
