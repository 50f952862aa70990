-- The digests of latency_1h merged: one row a day. Rows are made by the worker, for days that are over (see days).
CREATE TABLE IF NOT EXISTS {database}.latency_1d {on_cluster}
(
    project_id      LowCardinality(String),
    day             Date CODEC(Delta(2), ZSTD(1)),
    provider        LowCardinality(String),
    model           LowCardinality(String),
    partition       UInt16,
    latency_means   Array(Float32) CODEC(ZSTD(1)),
    latency_weights Array(UInt32) CODEC(ZSTD(1)),
    ttft_means      Array(Float32) CODEC(ZSTD(1)),
    ttft_weights    Array(UInt32) CODEC(ZSTD(1)),
    version         UInt128 CODEC(ZSTD(1)) COMMENT 'sum of the hours'' versions; in the high 32 bits how often the day was rebuilt',
    CONSTRAINT latency_digest CHECK length(latency_means) = length(latency_weights),
    CONSTRAINT ttft_digest CHECK length(ttft_means) = length(ttft_weights)
)
ENGINE = {replacing_version}
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, provider, model, partition)
TTL day + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600,
    index_granularity = 256
