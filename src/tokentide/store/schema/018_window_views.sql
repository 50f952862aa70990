-- Percentiles of whole windows, for which digests must be merged: views that are asked with arguments.
-- A window holds the hours that begin at or after `from` and before `to`.
CREATE OR REPLACE VIEW {database}.latency_quantiles_over {on_cluster} AS
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
    FROM {database}.latency_1h FINAL
    WHERE project_id = {project:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
    GROUP BY GROUPING SETS ((), (provider), (provider, model))
)
WHERE calls > 0
COMMENT 'latency_quantiles_over(project, from, to): of the project, each provider and each model, as level says'
;
-- Shorter than the hours that there are, a bucket cannot be.
CREATE OR REPLACE VIEW {database}.latency_quantiles_every {on_cluster} AS
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
    FROM {database}.latency_1h FINAL
    WHERE project_id = {project:String} AND bucket >= {from:DateTime('UTC')} AND bucket < {to:DateTime('UTC')}
        AND (empty({models:Array(String)}) OR has({models:Array(String)}, model))
    GROUP BY time
)
COMMENT 'latency_quantiles_every(project, from, to, models, seconds): by buckets of that length; no models are all'
