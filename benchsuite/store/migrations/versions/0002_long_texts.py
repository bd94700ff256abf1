"""Texts of any length: a unique index of PostgreSQL holds none above 2.7 kB."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade() -> None:
    """The unique index becomes a plain one, by hash where there is one; the rows stay."""
    if op.get_bind().dialect.name == "sqlite":  # which drops no constraint of a table
        op.rename_table("texts", "texts_before")
        op.create_table(
            "texts",
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("text", sa.Text, nullable=False),
        )
        op.execute("INSERT INTO texts (id, text) SELECT id, text FROM texts_before")
        op.drop_table("texts_before")
    else:
        op.drop_constraint("texts_text_key", "texts", type_="unique")
    op.create_index("texts_by_text", "texts", ["text"], postgresql_using="hash")
