"""Find a private page again: by the code in a mail, or by a new mail with the links."""

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from campaign.errors import UnknownTokenError
from campaign.mail.message import shown_sender
from campaign.mail.random_wait import wait_on
from campaign.reference.language import Language
from campaign.signature.link import request_links
from campaign.web.serving.errors import MAIL_RETRY_SECONDS
from campaign.web.site import now, site
from campaign.web.supporter import admission
from campaign.web.supporter.blueprint import private_bp
from campaign.web.supporter.find_form import FindSignatureForm
from campaign.web.supporter.private_page import open_page, render_find_signature, unknown_link


@private_bp.get("/<language:language>/signature")
def find(language: Language) -> ResponseReturnValue:
    """Ask for the code, or for the address to send the links to."""
    del language
    return render_find_signature(FindSignatureForm())


@private_bp.post("/<language:language>/signature")
def open_or_send_links(language: Language) -> ResponseReturnValue:
    """Open the private page by its code, or send its links; the answer is the same for any address."""
    form = FindSignatureForm()
    if not form.validate():
        return render_find_signature(form), 422
    if not form.code.data:
        if site().erased_close is not None:  # no address finds a signature any more
            return render_find_signature(form), 410
        admission.admit_link_request()
        if site().snapshots.current().mail_is_backed_up:
            page = render_find_signature(form, mail_is_backed_up=True)
            return page, 503, {"Retry-After": str(MAIL_RETRY_SECONDS)}
        return _send_links(form.email.data, language)
    try:
        token, _opened = open_page(form.code.data)
    except UnknownTokenError:
        return unknown_link(form)
    return redirect(url_for(".show", language=language, token=token), 303)


@private_bp.get("/<language:language>/signature/sent")
def links_sent(language: Language) -> ResponseReturnValue:
    """Say that the links are on their way, if the address has any."""
    del language
    return render_template("supporter/link_sent.html", sender=shown_sender(site().settings))


def _send_links(email: str, language: Language) -> ResponseReturnValue:
    keys, moment, wait = site().keys, now(), wait_on(site().settings)
    site().writer.run(
        lambda db: request_links(db, email, language=language.code, keys=keys, now=moment, wait=wait)
    )
    site().tasks.wake()
    return redirect(url_for(".links_sent", language=language), 303)
