"""What breaks when one protecting mechanism is taken away? Each mutant patches one of the real code, for a test.

`test_mutants.py` plays each one's schedules, of which some must go wrong, and the same ones without it, which must not:

| rule | without it | test: `test_a_mutant_is_found[…]` |
|---|---|---|
| G1 | rows that were read back do not fence off the replay; one fence for all tables | `G1-*` |
| G2 | a flush inside a record; a flush after an error that nobody expects | `G2-*` |
| G3 | steps of a flush in another order, steps that failed counted as done, progress of a later moment | `G3-*` |
| G4 | progress only when rows changed | `G4-*` |
| G5 | rows read before progress; the start is the commit; what the transport leaves out is not read | `G5-*` |
| G6 | log time is the last record's time; log time is a clock | `G6-*` |
| G7 | rows read back up to log time only; a table that is not read back | `G7-*` |
| G8 | late events read nothing back, or do not look again, or look by another floor | `G8-*` |
| G9 | buckets leave memory before they are stored | `G9-*` |
| G10 | the fence before the duplicates; no window, or half of it, after an assignment | `G10-*` |
| G11 | slices of another assignment are taken; buckets of partitions that left stay | `G11-*` |
| G15 | what a flush adds is summed apart | `G15-*` |
| names | those of late hours, or of rows ahead of the log, do not count; rows of an hour leave one by one | `names-*` |
| G17 | a day's version is the highest of its hours: too rare for a schedule | `test_daily.py` |
| G18 | rows before the open mark; a seal at what is not stored, before its rows, or of another life | `G18-*` |

"names" is the cap on the names of an hour. Two halves of rules have no mutant: nothing goes wrong without them. That
a row which is read back does not replace a bucket in memory (G8): a partition's slices are folded one after another, so
what was asked for is still not there when the answer comes. The flush on revoke and at the end (G11): without it the
next worker reads more of the log again.

G12 is what `tests/unit/worker/test_loading.py` is about. G14 is an assumption, which `test_rows_of_a_replica_that_lags`
shows to be needed: the model has stale progress, and no stale rows. G13 bounds what retention cuts there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.simulation import broken_days, broken_flush, broken_fold, broken_loading

__all__ = ["MUTANTS", "Mutant"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mechanism taken away.

    Attributes:
        rule: that it belongs to.
        take_away: patches it.
        profile: the schedules that show it.
        shows: how a finding begins that counts: a table's name where wrong rows must come of it.
    """

    rule: str
    take_away: Callable[[pytest.MonkeyPatch], None]
    profile: str = "any"
    shows: str = ""

    @property
    def name(self) -> str:
        """Rule and mechanism."""
        return f"{self.rule}-{self.take_away.__name__}"


MUTANTS = (
    Mutant("G1", broken_fold.rows_do_not_fence, shows="usage_1h"),
    Mutant("G1", broken_fold.one_fence_for_all_tables),
    Mutant("G2", broken_fold.a_flush_inside_a_record, shows="usage_1h"),
    Mutant("G2", broken_fold.a_flush_after_a_bug, "bugs", shows="usage_1h"),
    Mutant("G3", broken_flush.progress_before_rows, shows="usage_1h"),
    Mutant("G3", broken_flush.commit_before_rows),
    Mutant("G3", broken_flush.failed_inserts_are_done),
    Mutant("G3", broken_flush.letters_after_progress, shows="dead letter"),
    Mutant("G3", broken_flush.progress_of_now),
    Mutant("G4", broken_flush.progress_only_with_rows, "nothing new"),
    Mutant("G5", broken_loading.rows_before_progress, "takeovers"),
    Mutant("G5", broken_loading.the_start_is_the_commit, "rewound", shows="usage_1h"),
    Mutant("G5", broken_loading.what_is_left_out_is_not_read, "takeovers", shows="usage_1h"),
    Mutant("G6", broken_loading.log_time_is_the_last_records, "clocks behind", shows="progress"),
    Mutant("G6", broken_loading.log_time_is_a_clock, "repeats", shows="usage_1h"),
    Mutant("G7", broken_loading.rows_up_to_log_time, "ahead", shows="provider_health_5m"),
    Mutant("G7", broken_loading.a_table_is_not_read_back, "one hour", shows="errors_1h"),
    Mutant("G8", broken_fold.late_events_read_nothing_back, "late", shows="usage_1h"),
    Mutant("G8", broken_fold.late_events_do_not_look_again, "late", shows="usage_1h"),
    Mutant("G8", broken_fold.two_floors, "late", shows="usage_1h"),
    Mutant("G9", broken_fold.buckets_leave_before_they_are_stored, "late", shows="usage_1h"),
    Mutant("G10", broken_fold.the_fence_before_the_duplicates, "repeats", shows="usage_1h"),
    Mutant("G10", broken_loading.no_window, "repeats", shows="usage_1h"),
    Mutant("G10", broken_loading.half_a_window, "repeats", shows="usage_1h"),
    Mutant("G11", broken_loading.slices_of_another_assignment, "old slices", shows="usage_1h"),
    Mutant("G11", broken_loading.buckets_of_before, "takeovers", shows="usage_1h"),
    Mutant("names", broken_fold.names_of_late_hours_do_not_count, "names", shows="usage_1h"),
    Mutant("names", broken_fold.names_ahead_of_the_log_do_not_count, "names", shows="usage_1h"),
    Mutant("names", broken_fold.rows_of_an_hour_leave_one_by_one, "names", shows="usage_1h"),
    Mutant("names", broken_fold.groups_of_errors_do_not_count, "names", shows="errors_1h"),
    Mutant("G15", broken_fold.what_a_flush_adds_is_summed_apart, "one hour", shows="usage_1h"),
    Mutant("G18", broken_flush.rows_before_days_are_opened, "days", shows="usage_1d"),
    Mutant("G18", broken_days.sealed_at_a_position_that_is_not_stored, "days", shows="usage_1d"),
    Mutant("G18", broken_days.sealed_before_rows_are_made, "days", shows="usage_1d"),
    Mutant("G18", broken_days.marks_of_a_life_before, "days of two lives", shows="usage_1d"),
)
"""Every one of them."""
