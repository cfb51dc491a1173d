"""A signature grants something once: which were used is remembered in Django's cache for as long as they are valid."""

import hashlib
import logging
import secrets
import time
from contextlib import AbstractContextManager, nullcontext

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import router, transaction

from zdt_api import conf
from zdt_api.signature import Signature

logger = logging.getLogger(__name__)

UNFIT = (DummyCache, LocMemCache, FileBasedCache)
"""Caches that forget, are each process's own, or let two processes add the same key."""
LEAST_ENTRIES = 10_000
"""What a cache in the database must hold before it throws entries out, valid ones too; Django's default is 300."""


def is_fit(cache: BaseCache) -> bool:
    """Whether `cache` can tell a second use from a first one in whatever process it comes."""
    return not isinstance(cache, UNFIT) and not (isinstance(cache, BaseDatabaseCache) and cache._max_entries < LEAST_ENTRIES)


def claim(signature: Signature) -> bool:
    """Whether this is the first use of `signature`. A cache that is unfit or down says no, and the log says why."""
    cache, token = caches[conf.cache()], secrets.token_hex(8)
    key = f"zdt-used-{hashlib.sha256(signature.mac).hexdigest()}"
    if not is_fit(cache):
        logger.error("zdt_api: the cache %r cannot be relied on, so nothing is granted: see check zdt_api.W004", conf.cache())
        return False
    # Clocks of processes may differ by as much as is allowed to the client's.
    lasts = max(0.0, signature.until - time.time()) + conf.max_age()
    try:
        with _savepoint(cache):
            added = cache.add(key, token, timeout=lasts)
            kept = cache.get(key) == token if added else True  # there are caches that say yes and keep nothing
    except Exception:  # each backend has errors of its own
        logger.exception("zdt_api: the cache %r failed, so nothing is granted", conf.cache())
        return False
    if not kept:
        logger.error("zdt_api: the cache %r does not keep what it is given, so nothing is granted", conf.cache())
    return bool(added and kept)


def _savepoint(cache: BaseCache) -> AbstractContextManager[object]:
    """A cache in the database that fails must not break the transaction in which the view is."""
    if isinstance(cache, BaseDatabaseCache):
        return transaction.atomic(using=router.db_for_write(cache.cache_model_class))
    return nullcontext()
