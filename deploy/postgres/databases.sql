-- Two databases and three users of least rights; run once, as the server's superuser, by psql.
-- docker-compose.yml does so when its volume is empty. On a server of your own:
--   SECRETS_DIR=secrets psql -h HOST -U postgres -d postgres -f deploy/postgres/databases.sql
--
-- scout_owner  owns our tables and changes them: migrations and restores alone use it
-- scout        reads and writes rows, and keeps tables in shape; it can't make or drop any
-- prefect      owns Prefect's database, which migrates itself, and can't enter ours
\set ON_ERROR_STOP on
\set owner_password `cat "${SECRETS_DIR:-/run/secrets}/scout_owner_password"`
\set scout_password `cat "${SECRETS_DIR:-/run/secrets}/scout_password"`
\set prefect_password `cat "${SECRETS_DIR:-/run/secrets}/prefect_password"`

CREATE ROLE scout_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE scout LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'scout_password';
CREATE ROLE prefect LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'prefect_password';
-- Prefect's rows are a view of our own run table: they need not survive a crash of the machine.
ALTER ROLE prefect SET synchronous_commit = off;

CREATE DATABASE scout OWNER scout_owner ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE prefect OWNER prefect ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE scout, prefect, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE scout TO scout;

\connect prefect
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\connect scout
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO scout;
ALTER DEFAULT PRIVILEGES FOR ROLE scout_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON TABLES TO scout;
ALTER DEFAULT PRIVILEGES FOR ROLE scout_owner IN SCHEMA public
    GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO scout;
