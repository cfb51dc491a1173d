"""pytest-zdt: prove, or refute, that a deployment of an HTTP API was zero-downtime.

The plugin is loaded through its entry point; nothing needs to be imported to use it. Importing this package costs nothing:
requests, pycurl and the rest come in when a run with ``--zdt-target`` starts.
"""

__version__ = "0.1.0"
