-- Which days the daily tables hold exactly as the hourly ones do, partition by partition: the latest mark of a day counts.
CREATE TABLE IF NOT EXISTS {database}.days {on_cluster}
(
    partition UInt16,
    day       Date   COMMENT 'UTC',
    position  UInt64 COMMENT 'epoch in the high bits, next offset to read in the low: opened before a flush of it, or sealed after one',
    turn      UInt16 COMMENT 'orders the marks of one position; odd: sealed, even: open',
    version   UInt128 COMMENT 'position, and turn in the low 16 bits'
)
ENGINE = {replacing_version}
ORDER BY (partition, day)
TTL day + INTERVAL {rollup_retention_days} DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
