-- The hours of usage_1h added up: one row a day. Rows are made by the worker, for days that are over (see days).
CREATE TABLE IF NOT EXISTS {database}.usage_1d {on_cluster}
(
    project_id              LowCardinality(String),
    day                     Date CODEC(Delta(2), ZSTD(1)),
    provider                LowCardinality(String),
    model                   LowCardinality(String),
    agent_id                LowCardinality(String),
    task_type               LowCardinality(String),
    partition               UInt16,
    requests                UInt64 CODEC(T64, ZSTD(1)),
    success                 UInt64 CODEC(T64, ZSTD(1)),
    error                   UInt64 CODEC(T64, ZSTD(1)),
    timeout                 UInt64 CODEC(T64, ZSTD(1)),
    rate_limited            UInt64 CODEC(T64, ZSTD(1)),
    cancelled               UInt64 CODEC(T64, ZSTD(1)),
    input_tokens            UInt64 CODEC(T64, ZSTD(1)),
    output_tokens           UInt64 CODEC(T64, ZSTD(1)),
    cached_tokens           UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens      UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens        UInt64 CODEC(T64, ZSTD(1)),
    cost_nanos              UInt64 CODEC(T64, ZSTD(1)),
    latency_us              UInt64 CODEC(T64, ZSTD(1)),
    latency_us_max          UInt64 CODEC(T64, ZSTD(1)),
    ttft_us                 UInt64 CODEC(T64, ZSTD(1)),
    ttft_count              UInt64 CODEC(T64, ZSTD(1)),
    quality_sum             Float64 CODEC(ZSTD(1)),
    quality_count           UInt64 CODEC(T64, ZSTD(1)),
    complexity_sum          Float64 CODEC(ZSTD(1)),
    complexity_count        UInt64 CODEC(T64, ZSTD(1)),
    failures                UInt64 CODEC(T64, ZSTD(1)),
    failed_format_violation UInt64 CODEC(T64, ZSTD(1)),
    failed_refusal          UInt64 CODEC(T64, ZSTD(1)),
    failed_hallucination    UInt64 CODEC(T64, ZSTD(1)),
    failed_incomplete       UInt64 CODEC(T64, ZSTD(1)),
    failed_reasoning_error  UInt64 CODEC(T64, ZSTD(1)),
    failed_provider_error   UInt64 CODEC(T64, ZSTD(1)),
    recovered_by_retry      UInt64 CODEC(T64, ZSTD(1)),
    recovered_by_fallback   UInt64 CODEC(T64, ZSTD(1)),
    fallbacks               UInt64 CODEC(T64, ZSTD(1)),
    retried                 UInt64 CODEC(T64, ZSTD(1)),
    ceiling_hits            UInt64 CODEC(T64, ZSTD(1)),
    routing_verdicts        UInt64 CODEC(T64, ZSTD(1)),
    routing_correct         UInt64 CODEC(T64, ZSTD(1)),
    pinned                  UInt64 CODEC(T64, ZSTD(1)),
    version                 UInt128 CODEC(ZSTD(1)) COMMENT 'sum of the hours'' versions; in the high 32 bits how often the day was rebuilt'
)
ENGINE = {replacing_version}
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, provider, model, agent_id, task_type, partition)
TTL day + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600,
    index_granularity = 1024
