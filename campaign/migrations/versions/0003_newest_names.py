"""The newest published names of all letters by an index, however many there are."""

from campaign.migrations import gently

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PUBLISHED = "confirmed_on IS NOT NULL AND withdrawn_on IS NULL AND public_name IS NOT NULL"

OLD = "ix_signature_public"
NEW = "ix_signature_published"


def upgrade() -> None:
    gently.create_index(NEW, "signature", ["confirmed_on", "id"], PUBLISHED)
    gently.drop_index(OLD, "signature")


def downgrade() -> None:
    gently.create_index(OLD, "signature", ["state_code", "confirmed_on", "id"], PUBLISHED)
    gently.drop_index(NEW, "signature")
