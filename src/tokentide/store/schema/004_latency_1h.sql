-- Latency and time to first token, in milliseconds, as t-digests: centroid i stands for weights[i] calls around means[i].
CREATE TABLE IF NOT EXISTS {database}.latency_1h {on_cluster}
(
    project_id      LowCardinality(String),
    bucket          DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    provider        LowCardinality(String),
    model           LowCardinality(String),
    partition       UInt16,
    latency_means   Array(Float32) CODEC(ZSTD(1)),
    latency_weights Array(UInt32) CODEC(ZSTD(1)),
    ttft_means      Array(Float32) CODEC(ZSTD(1)),
    ttft_weights    Array(UInt32) CODEC(ZSTD(1)),
    version         UInt64 CODEC(Delta(8), ZSTD(1)),
    CONSTRAINT latency_digest CHECK length(latency_means) = length(latency_weights),
    CONSTRAINT ttft_digest CHECK length(ttft_means) = length(ttft_weights)
)
ENGINE = {replacing_version}
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, model, partition)
TTL bucket + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600
