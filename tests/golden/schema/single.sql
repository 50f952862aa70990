CREATE DATABASE IF NOT EXISTS `tokentide`;

-- 001_schema_migrations
CREATE TABLE IF NOT EXISTS `tokentide`.schema_migrations
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 002_progress
CREATE TABLE IF NOT EXISTS `tokentide`.progress
(
    topic          LowCardinality(String),
    partition      UInt16,
    position       UInt64 COMMENT 'next offset to read: everything below it is stored',
    log_time_ms    Int64  COMMENT 'running maximum of the record timestamps below position',
    record_time_ms Int64  COMMENT 'timestamp of the record before position',
    record_hash    UInt64 COMMENT 'hash of the record before position: tells a recreated topic',
    through_ms     Int64  COMMENT 'log time up to which this partition is stored, as X-Data-Through says it',
    epoch          UInt16 COMMENT 'which life of the topic the position belongs to',
    version        UInt64 COMMENT 'epoch in the high bits, position in the low'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 003_usage_1h
CREATE TABLE IF NOT EXISTS `tokentide`.usage_1h
(
    project_id              LowCardinality(String),
    bucket                  DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
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
    version                 UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, model, agent_id, task_type, partition)
TTL bucket + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600;

-- 004_latency_1h
CREATE TABLE IF NOT EXISTS `tokentide`.latency_1h
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
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, model, partition)
TTL bucket + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600;

-- 005_errors_1h
CREATE TABLE IF NOT EXISTS `tokentide`.errors_1h
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
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, error_code, provider, model, partition)
TTL bucket + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600;

-- 006_rate_limits_1m
CREATE TABLE IF NOT EXISTS `tokentide`.rate_limits_1m
(
    project_id   LowCardinality(String),
    bucket       DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    provider     LowCardinality(String),
    model        LowCardinality(String),
    partition    UInt16,
    rate_limited UInt64 CODEC(T64, ZSTD(1)),
    version      UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, model, partition)
TTL bucket + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600;

-- 007_provider_health_5m
CREATE TABLE IF NOT EXISTS `tokentide`.provider_health_5m
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
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(bucket)
ORDER BY (project_id, bucket, provider, partition)
TTL bucket + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600;

