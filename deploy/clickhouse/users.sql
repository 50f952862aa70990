-- One user for each program, with the roles of roles.sql, which comes first. The passwords are taken from the environment
-- (letters, digits, dashes: they become part of a URL):
--
--     export MIGRATE_PASSWORD=… WORKER_PASSWORD=… API_PASSWORD=… OPERATOR_PASSWORD=…
--     envsubst < users.sql | clickhouse-client --multiquery
--
-- Run it again to change passwords. The server keeps their SHA-256 only.

-- The API sends limits with each question (TOKENTIDE_QUERY_TIMEOUT_SECONDS, TOKENTIDE_QUERY_MEMORY_BYTES): these are what
-- holds when it does not, and what no question may exceed.
CREATE SETTINGS PROFILE IF NOT EXISTS tokentide_api_profile SETTINGS
    max_execution_time = 30 MIN 1 MAX 600,
    max_memory_usage = 2000000000 MIN 1 MAX 8000000000,
    max_concurrent_queries_for_user = 200;
-- An acknowledged row is stored: nobody may turn that off.
CREATE SETTINGS PROFILE IF NOT EXISTS tokentide_worker_profile SETTINGS
    async_insert = 0 CONST,
    max_execution_time = 120;

CREATE USER IF NOT EXISTS tokentide_migrate IDENTIFIED WITH sha256_password BY '${MIGRATE_PASSWORD}';
CREATE USER IF NOT EXISTS tokentide_worker IDENTIFIED WITH sha256_password BY '${WORKER_PASSWORD}' SETTINGS PROFILE 'tokentide_worker_profile';
CREATE USER IF NOT EXISTS tokentide_api IDENTIFIED WITH sha256_password BY '${API_PASSWORD}' SETTINGS PROFILE 'tokentide_api_profile';
CREATE USER IF NOT EXISTS tokentide_operator IDENTIFIED WITH sha256_password BY '${OPERATOR_PASSWORD}';
-- Where they were there already:
ALTER USER tokentide_migrate IDENTIFIED WITH sha256_password BY '${MIGRATE_PASSWORD}';
ALTER USER tokentide_worker IDENTIFIED WITH sha256_password BY '${WORKER_PASSWORD}';
ALTER USER tokentide_api IDENTIFIED WITH sha256_password BY '${API_PASSWORD}';
ALTER USER tokentide_operator IDENTIFIED WITH sha256_password BY '${OPERATOR_PASSWORD}';

GRANT tokentide_migrate_role TO tokentide_migrate;
GRANT tokentide_worker_role TO tokentide_worker;
GRANT tokentide_api_role TO tokentide_api;
GRANT tokentide_operator_role TO tokentide_operator;
