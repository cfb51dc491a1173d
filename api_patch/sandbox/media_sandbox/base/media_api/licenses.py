"""The licences of works, and the groups that a search can ask for."""

CC = ("by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "nc-sampling+", "sampling+")
PUBLIC_DOMAIN = ("cc0", "pdm")
ALL = CC + PUBLIC_DOMAIN

TYPES = {
    "all": ALL,
    "all-cc": CC,
    "commercial": tuple(slug for slug in ALL if "nc" not in slug.split("-")),
    "modification": tuple(slug for slug in ALL if "nd" not in slug.split("-")),
}
_DEED_PATHS = {"cc0": "publicdomain/zero/1.0", "pdm": "publicdomain/mark/1.0"}


def version(slug: str) -> str:
    """The version of a licence that works carry."""
    return "1.0" if slug in PUBLIC_DOMAIN or slug.endswith("sampling+") else "4.0"


def deed_url(slug: str) -> str:
    """Where a licence can be read."""
    return f"https://creativecommons.org/{_DEED_PATHS.get(slug, f'licenses/{slug}/{version(slug)}')}/"
