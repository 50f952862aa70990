"""Where the facts come from: Kafka, the store, and the services' own endpoints. Reads only, changes nothing."""
