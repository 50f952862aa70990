-- Access keys: never the key itself, only its SHA-256. The newest row of an id counts.
CREATE TABLE IF NOT EXISTS {database}.access_keys {on_cluster}
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
ENGINE = {replacing_version}
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
