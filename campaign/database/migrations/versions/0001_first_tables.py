"""The first tables."""

import pkgutil
from importlib import import_module

from alembic import op
from sqlalchemy import MetaData

import campaign

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PACKAGES = {
    "letter",
    "organiser",
    "guard",
    "mail",
    "signature",
    "disclosure",
    "delivery",
    "sealing",
    "database",
}


def upgrade() -> None:
    _metadata().create_all(op.get_bind())


def downgrade() -> None:
    _metadata().drop_all(op.get_bind())


def _metadata() -> MetaData:
    for module in pkgutil.walk_packages(campaign.__path__, "campaign."):
        if module.name.split(".")[1] in PACKAGES and "migrations" not in module.name:
            import_module(module.name)
    from campaign.database.table import Base

    return Base.metadata
