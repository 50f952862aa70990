-- How each provider did, every five minutes; `errors` are errors and time-outs, rate limits stand apart.
CREATE TABLE IF NOT EXISTS {database}.provider_health_5m {on_cluster}
(
    project_id   LowCardinality(String),
    bucket       DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    provider     LowCardinality(String),
    partition    UInt16,
    requests     UInt64 CODEC(T64, ZSTD(1)),
    errors       UInt64 CODEC(T64, ZSTD(1)),
    rate_limited UInt64 CODEC(T64, ZSTD(1)),
    latency_us   UInt64 CODEC(T64, ZSTD(1)),
    version      UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = {replacing_version}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, partition)
TTL bucket + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600
