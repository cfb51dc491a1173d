"""A signature grants something once: which were used is remembered in Django's cache for as long as they are valid."""

import hashlib
import logging
import secrets
import time

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache

from zdt_api import conf
from zdt_api.signature import Signature

logger = logging.getLogger(__name__)

UNFIT = (DummyCache, LocMemCache, FileBasedCache)
"""Caches that forget, are each process's own, or let two processes add the same key."""


def is_fit(cache: BaseCache) -> bool:
    """Whether `cache` can tell a second use from a first one in whatever process it comes."""
    return not isinstance(cache, UNFIT)


def claim(signature: Signature) -> bool:
    """Whether this is the first use of `signature`. A cache that is unfit or down says no, and the log says why."""
    cache, token = caches[conf.cache()], secrets.token_hex(8)
    key = f"zdt-used-{hashlib.sha256(signature.mac).hexdigest()}"
    if not is_fit(cache):
        logger.error("zdt_api: the cache %r cannot be relied on, so nothing is granted: see check zdt_api.W004", conf.cache())
        return False
    try:
        # Read again: there are caches that say yes and keep nothing.
        return bool(cache.add(key, token, timeout=max(1.0, signature.until - time.time() + 1))) and cache.get(key) == token
    except Exception:  # each backend has errors of its own
        logger.exception("zdt_api: the cache %r failed, so nothing is granted", conf.cache())
        return False
