"""The endpoints of images and audio."""

from collections import Counter
from uuid import UUID

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from media_api import rendering, search, throttles
from media_api.api_view import DAY, ApiView
from media_api.models import Audio, Work
from media_api.representation import as_json

_RELATED = 10
_THUMBNAIL_WIDTH = 600
_FULL_WIDTH = 1200


class MediaView(ApiView):
    """A view of one media type."""

    model: type[Work] = None

    def work(self, identifier: str) -> Work:
        """The work of that identifier; NotFound if there is none."""
        found = self.model.objects.filter(identifier=UUID(identifier)).first()
        if found is None:
            raise NotFound()
        return found


class SearchView(MediaView):
    """Search."""

    cache_seconds = 7 * DAY

    def get(self, request: Request) -> Response:
        """200 {result_count, page_count, page_size, page, results}; the count stops at the result window."""
        values = search.parse(self.model, request.query_params, bool(request.auth))
        works = search.find(self.model, values)
        page, size = values["page"], values["page_size"]
        count = works[: search.RESULT_WINDOW].count()
        shown = works[(page - 1) * size : page * size]
        return Response(
            {
                "result_count": count,
                "page_count": -(-count // size),
                "page_size": size,
                "page": page,
                "results": [as_json(work, request, values.get("q", "")) for work in shown],
            }
        )


class DetailView(MediaView):
    """A single result."""

    cache_seconds = 30 * DAY

    def get(self, request: Request, identifier: str) -> Response:
        """200 and the work."""
        return Response(as_json(self.work(identifier), request))


class RelatedView(MediaView):
    """Works of the same category."""

    cache_seconds = 7 * DAY

    def get(self, request: Request, identifier: str) -> Response:
        """200 and up to ten works in the envelope of a search."""
        work = self.work(identifier)
        others = self.model.objects.filter(category=work.category, mature=False).exclude(pk=work.pk)
        found = [as_json(other, request) for other in others.order_by("identifier")[:_RELATED]]
        if not found:
            raise NotFound()
        return Response({"result_count": _RELATED, "page_count": 1, "page_size": _RELATED, "page": 1, "results": found})


class ThumbnailParameters(serializers.Serializer):
    """The query of a thumbnail."""

    full_size = serializers.BooleanField(default=False)
    compressed = serializers.BooleanField(required=False)


class ThumbnailView(MediaView):
    """A small picture of a work."""

    throttle_classes = throttles.THUMBNAIL
    cache_seconds = 364 * DAY

    def get(self, request: Request, identifier: str) -> HttpResponse:
        """200 and a JPEG; 404 for audio without artwork."""
        parameters = ThumbnailParameters(data=request.query_params)
        parameters.is_valid(raise_exception=True)
        work = self.work(identifier)
        if isinstance(work, Audio) and not work.has_artwork:
            raise NotFound("Could not find artwork.")
        full = parameters.validated_data["full_size"]
        compressed = parameters.validated_data.get("compressed", not full)
        width = _FULL_WIDTH if full else _THUMBNAIL_WIDTH
        picture = rendering.thumbnail(work.identifier, width, quality=60 if compressed else 90)
        return HttpResponse(picture, content_type="image/jpeg")


class WaveformView(MediaView):
    """The loudness of a recording."""

    throttle_classes = throttles.THUMBNAIL
    cache_seconds = 364 * DAY

    def get(self, request: Request, identifier: str) -> Response:
        """200 {len, points}."""
        points = rendering.waveform(self.work(identifier).identifier)
        return Response({"len": len(points), "points": points})


class StatsView(MediaView):
    """How many works each source has."""

    cache_seconds = 3 * DAY

    def get(self, request: Request) -> Response:
        """200 and a list of sources."""
        counts = Counter(self.model.objects.values_list("source", flat=True))
        return Response([_source(name, count) for name, count in sorted(counts.items())])


def _source(name: str, count: int) -> dict:
    return {
        "source_name": name,
        "display_name": name.replace("_", " ").capitalize(),
        "source_url": f"https://{name.replace('_', '-')}.example.org",
        "logo_url": None,
        "media_count": count,
    }
