"""Routes: two media types, OAuth, and what operators ask for."""

from django.urls import include, path, re_path
from media_api import media, oauth, operations
from media_api.models import Audio, Image

# A lower-case UUID of version 4; anything else is not found by its URL.
UUID4 = r"(?P<identifier>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"


def media_routes(model: type) -> list:
    """The routes that images and audio share."""
    return [
        path("", media.SearchView.as_view(model=model)),
        path("stats/", media.StatsView.as_view(model=model)),
        re_path(rf"^{UUID4}/$", media.DetailView.as_view(model=model), name=f"{model.media_type}-detail"),
        re_path(rf"^{UUID4}/related/$", media.RelatedView.as_view(model=model), name=f"{model.media_type}-related"),
        re_path(rf"^{UUID4}/thumb/$", media.ThumbnailView.as_view(model=model), name=f"{model.media_type}-thumb"),
    ]


audio_routes = [
    *media_routes(Audio),
    re_path(rf"^{UUID4}/waveform/$", media.WaveformView.as_view(model=Audio), name="audio-waveform"),
]
v1_routes = [
    path("images/", include(media_routes(Image))),
    path("audio/", include(audio_routes)),
    path("auth_tokens/register/", oauth.RegisterView.as_view(), name="register"),
    path("auth_tokens/verify/<str:code>/", oauth.VerifyEmailView.as_view(), name="verify-email"),
    path("auth_tokens/token/", oauth.TokenView.as_view(), name="token"),
    path("rate_limit/", oauth.RateLimitView.as_view(), name="key_info"),
]
urlpatterns = [
    path("v1/", include(v1_routes)),
    path("version", operations.VersionView.as_view()),
    path("healthcheck/", operations.HealthcheckView.as_view()),
]
handler400 = "media_api.operations.bad_request"
handler404 = "media_api.operations.not_found"
handler500 = "media_api.operations.server_error"
