"""What a search may ask, how far it may page, and how it finds works."""

from django.db.models import F, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated

from media_api import columns, licenses
from media_api.models import Image, Work

RESULT_WINDOW = 240
_QUERY_LENGTH = 200
_DEPRECATED = {"li": "license", "lt": "license_type", "pagesize": "page_size", "provider": "source"}
_ASPECT_RATIOS = {"tall": Q(height__gt=F("width")), "wide": Q(height__lt=F("width")), "square": Q(height=F("width"))}
_LENGTHS = {  # milliseconds
    "shortest": Q(duration__lt=30_000),
    "short": Q(duration__gte=30_000, duration__lt=120_000),
    "medium": Q(duration__gte=120_000, duration__lt=600_000),
    "long": Q(duration__gte=600_000),
}


def _text() -> serializers.CharField:
    return serializers.CharField(required=False, max_length=200)


class SearchParameters(serializers.Serializer):
    """The query of a search of either media type; lists are separated by commas."""

    q = serializers.CharField(required=False)
    source = _text()
    excluded_source = _text()
    tags = _text()
    title = _text()
    creator = _text()
    license = _text()
    license_type = _text()
    category = _text()
    extension = _text()
    filter_dead = serializers.BooleanField(required=False)
    mature = serializers.BooleanField(default=False)
    page = serializers.IntegerField(min_value=1, default=1)
    page_size = serializers.IntegerField(min_value=1, default=20)

    def validate_q(self, value: str) -> str:
        """Cut it, silently."""
        return value[:_QUERY_LENGTH]

    def validate_license(self, value: str) -> str:
        """Refuse licences that do not exist."""
        return _known(value, licenses.ALL, "License")

    def validate_license_type(self, value: str) -> str:
        """Refuse licence types that do not exist."""
        return _known(value, licenses.TYPES, "License type")

    def validate(self, values: dict) -> dict:
        """Refuse deprecated parameters, naming their successors, and a source both wanted and not."""
        for old, new in _DEPRECATED.items():
            if old in self.initial_data:
                raise serializers.ValidationError(f"Parameter '{old}' is deprecated in this release. Use '{new}'.")
        if "source" in values and "excluded_source" in values:
            raise serializers.ValidationError("Cannot set both 'source' and 'excluded_source'.")
        return values


class ImageParameters(SearchParameters):
    """What only images have."""

    aspect_ratio = serializers.ChoiceField(list(_ASPECT_RATIOS), required=False)


class AudioParameters(SearchParameters):
    """What only audio has."""

    length = serializers.ChoiceField(list(_LENGTHS), required=False)


def parse(model: type[Work], query: dict, authenticated: bool) -> dict:
    """The checked parameters of a search.

    Raises ValidationError (400), and NotAuthenticated (401) beyond what such a caller may see.
    """
    parameters = (ImageParameters if model is Image else AudioParameters)(data=query)
    if not parameters.is_valid():
        errors = parameters.errors
        raise serializers.ValidationError({"detail": errors.get("non_field_errors", errors)})
    values = parameters.validated_data
    caller, largest = ("authenticated", 50) if authenticated else ("anonymous", 20)
    if values["page_size"] > largest:
        raise NotAuthenticated(f"page_size may not exceed {largest} for {caller} requests.")
    if values["page"] * values["page_size"] > RESULT_WINDOW:
        raise NotAuthenticated(f"page * page_size may not exceed {RESULT_WINDOW} for {caller} requests.")
    return values


def find(model: type[Work], values: dict) -> QuerySet:
    """The works that match, in a fixed order."""
    condition = Q() if values["mature"] else Q(mature=False)
    for term in values.get("q", "").split():
        condition &= _in_title(term) | Q(tag_names__icontains=term) | Q(creator__icontains=term)
    for field in ("source", "category"):
        if field in values:
            condition &= Q(**{f"{field}__in": _items(values[field])})
    return model.objects.filter(condition & _filters(values)).order_by("identifier")


def fields_matched(work: Work, query: str) -> list[str]:
    """Where a work holds one of the words of the query."""
    words = query.lower().split()
    places = {"title": work.title_text, "tags.name": work.tag_names, "creator": work.creator}
    return [name for name, text in places.items() if any(word in text.lower() for word in words)]


def _filters(values: dict) -> Q:
    """The condition of every filter that was given."""
    filters = {
        "title": _in_title,
        "creator": lambda text: Q(creator__icontains=text),
        "tags": lambda text: Q(tag_names__icontains=text),
        "excluded_source": lambda text: ~Q(source__in=_items(text)),
        "license": lambda text: Q(license__in=_items(text)),
        "license_type": lambda text: Q(license__in={slug for kind in _items(text) for slug in licenses.TYPES[kind]}),
        "extension": lambda text: Q(filetype__in=_items(text)),
        "aspect_ratio": _ASPECT_RATIOS.get,
        "length": _LENGTHS.get,
    }
    condition = Q()
    for name, make in filters.items():
        if name in values:
            condition &= make(values[name])
    return condition


def _in_title(text: str) -> Q:
    return Q(**{f"{columns.TITLE}__icontains": text})


def _items(text: str) -> list[str]:
    return [item.strip().lower() for item in text.split(",")]


def _known(text: str, known: tuple | dict, what: str) -> str:
    for item in _items(text):
        if item not in known:
            raise serializers.ValidationError(f"{what} '{item}' does not exist.")
    return text
