"""Works as JSON."""

from rest_framework.request import Request

from media_api import columns, licenses
from media_api.models import Audio, Work
from media_api.search import fields_matched

_PLAIN = (
    "foreign_landing_url",
    "url",
    "creator",
    "creator_url",
    "license",
    "license_version",
    "provider",
    "source",
    "category",
    "filesize",
    "filetype",
    "mature",
)


def as_json(work: Work, request: Request, query: str = "") -> dict:
    """A work as it stands in search results and alone; `query` is what it was searched by."""
    link = request.build_absolute_uri(f"/v1/{work.media_type}/{work.identifier}/")
    return {
        "id": str(work.identifier),
        "title": work.title_text,
        "indexed_on": work.indexed_on.isoformat(),
        **{name: getattr(work, name) for name in _PLAIN + columns.EXTRA_FIELDS},
        "license_url": licenses.deed_url(work.license),
        "tags": [{"name": name, "accuracy": None} for name in work.tags],
        "attribution": _attribution(work),
        "fields_matched": fields_matched(work, query),
        "unstable__sensitivity": ["user_reported_sensitivity"] if work.mature else [],
        "thumbnail": f"{link}thumb/",
        "detail_url": link,
        "related_url": f"{link}related/",
        **(_audio(work, link) if isinstance(work, Audio) else {"height": work.height, "width": work.width}),
    }


def _attribution(work: Work) -> str:
    prefix = "" if work.license in licenses.PUBLIC_DOMAIN else "CC "
    name = f"{prefix}{work.license.upper()} {work.license_version}"
    deed = licenses.deed_url(work.license)
    return f'"{work.title_text}" by {work.creator} is licensed under {name}. To view a copy, visit {deed}.'


def _audio(work: Audio, link: str) -> dict:
    """What only audio has; a recording without artwork has no thumbnail."""
    return {
        "duration": work.duration,
        "bit_rate": work.bit_rate,
        "sample_rate": work.sample_rate,
        "waveform": f"{link}waveform/",
        **({} if work.has_artwork else {"thumbnail": None}),
    }
