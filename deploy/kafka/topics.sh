#!/usr/bin/env bash
# The two topics, where `tokentide migrate` is not to make them: on a cluster of three brokers or more.
#
#     BOOTSTRAP=broker:9093 COMMAND_CONFIG=admin.properties PARTITIONS=12 ./topics.sh
#
# The events take their time from the broker (LogAppendTime): no producer's wrong clock can push log time ahead. Do not
# change that, nor lower their retention below a day, nor raise PARTITIONS later without reading docs/guarantee.md.
set -euo pipefail

topics() {
    kafka-topics.sh --bootstrap-server "${BOOTSTRAP:?where Kafka is, HOST:PORT}" \
        ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
        --create --if-not-exists --partitions "${PARTITIONS:-12}" --replication-factor "${REPLICATION:-3}" \
        --config min.insync.replicas="${IN_SYNC:-2}" --config unclean.leader.election.enable=false "$@"
}

topics --topic "${TOPIC:-llm.events}" \
    --config message.timestamp.type=LogAppendTime \
    --config retention.ms=604800000 \
    --config max.message.bytes=1114112
topics --topic "${DEAD_TOPIC:-llm.events.dead}" \
    --config retention.ms=2592000000 \
    --config max.message.bytes=67108864
