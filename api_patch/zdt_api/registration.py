"""OAuth registration under load: a signed registration needs no e-mail to be verified."""

from asgiref.sync import sync_to_async
from django.db.models import Model

from zdt_api import conf
from zdt_api.replay import claim
from zdt_api.signature import signature_of


def verify_signed(request: object, application: Model, field: str = "verified") -> bool:
    """Mark `application` as verified and save it, if the signature of its registration `request` binds the body, and is new.

    Returns whether it did. The view then sends no e-mail, keeps no pending verification, and says
    `"verified": true` in its answer; otherwise it goes on as if this had not been called.
    `field` names the boolean of the application model.
    """
    signature = signature_of(request)
    if signature is None or not (signature.binds_body or conf.grants_by_timed_hmac()) or not claim(signature):
        return False
    setattr(application, field, True)
    application.save(update_fields=[field])
    return True


averify_signed = sync_to_async(verify_signed)
"""The same for an async view: `await averify_signed(request, application)`."""
