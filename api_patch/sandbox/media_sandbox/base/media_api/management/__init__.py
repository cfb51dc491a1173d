"""Administrative commands."""
