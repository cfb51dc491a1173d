"""Schema changes of this release."""
