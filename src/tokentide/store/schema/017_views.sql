-- What any SQL client may ask: rows of all partitions added up, replaced ones left out, in units for people.
CREATE OR REPLACE VIEW {database}.usage_hourly {on_cluster} AS
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
    FROM {database}.usage_1h FINAL
    GROUP BY project_id, hour, provider, model, agent_id, task_type
)
COMMENT 'calls by hour: counts, tokens, dollars, milliseconds; all but maxima may be added up'
;
CREATE OR REPLACE VIEW {database}.usage_daily {on_cluster} AS
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
    FROM {database}.usage_1h FINAL
    GROUP BY project_id, day, provider, model, agent_id, task_type
)
COMMENT 'calls by day, UTC: counts, tokens, dollars, milliseconds; all but maxima may be added up'
;
-- Percentiles of one hour. Those of several are no average of these: latency_quantiles_over merges the digests.
CREATE OR REPLACE VIEW {database}.latency_quantiles {on_cluster} AS
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
    FROM {database}.latency_1h FINAL
    GROUP BY project_id, hour, provider, model
)
COMMENT 'latency and time to first token by hour, in milliseconds; never to be averaged'
;
CREATE OR REPLACE VIEW {database}.errors_hourly {on_cluster} AS
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
    FROM {database}.errors_1h FINAL
    GROUP BY project_id, hour, error_code, provider, model
)
COMMENT 'errors, time-outs and rate-limited calls by hour and code, with the last of each'
;
CREATE OR REPLACE VIEW {database}.rate_limits_by_minute {on_cluster} AS
SELECT
    project_id,
    bucket AS minute,
    provider,
    model,
    sum(rate_limited) AS rate_limited
FROM {database}.rate_limits_1m FINAL
GROUP BY project_id, minute, provider, model
COMMENT 'calls that a provider refused because there were too many, by minute'
;
CREATE OR REPLACE VIEW {database}.provider_health {on_cluster} AS
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
    FROM {database}.provider_health_5m FINAL
    GROUP BY project_id, time, provider
)
COMMENT 'providers by five minutes; errors are errors and time-outs, rate limits stand apart'
;
-- Partitions that only an earlier life of the topic had do not count.
CREATE OR REPLACE VIEW {database}.pipeline_freshness {on_cluster} AS
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
    FROM {database}.progress FINAL
    GROUP BY topic, epoch
    ORDER BY epoch DESC
    LIMIT 1 BY topic
)
COMMENT 'the moment up to which every event is in the other views'
