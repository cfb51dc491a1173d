"""Recognise signed load-test requests in a Django API. See the README for how an API adds it."""

__version__ = "0.1.0"
