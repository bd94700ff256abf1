"""What stores from before migrations may lack: counts, processes, series and digests."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0001", None, None, None


def upgrade() -> None:
    """Adds each table that is missing; who opens the store fills in the digests."""
    names = set(sa.inspect(op.get_bind()).get_table_names())
    if "counts" not in names:
        op.create_table(
            "counts",
            sa.Column("id", sa.String, primary_key=True),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
    if "processes" not in names:
        _processes()
    if "digests" not in names:
        _digests()


def _key() -> list[sa.Column[Any]]:
    return [
        sa.Column("workload", sa.String, nullable=False),
        sa.Column("scale", sa.String, nullable=False),
        sa.Column("dataset", sa.String),
        sa.Column("backend", sa.String, nullable=False),
        sa.Column("precision", sa.String, nullable=False),
        sa.Column("batch", sa.Integer, nullable=False),
        sa.Column("device_name", sa.String, nullable=False),
        sa.Column("device_count", sa.Integer, nullable=False),
        sa.Column("threads", sa.Integer, nullable=False),
        sa.Column("scenario", sa.String, nullable=False),
    ]


def _processes() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String, nullable=False, index=True),
        sa.Column("environment", sa.String, nullable=False),
        *_key(),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("measured_at", sa.String, nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("metrics", sa.LargeBinary, nullable=False),
        sa.Column("time_order", sa.Boolean, nullable=False),
        sa.Column("window", sa.LargeBinary, nullable=False),
        sa.Column("durations", sa.LargeBinary, nullable=False),
    )


def _digests() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *_key(),
        sa.Index("series_by_system", "workload", "backend", "scenario"),
    )
    op.create_table(
        "digests",
        sa.Column("result", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("measured_at", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Index("digests_by_time", "series", "measured_at", "result"),
    )
