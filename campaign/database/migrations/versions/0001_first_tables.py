"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STANDING = "confirmed_on IS NOT NULL AND withdrawn_on IS NULL"

AWAITING = (
    f"{STANDING} AND ((disclosure = 'public' AND name_review IS NULL)"
    " OR (has_words AND words_review IS NULL))"
)

TABLES = (
    "audit_end",
    "audit_entry",
    "campaign_key",
    "day_count",
    "delegation",
    "delivery",
    "domain_day",
    "erasure_announcement",
    "journal",
    "letter_edition",
    "mailbox_day",
    "native_check",
    "organiser",
    "outbox",
    "residence_count",
    "site",
    "spent_proof",
    "state_count",
    "invalidation",
    "key_wrapping",
    "letter_text",
    "organiser_session",
    "signature",
    "wrong_codes",
    "delivery_row",
    "signature_token",
)
"""In the order of creation."""


def upgrade() -> None:
    op.create_table(
        "audit_end",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entry_mac", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_end")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organiser", sa.Text(), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("number", name=op.f("uq_audit_entry_number")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"])
    op.create_table(
        "campaign_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("is_provisional", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_key")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_campaign_key_current", "campaign_key", ["is_current"], unique=True, **_where("is_current")
    )
    op.create_table(
        "day_count",
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("state_code", "on", "shard", name=op.f("pk_day_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delegation",
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("state_code", name=op.f("pk_delegation")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("named", sa.Integer(), nullable=False),
        sa.Column("letter_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("list_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("organiser", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("smtp_code", sa.Integer(), nullable=True),
        sa.Column("replied_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("public_reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("code", name=op.f("uq_delivery_code")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivery_state_code", "delivery", ["state_code", "prepared_at"])
    op.create_index(
        "uq_delivery_sending", "delivery", ["state_code"], unique=True, **_where("status = 'sending'")
    )
    op.create_table(
        "domain_day",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "state_code", name=op.f("pk_domain_day")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_domain_day_on"), "domain_day", ["on"])
    op.create_table(
        "erasure_announcement",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("announced_on", sa.Date(), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("doubts", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Text(), nullable=False),
        sa.Column("is_begun", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_erasure_announcement")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "location", name=op.f("pk_journal")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "letter_edition",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_letter_edition")),
        sa.UniqueConstraint("content_hash", name=op.f("uq_letter_edition_content_hash")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mailbox_day",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("has_last", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_mailbox_day")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mailbox_day_on"), "mailbox_day", ["on"])
    op.create_table(
        "native_check",
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("digests", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("language", "part", name=op.f("pk_native_check")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "organiser",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("wrapped_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("memory", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_factor", sa.LargeBinary(), nullable=True),
        sa.Column("second_factor_used", sa.BigInteger(), nullable=True),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organiser")),
        sa.UniqueConstraint("name", name=op.f("uq_organiser_name")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure_code", sa.Integer(), nullable=False),
        sa.CheckConstraint("status = 'waiting' OR sealed IS NULL", name=op.f("ck_outbox_erased")),
        sa.CheckConstraint("status IN ('waiting', 'failed', 'expired')", name=op.f("ck_outbox_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_outbox_status_due_at"), "outbox", ["status", "due_at"])
    op.create_table(
        "residence_count",
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("residence", sa.String(length=2), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("state_code", "residence", "shard", name=op.f("pk_residence_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "site",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_site")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spent_proof",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_spent_proof")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_spent_proof_expires_at"), "spent_proof", ["expires_at"])
    op.create_table(
        "state_count",
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("state_code", "shard", name=op.f("pk_state_count")),
        sqlite_with_rowid=False,
    )
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
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_invalidation_made_at"), "invalidation", ["made_at"])
    op.create_table(
        "key_wrapping",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("opens_hash", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("tested_on", sa.Date(), nullable=True),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["campaign_key.id"],
            name=op.f("fk_key_wrapping_key_id_campaign_key"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_wrapping")),
        sa.UniqueConstraint("opens_hash", name=op.f("uq_key_wrapping_opens_hash")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_key_wrapping_holder_id"), "key_wrapping", ["holder_id"])
    op.create_index(op.f("ix_key_wrapping_key_id"), "key_wrapping", ["key_id"])
    op.create_table(
        "letter_text",
        sa.Column("edition_number", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_number"],
            ["letter_edition.number"],
            name=op.f("fk_letter_text_edition_number_letter_edition"),
        ),
        sa.PrimaryKeyConstraint("edition_number", "language", "state_code", name=op.f("pk_letter_text")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "organiser_session",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("organiser_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("names_shown", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["organiser_id"],
            ["organiser.id"],
            name=op.f("fk_organiser_session_organiser_id_organiser"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_organiser_session")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_organiser_session_organiser_id"), "organiser_session", ["organiser_id"])
    op.create_index(op.f("ix_organiser_session_used_at"), "organiser_session", ["used_at"])
    op.create_table(
        "signature",
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("residence", sa.String(length=2), nullable=False),
        sa.Column("disclosure", sa.String(length=10), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("digest_mac", sa.LargeBinary(length=32), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("organisers_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("has_words", sa.Boolean(), nullable=False),
        sa.Column("public_name", sa.Text(), nullable=True),
        sa.Column("name_review", sa.String(length=8), nullable=True),
        sa.Column("words_review", sa.String(length=8), nullable=True),
        sa.Column("submission", sa.LargeBinary(), nullable=True),
        sa.Column("submitted_at", sa.LargeBinary(), nullable=True),
        sa.Column("held_for", sa.String(length=12), nullable=True),
        sa.Column("invalidation_id", sa.Uuid(), nullable=True),
        sa.Column("decision_mac", sa.LargeBinary(length=32), nullable=True),
        sa.Column("to_strike", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["campaign_key.id"], name=op.f("fk_signature_key_id_campaign_key")
        ),
        sa.PrimaryKeyConstraint("state_code", "id", name=op.f("pk_signature")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_signature_aside",
        "signature",
        ["state_code", "id", "held_for", "confirmed_on", "withdrawn_on", "invalidation_id"],
        **_where("held_for IS NOT NULL AND withdrawn_on IS NULL"),
    )
    op.create_index(
        "ix_signature_awaiting",
        "signature",
        [
            "state_code",
            "id",
            "held_for",
            "confirmed_on",
            "withdrawn_on",
            "invalidation_id",
            "disclosure",
            "name_review",
            "has_words",
            "words_review",
        ],
        **_where(AWAITING),
    )
    op.create_index(
        "ix_signature_invalidation", "signature", ["invalidation_id"], **_where("invalidation_id IS NOT NULL")
    )
    op.create_index("ix_signature_key", "signature", ["key_id"], **_where("sealed IS NOT NULL"))
    op.create_index("ix_signature_mailbox", "signature", ["state_code", "digest"])
    op.create_index("ix_signature_pending", "signature", ["signed_on"], **_where("confirmed_on IS NULL"))
    op.create_index(
        "ix_signature_published",
        "signature",
        ["id"],
        **_where("confirmed_on IS NOT NULL AND withdrawn_on IS NULL AND public_name IS NOT NULL"),
    )
    op.create_index(
        "ix_signature_to_strike", "signature", ["state_code", "id", "to_strike"], **_where("to_strike")
    )
    op.create_index(
        "ix_signature_withdrawn", "signature", ["state_code", "id"], **_where("withdrawn_on IS NOT NULL")
    )
    op.create_index(
        "uq_signature_standing",
        "signature",
        ["state_code", "digest"],
        unique=True,
        **_where("confirmed_on IS NOT NULL AND withdrawn_on IS NULL"),
    )
    op.create_table(
        "wrong_codes",
        sa.Column("organiser_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organiser_id"],
            ["organiser.id"],
            name=op.f("fk_wrong_codes_organiser_id_organiser"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organiser_id", "place", name=op.f("pk_wrong_codes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery_row",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("signature_id", sa.Uuid(), nullable=False),
        sa.Column("notice_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
            name=op.f("fk_delivery_row_delivery_id_delivery"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["state_code", "signature_id"],
            ["signature.state_code", "signature.id"],
            name=op.f("fk_delivery_row_state_code_signature_id_signature"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_row")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_delivery_row_of_signature",
        "delivery_row",
        ["state_code", "signature_id", "notice_on", "delivery_id"],
    )
    op.create_table(
        "signature_token",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state_code", sa.String(length=2), nullable=False),
        sa.Column("signature_id", sa.Uuid(), nullable=False),
        sa.Column("is_substitute", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["state_code", "signature_id"],
            ["signature.state_code", "signature.id"],
            name=op.f("fk_signature_token_state_code_signature_id_signature"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash", "signature_id", name=op.f("pk_signature_token")),
        info={"batch_column": "hash"},
        sqlite_with_rowid=False,
    )
    op.create_index("ix_signature_token_signature", "signature_token", ["state_code", "signature_id"])
    # ### end Alembic commands ###


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
