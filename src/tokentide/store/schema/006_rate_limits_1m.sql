-- Rate-limited calls by the minute: the heatmap.
CREATE TABLE IF NOT EXISTS {database}.rate_limits_1m {on_cluster}
(
    project_id   LowCardinality(String),
    bucket       DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    provider     LowCardinality(String),
    model        LowCardinality(String),
    partition    UInt16,
    rate_limited UInt64 CODEC(T64, ZSTD(1)),
    version      UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = {replacing_version}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, model, partition)
TTL bucket + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600
