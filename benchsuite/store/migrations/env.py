"""Run by alembic: migrates on the connection, and in the transaction, that opened the store."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
