-- Single traces and conversations are found without reading every event of the window.
ALTER TABLE {database}.events {on_cluster}
    ADD INDEX IF NOT EXISTS by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1
