"""The first tables: patients, orders, steps, MPPS, messages, deliveries, journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MATCHED = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "message",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("door", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("control_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("charset", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("ack_code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("acknowledgement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_message_received_at", "message", ["received_at"], unique=False)
    op.create_index("message_by_control_id", "message", ["control_id", "source", "content_hash"], unique=False)
    op.create_index(
        "message_without_effect",
        "message",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("disposition <> 'APPLIED'"),
        postgresql_where=sa.text("disposition <> 'APPLIED'"),
    )
    op.create_table(
        "patient",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("dataset", sa.LargeBinary(), nullable=False),
        sa.Column("merged_into", ROW_NUMBER, nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said_by", sa.String(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["merged_into"],
            ["patient.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("patient_id", "issuer"),
    )
    op.create_index(
        "patient_by_survivor",
        "patient",
        ["merged_into"],
        unique=False,
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "availability_notice",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("calling_ae_title", sa.String(), nullable=False),
        sa.Column("called_ae_title", sa.String(), nullable=False),
        sa.Column("study_instance_uid", sa.String(), nullable=False),
        sa.Column("dataset", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settles_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid"),
    )
    op.create_index("ix_availability_notice_settles_at", "availability_notice", ["settles_at"], unique=False)
    op.create_index(
        "ix_availability_notice_study_instance_uid", "availability_notice", ["study_instance_uid"], unique=False
    )
    op.create_table(
        "performed_procedure_step",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("calling_ae_title", sa.String(), nullable=False),
        sa.Column("called_ae_title", sa.String(), nullable=False),
        sa.Column("dataset", sa.LargeBinary(), nullable=False),
        sa.Column("matching", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("study_instance_uid", sa.String(), nullable=False),
        sa.Column("accession_number", sa.String(), nullable=False),
        sa.Column("presumed", sa.String(), nullable=False),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sop_instance_uid"),
    )
    op.create_index("performed_by_matching", "performed_procedure_step", ["matching", "patient_id"], unique=False)
    op.create_index("performed_by_status", "performed_procedure_step", ["status", "updated_at"], unique=False)
    op.create_table(
        "order",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("patient", ROW_NUMBER, nullable=False),
        sa.Column("identity", ROW_NUMBER, nullable=False),
        sa.Column("placer_order_number", sa.String(), nullable=False),
        sa.Column("placer_issuer", sa.String(), nullable=False),
        sa.Column("filler_order_number", sa.String(), nullable=False),
        sa.Column("filler_issuer", sa.String(), nullable=False),
        sa.Column("accession_number", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result_status", sa.String(), nullable=False),
        sa.Column("parent", ROW_NUMBER, nullable=True),
        sa.Column("is_parent", sa.Boolean(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["order.id"],
        ),
        sa.ForeignKeyConstraint(
            ["patient"],
            ["patient.id"],
        ),
        sa.ForeignKeyConstraint(
            ["identity"],
            ["patient.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_accession_number", "order", ["accession_number"], unique=False)
    op.create_index("ix_order_identity", "order", ["identity"], unique=False)
    op.create_index("ix_order_patient", "order", ["patient"], unique=False)
    op.create_index("order_by_filler", "order", ["filler_order_number", "filler_issuer"], unique=False)
    op.create_index(
        "order_by_parent",
        "order",
        ["parent"],
        unique=False,
        sqlite_where=sa.text("parent IS NOT NULL"),
        postgresql_where=sa.text("parent IS NOT NULL"),
    )
    op.create_index(
        "order_by_placer",
        "order",
        ["placer_order_number", "placer_issuer"],
        unique=True,
        sqlite_where=sa.text("placer_order_number <> ''"),
        postgresql_where=sa.text("placer_order_number <> ''"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("order", ROW_NUMBER, nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("control_id", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("acknowledgement", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order"],
            ["order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("control_id"),
    )
    op.create_index("delivery_by_turn", "delivery", ["destination", "status", "id"], unique=False)
    op.create_index("ix_delivery_order", "delivery", ["order"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("order", ROW_NUMBER, nullable=True),
        sa.Column("message", ROW_NUMBER, nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message"],
            ["message.id"],
        ),
        sa.ForeignKeyConstraint(
            ["order"],
            ["order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_journal_message", "journal", ["message"], unique=False)
    op.create_index("ix_journal_order", "journal", ["order"], unique=False)
    op.create_table(
        "scheduled_procedure_step",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("order", ROW_NUMBER, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("own_identifiers", sa.Boolean(), nullable=False),
        sa.Column("on_hold", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("flaws", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("station", MATCHED, nullable=False),
        sa.Column("start", MATCHED, nullable=False),
        sa.Column("start_date", MATCHED, nullable=False),
        sa.Column("start_time", MATCHED, nullable=False),
        sa.Column("modality", MATCHED, nullable=False),
        sa.Column("performing_physician", MATCHED, nullable=False),
        sa.Column("patient_name", MATCHED, nullable=False),
        sa.Column("patient_id", MATCHED, nullable=False),
        sa.Column("accession_number", MATCHED, nullable=False),
        sa.Column("requested_procedure_id", MATCHED, nullable=False),
        sa.Column("study_instance_uid", MATCHED, nullable=False),
        sa.Column("step_id", MATCHED, nullable=False),
        sa.Column("station_name", MATCHED, nullable=False),
        sa.Column("location", MATCHED, nullable=False),
        sa.Column("admission_id", MATCHED, nullable=False),
        sa.Column("issuer_of_patient_id", MATCHED, nullable=False),
        sa.Column("patient_birth_date", MATCHED, nullable=False),
        sa.Column("patient_sex", MATCHED, nullable=False),
        sa.Column("placer_order_number", MATCHED, nullable=False),
        sa.Column("filler_order_number", MATCHED, nullable=False),
        sa.Column("worklist_label", MATCHED, nullable=False),
        sa.ForeignKeyConstraint(
            ["order"],
            ["order.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_instance_uid", "step_id"),
    )
    op.create_index("ix_scheduled_procedure_step_order", "scheduled_procedure_step", ["order"], unique=False)
    op.create_index("step_by_accession", "scheduled_procedure_step", ["accession_number"], unique=False)
    op.create_index("step_by_modality", "scheduled_procedure_step", ["modality", "status", "start"], unique=False)
    op.create_index("step_by_patient_id", "scheduled_procedure_step", ["patient_id"], unique=False)
    op.create_index("step_by_patient_name", "scheduled_procedure_step", ["patient_name"], unique=False)
    op.create_index("step_by_physician", "scheduled_procedure_step", ["performing_physician"], unique=False)
    op.create_index("step_by_requested_procedure", "scheduled_procedure_step", ["requested_procedure_id"], unique=False)
    op.create_index(
        "step_by_flaws",
        "scheduled_procedure_step",
        ["start"],
        unique=False,
        sqlite_where=sa.text("flaws <> 0"),
        postgresql_where=sa.text("flaws <> 0"),
    )
    op.create_index("step_by_start", "scheduled_procedure_step", ["start"], unique=False)
    op.create_index("step_by_status", "scheduled_procedure_step", ["status", "start"], unique=False)
    op.create_index("step_by_station", "scheduled_procedure_step", ["station", "status", "start"], unique=False)
    op.create_table(
        "further_value",
        sa.Column("step", ROW_NUMBER, nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("value", MATCHED, nullable=False),
        sa.Column("start", MATCHED, nullable=False),
        sa.ForeignKeyConstraint(["step"], ["scheduled_procedure_step.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step", "column", "value"),
    )
    op.create_index("further_value_by_value", "further_value", ["column", "value", "start", "step"], unique=False)
    op.create_table(
        "performed_for",
        sa.Column("performed", ROW_NUMBER, nullable=False),
        sa.Column("scheduled", ROW_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["performed"],
            ["performed_procedure_step.id"],
        ),
        sa.ForeignKeyConstraint(
            ["scheduled"],
            ["scheduled_procedure_step.id"],
        ),
        sa.PrimaryKeyConstraint("performed", "scheduled"),
    )
    op.create_index("ix_performed_for_scheduled", "performed_for", ["scheduled"], unique=False)
    op.create_table(
        "visit_change",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("patient", ROW_NUMBER, nullable=False),
        sa.Column("admission_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("step", ROW_NUMBER, nullable=True),
        sa.Column("before", sa.LargeBinary(), nullable=False),
        sa.Column("after", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"]),
        sa.ForeignKeyConstraint(["step"], ["scheduled_procedure_step.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_visit_change_step", "visit_change", ["step"], unique=False)
    op.create_index("visit_change_by_visit", "visit_change", ["patient", "admission_id", "at"], unique=False)
    _of_modalities()


def _of_modalities() -> None:
    """What they asked and got, and what happened at their door."""
    op.create_table(
        "modality_query",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("ae_title", sa.String(), nullable=False),
        sa.Column("called", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("syntax", sa.String(), nullable=False),
        sa.Column("identifier", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("withheld", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("modality_query_by_last", "modality_query", ["last_at"], unique=False)
    op.create_index("modality_query_by_title", "modality_query", ["ae_title", "id"], unique=False)
    op.create_table(
        "worklist_answer",
        sa.Column("step", ROW_NUMBER, nullable=False),
        sa.Column("ae_title", sa.String(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["step"], ["scheduled_procedure_step.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("step", "ae_title"),
    )
    of_the_doors = sa.text("event IN ('connections limited', 'association rejected')")
    op.create_index(
        "journal_of_the_doors",
        "journal",
        ["at"],
        unique=False,
        sqlite_where=of_the_doors,
        postgresql_where=of_the_doors,
    )
    _window()
    _what_operators_say()


def _window() -> None:
    """What the window keeps: its pulse, its counts, and who may use it."""
    op.create_table(
        "pulse",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tally",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("count", ROW_NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("kind", "period", "name", "bucket"),
    )
    op.create_table(
        "user",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("password_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "user_session",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("user", ROW_NUMBER, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_index("ix_user_session_user", "user_session", ["user"], unique=False)
    op.create_table(
        "api_token",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("key_hash"),
    )


def _what_operators_say() -> None:
    """Drafts of mappings, and what is held or dealt with."""
    op.create_table(
        "mapping_draft",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_table(
        "mapping_version",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "settled_failure",
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("up_to", ROW_NUMBER, nullable=False),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("cause"),
    )
    op.create_table(
        "held_destination",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "issue_care",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("remark", sa.String(), nullable=False),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
