"""Add held and invalidated signatures, notices of withdrawals, roles, second factors and spent proofs."""

import sqlalchemy as sa
from alembic import op

from campaign.database.migrations import online_change

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = (
    ("signature", "held_for", sa.String(length=12)),
    ("signature", "invalidation_id", sa.Uuid()),
    ("delivery_row", "notice_on", sa.Date()),
    ("organiser", "second_factor", sa.LargeBinary()),
    ("organiser", "second_factor_used", sa.BigInteger()),
    ("key_wrapping", "role", sa.String(length=10)),
    ("key_wrapping", "tested_on", sa.Date()),
)

INDEXES = {
    "ix_signature_withdrawn": (["state_code", "id"], "withdrawn_on IS NOT NULL"),
    "ix_signature_held": (["state_code", "id"], "held_for IS NOT NULL AND withdrawn_on IS NULL"),
    "ix_signature_invalidation": (["invalidation_id"], "invalidation_id IS NOT NULL"),
}


def upgrade() -> None:
    op.create_table(
        "invalidation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organiser", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["key_id"], ["campaign_key.id"], name=op.f("fk_invalidation_key_id_campaign_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invalidation")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_invalidation_made_at"), "invalidation", ["made_at"], if_not_exists=True)
    op.create_table(
        "spent_proof",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_spent_proof")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_spent_proof_expires_at"), "spent_proof", ["expires_at"], if_not_exists=True)
    for table, name, kind in COLUMNS:
        online_change.add_column(table, sa.Column(name, kind, nullable=True))
    for name, (on, condition) in INDEXES.items():
        online_change.create_index(name, "signature", on, condition)


def downgrade() -> None:
    # In 0001 each confirmed signature counts: one that does not has to be confirmed again.
    op.execute(
        "UPDATE signature SET confirmed_on = NULL, signed_on = CURRENT_DATE"
        " WHERE confirmed_on IS NOT NULL AND (held_for IS NOT NULL OR invalidation_id IS NOT NULL)"
    )
    for name in INDEXES:
        op.drop_index(name, "signature")
    for table, name, _kind in COLUMNS:
        op.drop_column(table, name)
    for table in ("spent_proof", "invalidation"):
        op.drop_table(table)
