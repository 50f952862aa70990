-- What each program may do, and nothing else. Run by an administrator before the first migration, and again before each
-- upgrade, which may need more (running it again takes nothing away):
--
--     clickhouse-client --multiquery < roles.sql
--
-- For another database than `tokentide`: sed 's/ tokentide\./ other./'. On a cluster whose access is not replicated, run it
-- on each node. A test runs each program's statements on ClickHouse's engine with these rights alone, and holds every
-- right against what the statements used.

-- tokentide migrate: makes and changes tables and views. Who makes a view must be allowed to read what it shows.
CREATE ROLE IF NOT EXISTS tokentide_migrate_role;
GRANT CREATE DATABASE ON tokentide.* TO tokentide_migrate_role;
GRANT CREATE TABLE ON tokentide.* TO tokentide_migrate_role;
GRANT CREATE VIEW, DROP VIEW ON tokentide.* TO tokentide_migrate_role;
GRANT SELECT ON tokentide.usage_1h TO tokentide_migrate_role;
GRANT SELECT ON tokentide.latency_1h TO tokentide_migrate_role;
GRANT SELECT ON tokentide.errors_1h TO tokentide_migrate_role;
GRANT SELECT ON tokentide.rate_limits_1m TO tokentide_migrate_role;
GRANT SELECT ON tokentide.provider_health_5m TO tokentide_migrate_role;
GRANT SELECT ON tokentide.progress TO tokentide_migrate_role;
GRANT ALTER ADD INDEX ON tokentide.* TO tokentide_migrate_role;
GRANT ALTER TTL ON tokentide.* TO tokentide_migrate_role;
GRANT SELECT, INSERT ON tokentide.schema_migrations TO tokentide_migrate_role;
GRANT SELECT ON system.databases TO tokentide_migrate_role;
GRANT SELECT ON system.tables TO tokentide_migrate_role;
GRANT SELECT ON system.settings TO tokentide_migrate_role;
GRANT TABLE ENGINE ON ReplacingMergeTree TO tokentide_migrate_role;
-- With TOKENTIDE_CLUSTER:
GRANT TABLE ENGINE ON ReplicatedReplacingMergeTree TO tokentide_migrate_role;
GRANT CLUSTER ON *.* TO tokentide_migrate_role;

-- tokentide worker: writes what it folds, and reads back the rows that it goes on with. Never keys or accounts.
CREATE ROLE IF NOT EXISTS tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.usage_1h TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.latency_1h TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.errors_1h TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.rate_limits_1m TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.provider_health_5m TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.usage_1d TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.latency_1d TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.days TO tokentide_worker_role;
GRANT SELECT, INSERT ON tokentide.progress TO tokentide_worker_role;
GRANT INSERT ON tokentide.events TO tokentide_worker_role;
GRANT SELECT ON system.settings TO tokentide_worker_role;

-- tokentide api: reads. It writes when a key was used, and stops the questions of clients that went away.
CREATE ROLE IF NOT EXISTS tokentide_api_role;
GRANT SELECT ON tokentide.usage_1h TO tokentide_api_role;
GRANT SELECT ON tokentide.latency_1h TO tokentide_api_role;
GRANT SELECT ON tokentide.errors_1h TO tokentide_api_role;
GRANT SELECT ON tokentide.provider_health_5m TO tokentide_api_role;
GRANT SELECT ON tokentide.usage_1d TO tokentide_api_role;
GRANT SELECT ON tokentide.latency_1d TO tokentide_api_role;
GRANT SELECT ON tokentide.days TO tokentide_api_role;
GRANT SELECT ON tokentide.events TO tokentide_api_role;
GRANT SELECT ON tokentide.progress TO tokentide_api_role;
GRANT SELECT ON tokentide.projects TO tokentide_api_role;
GRANT SELECT ON tokentide.access_keys TO tokentide_api_role;
GRANT SELECT ON tokentide.accounts TO tokentide_api_role;
GRANT SELECT ON tokentide.schema_migrations TO tokentide_api_role;
GRANT SELECT, INSERT ON tokentide.key_uses TO tokentide_api_role;
GRANT SELECT ON system.settings TO tokentide_api_role;
GRANT SELECT(query_id, user, query) ON system.processes TO tokentide_api_role;

-- People, for tokentide keys, account, reconcile and rebuild.
CREATE ROLE IF NOT EXISTS tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.usage_1h TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.latency_1h TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.errors_1h TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.rate_limits_1m TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.provider_health_5m TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.usage_1d TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.latency_1d TO tokentide_operator_role;
GRANT SELECT, INSERT ON tokentide.days TO tokentide_operator_role;
GRANT SELECT, INSERT, ALTER DELETE ON tokentide.events TO tokentide_operator_role;
GRANT SELECT ON tokentide.progress TO tokentide_operator_role;
GRANT SELECT, INSERT ON tokentide.projects TO tokentide_operator_role;
GRANT SELECT, INSERT ON tokentide.access_keys TO tokentide_operator_role;
GRANT SELECT, INSERT ON tokentide.accounts TO tokentide_operator_role;
GRANT SELECT ON tokentide.key_uses TO tokentide_operator_role;
GRANT SELECT ON system.settings TO tokentide_operator_role;
