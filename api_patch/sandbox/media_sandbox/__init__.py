"""A small media API on this machine that can be deployed at will, safely and unsafely."""

__version__ = "0.1.0"
