"""The worker: from Kafka through the fold into the store, exactly."""
