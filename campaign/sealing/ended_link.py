"""Links and promotions whose rows were put back in the database after they were used or ended."""

from uuid import UUID

from sqlalchemy.orm import Session

from campaign.database import journal
from campaign.errors import WrongKeyError
from campaign.sealing.campaign_key import KeyWrapping, current_key


def check_lasts(db: Session, row: KeyWrapping) -> None:
    """Raise if an invitation or promotion was put back in the database.

    Raises:
        WrongKeyError: It was used or revoked, or wraps an earlier key.
    """
    if row.key_id != current_key(db).id:
        raise WrongKeyError("this link opens nothing: the campaign’s key was changed since")
    check_unused(db, row.id)


def check_unused(db: Session, link_id: UUID) -> None:
    """Raise if the journal says that a link was used or revoked.

    Raises:
        WrongKeyError: It does.
    """
    if str(link_id) in journal.ended_links(db):
        raise WrongKeyError("this link opens nothing: it was used or revoked")
