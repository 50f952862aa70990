-- Which of these files were applied, and what they said then.
CREATE TABLE IF NOT EXISTS {database}.schema_migrations {on_cluster}
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {replacing}
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
