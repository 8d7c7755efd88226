"""The trial ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "trials",
        sa.Column("seq", serial, autoincrement=True, nullable=False),
        sa.Column("setup_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("variant", sa.String(64), nullable=False),
        sa.Column("what", sa.JSON(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("mean_r", sa.Double(), nullable=True),
        sa.Column("sd_r", sa.Double(), nullable=True),
        sa.Column("skew", sa.Double(), nullable=True),
        sa.Column("kurtosis", sa.Double(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_trials"),
        sa.UniqueConstraint(
            "setup_id", "symbol", "synthetic", "variant", name="uq_trials_setup_id"
        ),
    )


def downgrade() -> None:
    op.drop_table("trials")
