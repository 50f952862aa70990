"""The real parts that `tokentide up` runs on a machine without Docker: Apache Kafka, and ClickHouse's engine over HTTP.

    with DataFolder(path) as folder:                            # folder: one `up` at a time
        kafka = prepare_kafka(folder, report=print)             # kafka: jars, Java, formatting
        clickhouse = prepare_clickhouse(folder)                 # clickhouse: the front over chDB
        async with Supervisor() as supervisor:                  # supervisor: order, restarts, stop
            await supervisor.add(*kafka.parts, clickhouse.part)
            print(kafka.bootstrap, clickhouse.dsn, supervisor.status())

They are for development, demonstration and tests. Nothing here listens on anything but 127.0.0.1.
"""
