"""How client secrets are stored."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class RandomSecretHasher(PBKDF2PasswordHasher):
    """One round of PBKDF2.

    Many rounds slow down the guessing of passwords that people chose. A secret of 128 random characters cannot
    be guessed, and each token request would pay for the rounds.
    """

    algorithm = "random_secret"
    iterations = 1
