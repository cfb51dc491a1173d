"""The Django site of one release."""
