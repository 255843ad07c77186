"""Mark signatures to strike from delivered lists, so that a notice does not search all former ones."""

import sqlalchemy as sa
from alembic import op

from campaign.database.migrations import online_change

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TO_STRIKE, BEFORE, AFTER = (
    "ix_signature_to_strike",
    "ix_delivery_row_signature",
    "ix_delivery_row_of_signature",
)


def upgrade() -> None:
    online_change.add_column(
        "signature", sa.Column("to_strike", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    online_change.create_index(TO_STRIKE, "signature", ["state_code", "id", "to_strike"], "to_strike")
    online_change.create_index(
        AFTER, "delivery_row", ["state_code", "signature_id", "notice_on", "delivery_id"]
    )
    online_change.drop_index(BEFORE, "delivery_row")
    # The worker removes the mark from signatures that are on no list.
    online_change.change_rows(
        "signature",
        "UPDATE signature SET to_strike = true WHERE withdrawn_on IS NOT NULL",
        "UPDATE signature SET to_strike = true WHERE invalidation_id IS NOT NULL",
    )


def downgrade() -> None:
    online_change.create_index(BEFORE, "delivery_row", ["state_code", "signature_id"])
    online_change.drop_index(AFTER, "delivery_row")
    online_change.drop_index(TO_STRIKE, "signature")
    op.drop_column("signature", "to_strike")
