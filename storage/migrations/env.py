"""What alembic runs: the revisions, in the connection and transaction of storage.database."""

from alembic import context

from storage.outside_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite has it too, once BEGIN is said by us
    transaction_per_migration=False,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
