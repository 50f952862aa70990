"""What can be wrong with topics, and with the group that reads them?"""

from __future__ import annotations

from tokentide.doctor.finding import Kind

__all__ = ["GROUP", "TOPICS"]

TOPICS = (
    Kind("kafka_unreachable", "Kafka does not answer", "start it, or correct where it is said to be", "unreachable"),
    Kind("topic_missing", "a topic is not there, and workers do not start", "make it"),
    Kind("partition_offline", "a partition has no leader: it takes and gives nothing", "bring its brokers back"),
    Kind(
        "partition_refuses_writes",
        "fewer replicas are in sync than `min.insync.replicas`: producers with acks=all are refused",
        "bring its brokers back",
    ),
    Kind("replicas_out_of_sync", "a replica lags or is away: one failure less can be borne", "look at its broker"),
    Kind(
        "topic_not_replicated",
        "there are several brokers, and each record stands on one: a broker that is lost takes records with it",
        "make it again with replicas, or reassign its partitions",
    ),
    Kind(
        "one_copy_acknowledged",
        "`min.insync.replicas` is 1: Kafka may lose what it acknowledged when a leader dies",
        "set it to 2",
    ),
    Kind(
        "unclean_election",
        "a replica that lags may become leader: acknowledged records are then lost, offsets used twice",
        "turn it off",
    ),
    Kind(
        "producer_times",
        "records carry their producers' times: one wrong clock moves log time, and with it what is a duplicate",
        "let the broker stamp them",
    ),
    Kind(
        "retention_below_window",
        "records are deleted before the duplicates window has passed: a worker that starts forgets ids",
        "keep records longer, or set a shorter window",
    ),
    Kind(
        "retention_below_outage",
        "records are deleted after a shorter time than workers may be down: they would be lost unread",
        "keep records longer",
    ),
    Kind(
        "retention_by_size",
        "records are deleted by size, too: a burst can push out what was not read yet",
        "bound the topic by time, and give it the disk",
        "advice",
    ),
    Kind(
        "topic_compacted",
        "records are deleted when a later one has their key: events of a project push each other out",
        "delete by time only",
    ),
    Kind(
        "topic_takes_less",
        "the topic refuses records that the settings allow: producers see errors for large ones",
        "raise the topic's limit, or lower the setting",
    ),
    Kind(
        "dead_retention_short",
        "dead letters go sooner than the records that they came from: they cannot be replayed whole",
        "keep them longer",
    ),
    Kind(
        "dead_letters_cut",
        "a large record that is refused is cut to fit into the dead-letter topic",
        "raise its limit",
        "advice",
    ),
    Kind(
        "shards_exceed_partitions",
        "a project is spread over more shards than there are partitions: some share one",
        "set fewer shards, while no event of it is sent twice",
        "advice",
    ),
)

GROUP = (
    Kind("no_workers", "the consumer group has no members: nothing is read", "start workers, and look why they ended"),
    Kind("idle_workers", "there are more workers than partitions: some have nothing to do", "run fewer", "advice"),
    Kind("lag", "records wait longer than they should: answers are old", "look at the workers; run more of them"),
    Kind(
        "progress_missing",
        "a partition has records, and none was ever stored",
        "look at the log of the worker that has it",
    ),
    Kind(
        "records_lost",
        "records were deleted before they were read",
        "keep records longer; what producers still have can be sent again",
    ),
    Kind(
        "epoch_lowered",
        "the store is at a later life of the topic: workers end with exit code 3",
        "set its epoch for every worker",
    ),
    Kind(
        "epoch_raised",
        "the topic is the one that was stored, but its epoch was raised: workers would count everything again",
        "set the stored epoch",
    ),
    Kind(
        "log_mismatch",
        "the log is not the one that was stored, or lost its end: workers end with exit code 3",
        "if the topic was made again: stop all workers, raise its epoch by one, start them",
    ),
    Kind(
        "commit_ahead",
        "more is committed than stored (a restored backup, or a group that was moved): workers end with exit code 3",
        "stop all workers, set the group back, start them: nothing is counted twice",
    ),
)
