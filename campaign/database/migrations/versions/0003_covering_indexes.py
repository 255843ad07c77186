"""Add covering indexes for the pages of published names and of waiting approvals."""

from campaign.database.migrations import online_change

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Indexes = tuple[tuple[str, list[str], str], ...]

STANDING = "confirmed_on IS NOT NULL AND withdrawn_on IS NULL"
PUBLISHED = f"{STANDING} AND public_name IS NOT NULL"
TO_NAME, TO_READ = "disclosure = 'public' AND name_review IS NULL", "has_words AND words_review IS NULL"
AWAITING = f"{STANDING} AND (({TO_NAME}) OR ({TO_READ}))"
HELD = "held_for IS NOT NULL AND withdrawn_on IS NULL"

OF_HELD = ["state_code", "id", "held_for", "confirmed_on", "withdrawn_on", "invalidation_id"]

NEW = (
    ("ix_signature_published", ["confirmed_on", "id"], PUBLISHED),
    ("ix_signature_awaiting", [*OF_HELD, "disclosure", "name_review", "has_words", "words_review"], AWAITING),
    ("ix_signature_aside", OF_HELD, HELD),
)
OLD = (
    ("ix_signature_public", ["state_code", "confirmed_on", "id"], PUBLISHED),
    ("ix_signature_review", ["state_code", "id"], AWAITING),
    ("ix_signature_held", ["state_code", "id"], HELD),
)


def upgrade() -> None:
    _replace(OLD, NEW)


def downgrade() -> None:
    _replace(NEW, OLD)


def _replace(before: Indexes, after: Indexes) -> None:
    for name, on, condition in after:
        online_change.create_index(name, "signature", on, condition)
    for name, _on, _condition in before:
        online_change.drop_index(name, "signature")
