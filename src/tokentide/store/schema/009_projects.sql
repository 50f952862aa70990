-- Which organisation a project belongs to.
CREATE TABLE IF NOT EXISTS {database}.projects {on_cluster}
(
    project_id String,
    org_id     String,
    created_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {replacing}
ORDER BY project_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
