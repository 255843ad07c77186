"""The health check of load balancers and monitors."""

import shutil

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from campaign.operations.doctor.machine import LOW_DISK_BYTES
from campaign.operations.monitor import mail_figures
from campaign.sealing import campaign_key
from campaign.signature import recount
from campaign.web.site import now, session, site

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Return the state of database, mail, queue, disk and counts."""
    try:
        mails = mail_figures(session())
        recounted = recount.last(session())
        is_forged, is_replaced = campaign_key.is_forged(session()), campaign_key.is_replaced(session())
    except SQLAlchemyError:
        return jsonify(database="unreachable"), 503
    is_low = shutil.disk_usage(site().settings.instance).free < LOW_DISK_BYTES
    # No figures: the number of waiting mails would tell whether an address that was just typed has signed.
    # The words on mail and queue change only at a quarter-hour, so they do not tell when somebody signed.
    return jsonify(
        database="ok",
        mail="failing" if mails and mails.is_failing else "ok",
        queue="stuck" if mails and mails.is_stuck(now()) else "ok",
        disk="low" if is_low else "ok",
        key="forged" if is_forged else "replaced" if is_replaced else "ok",
        counts="differ" if recounted and recounted[1] else "ok",
    )
