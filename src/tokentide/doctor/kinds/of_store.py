"""What can be wrong with ClickHouse, and with what is in it?"""

from __future__ import annotations

from tokentide.doctor.finding import Kind

__all__ = ["ACCESS", "STORE"]

STORE = (
    Kind(
        "store_unreachable", "ClickHouse does not answer", "start it, or correct where it is said to be", "unreachable"
    ),
    Kind("store_refuses", "ClickHouse refuses the credentials or the question", "correct them, or grant SELECT"),
    Kind(
        "store_hides",
        "the user may not read a table of the system: what it tells was not looked at",
        "grant it, or look with another user",
        "advice",
    ),
    Kind("schema_behind", "the schema is older than this program: workers and API do not run", "migrate"),
    Kind(
        "schema_ahead",
        "a newer program migrated the schema; this one goes on, and does not see what is new",
        "upgrade this one",
        "advice",
    ),
    Kind("schema_changed", "a file of the schema was applied with another text", "use the release that applied it"),
    Kind(
        "table_missing",
        "a table of the schema is not there",
        "restore it; or make it empty: delete its record in schema_migrations, migrate",
    ),
    Kind("ttl_differs", "rows are kept for another time than the settings say", "migrate"),
    Kind(
        "not_durable",
        "a table acknowledges rows before they are on disk: a power cut takes what progress says is there",
        "set it back",
    ),
    Kind("not_replicated", "tables and TOKENTIDE_CLUSTER disagree about replication", "set it as the tables are"),
    Kind("merges_behind", "a table has so many parts that inserts will be slowed down", "look at merges and disk"),
    Kind("mutation_stuck", "a change of rows or schema does not end", "look at its reason; KILL MUTATION ends it"),
    Kind(
        "disk_nearly_full",
        "less than a tenth of ClickHouse's disk is free: merges stop first, then inserts",
        "free some",
    ),
    Kind("replica_readonly", "a replica takes no writes: it lost its Keeper", "look at Keeper; SYSTEM RESTORE REPLICA"),
    Kind("replica_behind", "a replica lags: with quorum inserts, workers wait for it", "look at its queue"),
)

ACCESS = (
    Kind("key_expires_soon", "an access key is about to be refused, and no other does the same", "make a new one"),
    Kind(
        "key_expired",
        "an access key is refused since it expired, and no other does the same",
        "make a new one, or revoke it",
        "advice",
    ),
    Kind("org_without_read_key", "an organisation has projects, and no key to read them with", "make one", "advice"),
    Kind(
        "session_keys_unreachable",
        "the issuer's keys cannot be read: its sessions are refused",
        "start it, or correct its address",
        "unreachable",
    ),
    Kind("session_keys_unfit", "the issuer publishes no RSA key: none of its tokens is good", "let it sign with RS256"),
)
