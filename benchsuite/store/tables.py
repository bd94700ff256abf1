"""The tables of a store, as the newest schema has them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

MANY = 500  # ids in one statement: below every database's limit


def _by_tree(*_: Any, dialect: sa.Dialect, **__: Any) -> bool:
    """Whether this database's usual index takes texts of any length."""
    return dialect.name != "postgresql"


def _by_hash(_: sa.Table, connection: sa.Connection, **__: Any) -> None:
    """The index of texts where trees hold none above 2.7 kB.

    `postgresql_using` would import that dialect in every command.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("CREATE INDEX texts_by_text ON texts USING hash (text)")


metadata = sa.MetaData()
about = sa.Table(
    "about",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("plan", sa.LargeBinary, nullable=False),
)
environments = sa.Table(
    "environments",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("facts", sa.JSON, nullable=False),
)
texts = sa.Table(
    "texts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("text", sa.Text, nullable=False),
    # writers take turns, so none is added twice
    sa.Index("texts_by_text", "text").ddl_if(callable_=_by_tree),
)
sa.event.listen(texts, "after_create", _by_hash)
KEY = ("workload", "scale", "dataset", "backend", "precision", "batch", "device_name",
        "device_count", "threads")  # fmt: skip
results = sa.Table(
    "results",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.String, nullable=False, index=True),
    sa.Column("environment", sa.String, nullable=False),
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
    sa.Column("status", sa.String, nullable=False),
    sa.Column("measured_at", sa.String, nullable=False),
    sa.Column("facts", sa.LargeBinary, nullable=False),
    sa.Column("metrics", sa.LargeBinary, nullable=False),
    sa.Index("results_by_system", "workload", "backend", "scenario"),
)
raw = sa.Table(
    "raw",
    metadata,
    sa.Column("result", sa.Integer, primary_key=True),
    sa.Column("time_order", sa.Boolean, nullable=False),
    sa.Column("window", sa.LargeBinary, nullable=False),
    sa.Column("durations", sa.LargeBinary, nullable=False),
)
# a network's layers, kept once for all rows that count the same
counts = sa.Table(
    "counts",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
# a row of `--repeats` has all its processes here; in `results` and `raw` is the one of the median
processes = sa.Table(
    "processes",
    metadata,
    *(
        sa.Column(column.name, column.type, primary_key=column.primary_key, index=column.index,
                  nullable=column.nullable)
        for column in results.columns
    ),
    sa.Column("time_order", sa.Boolean, nullable=False),
    sa.Column("window", sa.LargeBinary, nullable=False),
    sa.Column("durations", sa.LargeBinary, nullable=False),
)  # fmt: skip
# a row's identity over all runs: pages over a whole store read these two tables alone
series = sa.Table(
    "series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *(
        sa.Column(name, results.c[name].type, nullable=name == "dataset")
        for name in (*KEY, "scenario")
    ),
    sa.Index("series_by_system", "workload", "backend", "scenario"),
)
digests = sa.Table(
    "digests",
    metadata,
    sa.Column("result", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("series", sa.Integer, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("measured_at", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("digests_by_time", "series", "measured_at", "result"),
)
