#!/usr/bin/env bash
# Users for SCRAM-SHA-512, one for each part, and what each may do: nothing but what its program asks for.
#
#     BOOTSTRAP=broker:9093 COMMAND_CONFIG=admin.properties \
#     WORKER_PASSWORD=… API_PASSWORD=… MIGRATE_PASSWORD=… OPERATOR_PASSWORD=… ./users.sh
#
# Run it again to change a password. A user whose password is not given is left as it is; its rights are set all the same.
# `operator` is for people: tokentide ingest, dead, reconcile, rebuild, doctor.
set -euo pipefail
readonly TOPIC=${TOPIC:-llm.events} DEAD_TOPIC=${DEAD_TOPIC:-llm.events.dead} GROUP=${GROUP:-tokentide}

ask() {
    "$1" --bootstrap-server "${BOOTSTRAP:?where Kafka is, HOST:PORT}" \
        ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} "${@:2}"
}

# By way of a file: what stands in a command line is seen by everyone on the machine.
user() {
    local name=$1 password=$2 file
    [[ -n $password ]] || return 0
    file=$(mktemp)
    trap 'rm --force "$file"' RETURN
    printf 'SCRAM-SHA-512=iterations=8192,password=%s\n' "$password" >"$file"
    ask kafka-configs.sh --alter --entity-type users --entity-name "$name" --add-config-file "$file"
}

# may USER RESOURCE NAME OPERATION…
may() {
    local operations=() operation
    for operation in "${@:4}"; do operations+=(--operation "$operation"); done
    ask kafka-acls.sh --add --allow-principal "User:$1" "--$2" "$3" "${operations[@]}"
}

user tokentide_worker "${WORKER_PASSWORD:-}"
user tokentide_api "${API_PASSWORD:-}"
user tokentide_migrate "${MIGRATE_PASSWORD:-}"
user tokentide_operator "${OPERATOR_PASSWORD:-}"

may tokentide_worker topic "$TOPIC" Read
may tokentide_worker topic "$DEAD_TOPIC" Write
may tokentide_worker group "$GROUP" Read

may tokentide_api topic "$TOPIC" Write

may tokentide_migrate topic "$TOPIC" Create Describe
may tokentide_migrate topic "$DEAD_TOPIC" Create Describe

may tokentide_operator topic "$TOPIC" Read Write DescribeConfigs
may tokentide_operator topic "$DEAD_TOPIC" Read Write DescribeConfigs
may tokentide_operator group "$GROUP" Describe
