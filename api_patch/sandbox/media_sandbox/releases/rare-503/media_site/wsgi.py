"""The WSGI application that gunicorn serves: that of the API, with a fault now and then."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "media_site.settings")
settings.MIDDLEWARE.append("media_api.fault.FaultMiddleware")  # the innermost: its answer passes all others
application = get_wsgi_application()
