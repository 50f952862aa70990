-- How far each partition of the topic has been stored. Written after the rows it speaks of, never under a TTL.
CREATE TABLE IF NOT EXISTS {database}.progress {on_cluster}
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
ENGINE = {replacing_version}
ORDER BY (topic, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
