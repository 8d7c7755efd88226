"""Models: their versions, which are in use and how that changed; labels name the run that wrote them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BY_SETUP = "ix_labeled_trades_setup_id"


def upgrade() -> None:
    op.add_column(
        "labeled_trades",
        sa.Column("run_id", sa.Text(), nullable=False, server_default=sa.text("''")),
    )
    op.create_index(BY_SETUP, "labeled_trades", ["setup_id", "symbol", "tf", "known_at"])
    op.create_table(
        "model_versions",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("verdict", sa.JSON(none_as_null=True)),
        sa.Column("removed_at", MOMENT),
        sa.PrimaryKeyConstraint("model_id", "version", name="pk_model_versions"),
    )
    op.create_table(
        "model_standings",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("model_id", name="pk_model_standings"),
    )
    op.create_table(
        "model_changes",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_model_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_changes_model_id", "model_changes", ["model_id", "seq"])


def downgrade() -> None:
    for name in ("model_changes", "model_standings", "model_versions"):
        op.drop_table(name)
    op.drop_index(BY_SETUP, table_name="labeled_trades")
    with op.batch_alter_table("labeled_trades") as table:
        table.drop_column("run_id")