-- 008_events
CREATE TABLE IF NOT EXISTS `tokentide`.events
(
    project_id                      LowCardinality(String),
    event_time_ms                   Int64 EPHEMERAL,
    timestamp                       DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(event_time_ms, 'UTC') CODEC(Delta(8), ZSTD(1)),
    log_partition                   UInt16,
    log_offset                      UInt64 COMMENT 'epoch in the high bits, offset in the low' CODEC(Delta(8), ZSTD(1)),
    log_index                       UInt16 COMMENT 'place in the record, from 0',
    event_id                        UUID,
    org_id                          LowCardinality(Nullable(String)),
    kind                            LowCardinality(String) DEFAULT 'llm',
    trace_id                        Nullable(String) CODEC(ZSTD(1)),
    span_id                         Nullable(String) CODEC(ZSTD(1)),
    parent_span_id                  Nullable(String) CODEC(ZSTD(1)),
    provider                        LowCardinality(Nullable(String)),
    model                           LowCardinality(Nullable(String)),
    requested_model                 LowCardinality(Nullable(String)),
    virtual_model                   LowCardinality(Nullable(String)),
    provider_model_name             LowCardinality(Nullable(String)),
    provider_account_type           LowCardinality(Nullable(String)),
    attempt                         Nullable(UInt32) CODEC(ZSTD(1)),
    operation                       LowCardinality(String) DEFAULT 'chat',
    status                          LowCardinality(String),
    error_code                      LowCardinality(Nullable(String)),
    error_message                   Nullable(String) CODEC(ZSTD(1)),
    http_status                     Nullable(UInt16) CODEC(ZSTD(1)),
    latency_ms                      Float64 CODEC(ZSTD(1)),
    stream                          Bool,
    ttft_ms                         Nullable(Float64) CODEC(ZSTD(1)),
    inter_token_latency_ms          Nullable(Float64) CODEC(ZSTD(1)),
    time_per_output_token_ms        Nullable(Float64) CODEC(ZSTD(1)),
    input_tokens                    UInt32 CODEC(ZSTD(1)),
    output_tokens                   UInt32 CODEC(ZSTD(1)),
    cached_tokens                   UInt32 CODEC(ZSTD(1)),
    cache_write_tokens              UInt32 CODEC(ZSTD(1)),
    reasoning_tokens                UInt32 CODEC(ZSTD(1)),
    cost_nanos                      UInt64 EPHEMERAL,
    cost_usd                        Decimal(18, 9) DEFAULT reinterpret(toInt64(cost_nanos), 'Decimal(18, 9)') CODEC(ZSTD(1)),
    finish_reason                   LowCardinality(Nullable(String)),
    agent_id                        LowCardinality(Nullable(String)),
    agent_name                      LowCardinality(Nullable(String)),
    agent_framework                 LowCardinality(Nullable(String)),
    agent_server_type               LowCardinality(Nullable(String)),
    session_id                      Nullable(String) CODEC(ZSTD(1)),
    user_id                         Nullable(String) CODEC(ZSTD(1)),
    subject_slug                    LowCardinality(Nullable(String)),
    subject_type                    LowCardinality(Nullable(String)),
    teams                           Array(LowCardinality(String)),
    environment                     LowCardinality(Nullable(String)),
    sdk_version                     LowCardinality(Nullable(String)),
    prompt_hash                     Nullable(String) CODEC(ZSTD(1)),
    span_kind                       LowCardinality(Nullable(String)),
    metadata                        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    sample_rate                     Float64 DEFAULT 1 CODEC(ZSTD(1)),
    task_type                       LowCardinality(Nullable(String)),
    complexity                      Nullable(Float64) CODEC(ZSTD(1)),
    quality_score                   Nullable(Float64) CODEC(ZSTD(1)),
    validation_passed               Nullable(Bool),
    routing_correct                 Nullable(Bool),
    fallback_used                   Bool,
    cost_ceiling_hit                Bool,
    model_pinned                    Bool,
    retry_count                     UInt32 CODEC(ZSTD(1)),
    failure_mode                    LowCardinality(Nullable(String)),
    failure_trigger                 LowCardinality(Nullable(String)),
    recovered_by                    LowCardinality(Nullable(String)),
    cost_ceiling_nanos              Nullable(UInt64) EPHEMERAL,
    cost_ceiling_usd                Nullable(Decimal(18, 9)) DEFAULT reinterpret(toInt64(cost_ceiling_nanos), 'Decimal(18, 9)') CODEC(ZSTD(1)),
    cache_lookup_status             LowCardinality(Nullable(String)),
    cache_type                      LowCardinality(Nullable(String)),
    cache_namespace                 LowCardinality(Nullable(String)),
    cache_lookup_latency_ms         Nullable(Float64) CODEC(ZSTD(1)),
    potential_savings_nanos         Nullable(UInt64) EPHEMERAL,
    potential_cost_savings          Nullable(Decimal(18, 9)) DEFAULT reinterpret(toInt64(potential_savings_nanos), 'Decimal(18, 9)') CODEC(ZSTD(1)),
    mcp_server_name                 LowCardinality(Nullable(String)),
    mcp_method                      LowCardinality(Nullable(String)),
    tool_name                       LowCardinality(Nullable(String)),
    guardrail_name                  LowCardinality(Nullable(String)),
    guardrail_result                LowCardinality(Nullable(String)),
    applied_on_entity_scope         LowCardinality(Nullable(String)),
    config_type                     LowCardinality(Nullable(String)),
    config_status                   LowCardinality(Nullable(String)),
    target_model                    LowCardinality(Nullable(String)),
    loadbalance_rule_id             LowCardinality(Nullable(String)),
    ratelimit_rule_id               LowCardinality(Nullable(String)),
    budget_rule_id                  LowCardinality(Nullable(String)),
    loadbalance_target_attempt_count Nullable(UInt32) CODEC(ZSTD(1)),
    version                         UInt64 DEFAULT log_offset + 1 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (project_id, timestamp, log_partition, log_offset, log_index)
TTL toDateTime(timestamp) + INTERVAL 100 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600;

-- 009_projects
CREATE TABLE IF NOT EXISTS `tokentide`.projects
(
    project_id String,
    org_id     String,
    created_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY project_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 010_access_keys
CREATE TABLE IF NOT EXISTS `tokentide`.access_keys
(
    id         String,
    key_sha256 FixedString(64),
    role       LowCardinality(String),
    org_id     String,
    projects   Array(String) COMMENT 'empty for a read key means every project of the organisation',
    tier       LowCardinality(String),
    created_at DateTime64(3, 'UTC'),
    expires_at Nullable(DateTime64(3, 'UTC')),
    revoked_at Nullable(DateTime64(3, 'UTC')),
    version    UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 011_accounts
CREATE TABLE IF NOT EXISTS `tokentide`.accounts
(
    org_id                String,
    gpt4o_input_price     Nullable(Decimal(18, 9)) COMMENT 'dollars per million tokens',
    gpt4o_output_price    Nullable(Decimal(18, 9)) COMMENT 'dollars per million tokens',
    cost_vs_quality_ratio Nullable(Float64) COMMENT '0 to 1',
    latency_sensitivity   Nullable(Float64) COMMENT '0 to 1',
    version               UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY org_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 012_events_indexes
ALTER TABLE `tokentide`.events
    ADD INDEX IF NOT EXISTS by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1;

-- 013_key_uses
CREATE TABLE IF NOT EXISTS `tokentide`.key_uses
(
    id           String,
    last_used_at DateTime64(3, 'UTC'),
    version      UInt64 COMMENT 'last_used_at in milliseconds since the epoch'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 014_usage_1d
CREATE TABLE IF NOT EXISTS `tokentide`.usage_1d
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
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, provider, model, agent_id, task_type, partition)
TTL day + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600,
    index_granularity = 1024;

-- 015_latency_1d
CREATE TABLE IF NOT EXISTS `tokentide`.latency_1d
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
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (project_id, day, provider, model, partition)
TTL day + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_age_to_force_merge_seconds = 600,
    index_granularity = 256;

-- 016_days
CREATE TABLE IF NOT EXISTS `tokentide`.days
(
    partition UInt16,
    day       Date   COMMENT 'UTC',
    position  UInt64 COMMENT 'epoch in the high bits, next offset to read in the low: opened before a flush of it, or sealed after one',
    turn      UInt16 COMMENT 'orders the marks of one position; odd: sealed, even: open',
    version   UInt128 COMMENT 'position, and turn in the low 16 bits'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (partition, day)
TTL day + INTERVAL 400 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- 017_views
CREATE OR REPLACE VIEW `tokentide`.usage_hourly  AS
SELECT
    project_id,
    hour,
    provider,
    model,
    agent_id,
    task_type,
    requests,
    success,
    error,
    timeout,
    rate_limited,
    cancelled,
    error + timeout + rate_limited AS failed,
    input_tokens,
    output_tokens,
    cached_tokens,
    cache_write_tokens,
    reasoning_tokens,
    toDecimal128(cost_nanos, 9) / 1000000000 AS cost_usd,
    latency_us / 1000 AS latency_ms_sum,
    latency_us_max / 1000 AS latency_ms_max,
    ttft_us / 1000 AS ttft_ms_sum,
    ttft_count,
    quality_sum,
    quality_count,
    complexity_sum,
    complexity_count,
    failures,
    failed_format_violation,
    failed_refusal,
    failed_hallucination,
    failed_incomplete,
    failed_reasoning_error,
    failed_provider_error,
    recovered_by_retry,
    recovered_by_fallback,
    fallbacks,
    retried,
    ceiling_hits,
    routing_verdicts,
    routing_correct,
    pinned
FROM
(
    SELECT
        project_id,
        bucket AS hour,
        provider,
        model,
        agent_id,
        task_type,
        sum(requests) AS requests,
        sum(success) AS success,
        sum(error) AS error,
        sum(timeout) AS timeout,
        sum(rate_limited) AS rate_limited,
        sum(cancelled) AS cancelled,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        sum(cached_tokens) AS cached_tokens,
        sum(cache_write_tokens) AS cache_write_tokens,
        sum(reasoning_tokens) AS reasoning_tokens,
        sum(cost_nanos) AS cost_nanos,
        sum(latency_us) AS latency_us,
        max(latency_us_max) AS latency_us_max,
        sum(ttft_us) AS ttft_us,
        sum(ttft_count) AS ttft_count,
        sum(quality_sum) AS quality_sum,
        sum(quality_count) AS quality_count,
        sum(complexity_sum) AS complexity_sum,
        sum(complexity_count) AS complexity_count,
        sum(failures) AS failures,
        sum(failed_format_violation) AS failed_format_violation,
        sum(failed_refusal) AS failed_refusal,
        sum(failed_hallucination) AS failed_hallucination,
        sum(failed_incomplete) AS failed_incomplete,
        sum(failed_reasoning_error) AS failed_reasoning_error,
        sum(failed_provider_error) AS failed_provider_error,
        sum(recovered_by_retry) AS recovered_by_retry,
        sum(recovered_by_fallback) AS recovered_by_fallback,
        sum(fallbacks) AS fallbacks,
        sum(retried) AS retried,
        sum(ceiling_hits) AS ceiling_hits,
        sum(routing_verdicts) AS routing_verdicts,
        sum(routing_correct) AS routing_correct,
        sum(pinned) AS pinned
    FROM `tokentide`.usage_1h FINAL
    GROUP BY project_id, hour, provider, model, agent_id, task_type
)
COMMENT 'calls by hour: counts, tokens, dollars, milliseconds; all but maxima may be added up';

CREATE OR REPLACE VIEW `tokentide`.usage_daily  AS
SELECT
    project_id,
    day,
    provider,
    model,
    agent_id,
    task_type,
    requests,
    success,
    error,
    timeout,
    rate_limited,
    cancelled,
    error + timeout + rate_limited AS failed,
    input_tokens,
    output_tokens,
    cached_tokens,
    cache_write_tokens,
    reasoning_tokens,
    toDecimal128(cost_nanos, 9) / 1000000000 AS cost_usd,
    latency_us / 1000 AS latency_ms_sum,
    latency_us_max / 1000 AS latency_ms_max,
    ttft_us / 1000 AS ttft_ms_sum,
    ttft_count,
    quality_sum,
    quality_count,
    complexity_sum,
    complexity_count,
    failures,
    failed_format_violation,
    failed_refusal,
    failed_hallucination,
    failed_incomplete,
    failed_reasoning_error,
    failed_provider_error,
    recovered_by_retry,
    recovered_by_fallback,
    fallbacks,
    retried,
    ceiling_hits,
    routing_verdicts,
    routing_correct,
    pinned
FROM
(
    SELECT
        project_id,
        toDate(bucket, 'UTC') AS day,
        provider,
        model,
        agent_id,
        task_type,
        sum(requests) AS requests,
        sum(success) AS success,
        sum(error) AS error,
        sum(timeout) AS timeout,
        sum(rate_limited) AS rate_limited,
        sum(cancelled) AS cancelled,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        sum(cached_tokens) AS cached_tokens,
        sum(cache_write_tokens) AS cache_write_tokens,
        sum(reasoning_tokens) AS reasoning_tokens,
        sum(cost_nanos) AS cost_nanos,
        sum(latency_us) AS latency_us,
        max(latency_us_max) AS latency_us_max,
        sum(ttft_us) AS ttft_us,
        sum(ttft_count) AS ttft_count,
        sum(quality_sum) AS quality_sum,
        sum(quality_count) AS quality_count,
        sum(complexity_sum) AS complexity_sum,
        sum(complexity_count) AS complexity_count,
        sum(failures) AS failures,
        sum(failed_format_violation) AS failed_format_violation,
        sum(failed_refusal) AS failed_refusal,
        sum(failed_hallucination) AS failed_hallucination,
        sum(failed_incomplete) AS failed_incomplete,
        sum(failed_reasoning_error) AS failed_reasoning_error,
        sum(failed_provider_error) AS failed_provider_error,
        sum(recovered_by_retry) AS recovered_by_retry,
        sum(recovered_by_fallback) AS recovered_by_fallback,
        sum(fallbacks) AS fallbacks,
        sum(retried) AS retried,
        sum(ceiling_hits) AS ceiling_hits,
        sum(routing_verdicts) AS routing_verdicts,
        sum(routing_correct) AS routing_correct,
        sum(pinned) AS pinned
    FROM `tokentide`.usage_1h FINAL
    GROUP BY project_id, day, provider, model, agent_id, task_type
)
COMMENT 'calls by day, UTC: counts, tokens, dollars, milliseconds; all but maxima may be added up';

CREATE OR REPLACE VIEW `tokentide`.latency_quantiles  AS
SELECT
    project_id,
    hour,
    provider,
    model,
    calls,
    latency[1] AS p50_ms,
    latency[2] AS p90_ms,
    latency[3] AS p95_ms,
    latency[4] AS p99_ms,
    streamed_calls,
    if(streamed_calls = 0, NULL, ttft[1]) AS ttft_p50_ms,
    if(streamed_calls = 0, NULL, ttft[2]) AS ttft_p90_ms,
    if(streamed_calls = 0, NULL, ttft[3]) AS ttft_p95_ms,
    if(streamed_calls = 0, NULL, ttft[4]) AS ttft_p99_ms
FROM
(
    SELECT
        project_id,
        bucket AS hour,
        provider,
        model,
        sum(arraySum(latency_weights)) AS calls,
        sum(arraySum(ttft_weights)) AS streamed_calls,
        quantilesTDigestWeightedArray(0.5, 0.9, 0.95, 0.99)(latency_means, latency_weights) AS latency,
        quantilesTDigestWeightedArray(0.5, 0.9, 0.95, 0.99)(ttft_means, ttft_weights) AS ttft
    FROM `tokentide`.latency_1h FINAL
    GROUP BY project_id, hour, provider, model
)
COMMENT 'latency and time to first token by hour, in milliseconds; never to be averaged';

CREATE OR REPLACE VIEW `tokentide`.errors_hourly  AS
SELECT
    project_id,
    hour,
    error_code,
    provider,
    model,
    error_count AS errors,
    fromUnixTimestamp64Milli(last_ms, 'UTC') AS last_seen,
    last_id AS last_event_id
FROM
(
    SELECT
        project_id,
        bucket AS hour,
        error_code,
        provider,
        model,
        sum(errors) AS error_count,
        max(last_seen_ms) AS last_ms,
        argMax(last_event_id, (last_seen_ms, version)) AS last_id
    FROM `tokentide`.errors_1h FINAL
    GROUP BY project_id, hour, error_code, provider, model
)
COMMENT 'errors, time-outs and rate-limited calls by hour and code, with the last of each';

CREATE OR REPLACE VIEW `tokentide`.rate_limits_by_minute  AS
SELECT
    project_id,
    bucket AS minute,
    provider,
    model,
    sum(rate_limited) AS rate_limited
FROM `tokentide`.rate_limits_1m FINAL
GROUP BY project_id, minute, provider, model
COMMENT 'calls that a provider refused because there were too many, by minute';

CREATE OR REPLACE VIEW `tokentide`.provider_health  AS
SELECT
    project_id,
    time,
    provider,
    requests,
    errors,
    rate_limited,
    errors / requests AS error_rate,
    latency_us / requests / 1000 AS latency_ms_avg
FROM
(
    SELECT
        project_id,
        bucket AS time,
        provider,
        sum(requests) AS requests,
        sum(errors) AS errors,
        sum(rate_limited) AS rate_limited,
        sum(latency_us) AS latency_us
    FROM `tokentide`.provider_health_5m FINAL
    GROUP BY project_id, time, provider
)
COMMENT 'providers by five minutes; errors are errors and time-outs, rate limits stand apart';

CREATE OR REPLACE VIEW `tokentide`.pipeline_freshness  AS
SELECT
    topic,
    fromUnixTimestamp64Milli(through, 'UTC') AS stored_through,
    greatest(0, toUnixTimestamp64Milli(now64(3)) - through) / 1000 AS age_seconds,
    partitions
FROM
(
    SELECT
        topic,
        epoch,
        min(through_ms) AS through,
        count() AS partitions
    FROM `tokentide`.progress FINAL
    GROUP BY topic, epoch
    ORDER BY epoch DESC
    LIMIT 1 BY topic
)
COMMENT 'the moment up to which every event is in the other views';

-- 018_window_views
CREATE OR REPLACE VIEW `tokentide`.latency_quantiles_over  AS
SELECT
    level,
    provider,
    model,
    calls,
    latency[1] AS p50_ms,
    latency[2] AS p90_ms,
    latency[3] AS p95_ms,
    latency[4] AS p99_ms,
    streamed_calls,
    if(streamed_calls = 0, NULL, ttft[1]) AS ttft_p50_ms,
    if(streamed_calls = 0, NULL, ttft[2]) AS ttft_p90_ms,
    if(streamed_calls = 0, NULL, ttft[3]) AS ttft_p95_ms,
    if(streamed_calls = 0, NULL, ttft[4]) AS ttft_p99_ms
FROM
(
    SELECT
        multiIf(grouping(provider) = 1, 'project', grouping(model) = 1, 'provider', 'model') AS level,
        provider,
        model,
        sum(arraySum(latency_weights)) AS calls,
        sum(arraySum(ttft_weights)) AS streamed_calls,
        quantilesTDigestWeightedArray(0.5, 0.9, 0.95, 0.99)(latency_means, latency_weights) AS latency,
        quantilesTDigestWeightedArray(0.5, 0.9, 0.95, 0.99)(ttft_means, ttft_weights) AS ttft
    FROM `tokentide`.latency_1h FINAL
    WHERE project_id = {project:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    GROUP BY GROUPING SETS ((), (provider), (provider, model))
)
WHERE calls > 0
COMMENT 'latency_quantiles_over(project, from, to): of the project, each provider and each model, as level says';

CREATE OR REPLACE VIEW `tokentide`.latency_quantiles_every  AS
SELECT
    time,
    calls,
    latency[1] AS p50_ms,
    latency[2] AS p90_ms,
    latency[3] AS p95_ms,
    latency[4] AS p99_ms,
    streamed_calls,
    if(streamed_calls = 0, NULL, ttft[1]) AS ttft_p50_ms,
    if(streamed_calls = 0, NULL, ttft[2]) AS ttft_p90_ms,
    if(streamed_calls = 0, NULL, ttft[3]) AS ttft_p95_ms,
    if(streamed_calls = 0, NULL, ttft[4]) AS ttft_p99_ms
FROM
(
    SELECT
        toDateTime(
            intDiv(toUnixTimestamp(bucket), greatest({seconds:UInt32}, 3600)) * greatest({seconds:UInt32}, 3600),
            'UTC'
        ) AS time,
        sum(arraySum(latency_weights)) AS calls,
        sum(arraySum(ttft_weights)) AS streamed_calls,
        quantilesTDigestWeightedArray(0.5, 0.9, 0.95, 0.99)(latency_means, latency_weights) AS latency,
        quantilesTDigestWeightedArray(0.5, 0.9, 0.95, 0.99)(ttft_means, ttft_weights) AS ttft
    FROM `tokentide`.latency_1h FINAL
    WHERE project_id = {project:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
        AND (empty({models:Array(String)}) OR has({models:Array(String)}, model))
    GROUP BY time
)
COMMENT 'latency_quantiles_every(project, from, to, models, seconds): by buckets of that length; no models are all';

ALTER TABLE `tokentide`.usage_1h MODIFY TTL bucket + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.latency_1h MODIFY TTL bucket + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.errors_1h MODIFY TTL bucket + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.rate_limits_1m MODIFY TTL bucket + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.provider_health_5m MODIFY TTL bucket + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.events MODIFY TTL toDateTime(timestamp) + INTERVAL 100 DAY;

ALTER TABLE `tokentide`.usage_1d MODIFY TTL day + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.latency_1d MODIFY TTL day + INTERVAL 400 DAY;

ALTER TABLE `tokentide`.days MODIFY TTL day + INTERVAL 400 DAY;
