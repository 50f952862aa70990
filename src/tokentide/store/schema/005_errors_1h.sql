-- Errors, time-outs and rate-limited calls by their code, with the last one seen.
CREATE TABLE IF NOT EXISTS {database}.errors_1h {on_cluster}
(
    project_id    LowCardinality(String),
    bucket        DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    error_code    LowCardinality(String),
    provider      LowCardinality(String),
    model         LowCardinality(String),
    partition     UInt16,
    errors        UInt64 CODEC(T64, ZSTD(1)),
    last_seen_ms  Int64 CODEC(Delta(8), ZSTD(1)),
    last_event_id UUID,
    version       UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = {replacing_version}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, error_code, provider, model, partition)
TTL bucket + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600
