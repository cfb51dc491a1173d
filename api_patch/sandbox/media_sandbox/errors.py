"""How the commands end early."""


class Refused(Exception):
    """Bad input or a bad moment: nothing was started or changed. Exit status 2."""


class Failed(Exception):
    """It was tried and did not work. Exit status 1."""


class Interrupted(Exception):
    """A signal asked for the end; its number is the argument."""
