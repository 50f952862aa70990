-- When each access key was used last. Each API process writes what it saw, now and then; the latest row of an id counts.
CREATE TABLE IF NOT EXISTS {database}.key_uses {on_cluster}
(
    id           String,
    last_used_at DateTime64(3, 'UTC'),
    version      UInt64 COMMENT 'last_used_at in milliseconds since the epoch'
)
ENGINE = {replacing_version}
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
