-- What an organisation has set for its answers; null is not set. The newest row counts.
CREATE TABLE IF NOT EXISTS {database}.accounts {on_cluster}
(
    org_id                String,
    gpt4o_input_price     Nullable(Decimal(18, 9)) COMMENT 'dollars per million tokens',
    gpt4o_output_price    Nullable(Decimal(18, 9)) COMMENT 'dollars per million tokens',
    cost_vs_quality_ratio Nullable(Float64) COMMENT '0 to 1',
    latency_sensitivity   Nullable(Float64) COMMENT '0 to 1',
    version               UInt64
)
ENGINE = {replacing_version}
ORDER BY org_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
