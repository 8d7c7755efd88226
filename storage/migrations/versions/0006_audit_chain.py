"""The trail's hash chain, over the events there are too; it is append only as the trail is."""

import hashlib
import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FIELDS = ("at", "actor", "action", "what", "verdict", "reason", "run_id")


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_chain"),
    )
    _link_all(op.get_bind())
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_chain_no_{verb.lower()} BEFORE {verb} ON audit_chain "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    )


def downgrade() -> None:
    op.drop_table("audit_chain")


def _link_all(connection: sa.Connection) -> None:
    """Do what storage.audit_chain did when this revision was written."""
    audit = sa.table(
        "audit", sa.column("seq"), sa.column("at", sa.DateTime(timezone=True)), sa.column("actor", sa.JSON()),
        sa.column("action"), sa.column("what", sa.JSON()), sa.column("verdict"), sa.column("reason"),
        sa.column("run_id"),
    )
    chain = sa.table("audit_chain", sa.column("seq"), sa.column("sha256"))
    head = "0" * 64
    for row in connection.execute(sa.select(audit).order_by(audit.c.seq)).mappings().all():
        told = {name: row[name] for name in FIELDS} | {"at": _moment(row["at"])}
        words = json.dumps(told, sort_keys=True, separators=(",", ":"))
        head = hashlib.sha256(f"{head}\n{row['seq']}\n{words}".encode()).hexdigest()
        connection.execute(chain.insert().values(seq=row["seq"], sha256=head))


def _moment(at: datetime) -> str:
    utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return utc.isoformat().replace("+00:00", "Z")
