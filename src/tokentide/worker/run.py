"""The worker process: put together, run until it is told to stop or must, and say by the exit code which it was."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from tokentide.clock import now_ms
from tokentide.errors import DependencyUnavailable, LogMismatch, StoreUnavailable, TooManyRefused
from tokentide.events import Limits
from tokentide.kafka import missing_topics
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import FoldSettings
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.fitness import why_unfit
from tokentide.store.port import Query, Store
from tokentide.worker import collector, probes
from tokentide.worker.adapters import KafkaDeadLetters, KafkaLog, ThreadedRows
from tokentide.worker.app import build_app, commit_as_member
from tokentide.worker.breaker import RatioLimit
from tokentide.worker.loading import LoadSettings
from tokentide.worker.pipeline import Pipeline, PipelineSettings
from tokentide.worker.turns import watch_lag
from tokentide.worker.watchdog import Watchdog

__all__ = ["run_worker"]

_logger = logging.getLogger(__name__)
_STORE_PATIENCE_SECONDS = 60.0
_STALL_SECONDS = 120.0
_LOOK_SECONDS = 2.0
_STOP_SECONDS = 20.0
_LINGER_SECONDS = 3.0
_MOST_QUESTIONS = 11  # one every twelve seconds, each of which the store's client gives up after two minutes


def run_worker(settings: Settings) -> int:
    """Run a worker until SIGTERM or SIGINT, and return its exit code: 0 stopped, 1 failed, 3 a dependency is amiss.

    To be the last thing that a process does: soon afterwards the process ends with that code, come what may.

    Raises:
        SettingsError: a file or an address that the settings name cannot be used.
        StoreRejected: the store refuses to be opened.
    """
    faulthandler.enable()
    collector.spare()
    return asyncio.run(_Worker(settings).run())


def _end_soon(code: int) -> None:
    """End the process within seconds, also when a thread hangs in a call to something that does not answer.

    Python waits for its threads before it ends, and a call to a store that hangs may take two minutes to fail.
    """
    timer = threading.Timer(_LINGER_SECONDS, os._exit, [code])
    timer.daemon = True
    timer.start()


class _Worker:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = WorkerMetrics(CollectorRegistry())
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._store_error: str | None = "not asked yet"
        self._app: Any = None
        self._pipeline: Pipeline | None = None
        self._metrics.gauge("ready").set_function(lambda: self._unready() is None)

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        runner = await probes.serve(
            self._settings.metrics_host, self._settings.metrics_port, self._metrics.registry, self._unready
        )
        try:
            store = await self._open_store()
            await self._work(store)
        except (DependencyUnavailable, LogMismatch, StoreUnavailable) as error:
            if not self._stop.is_set():
                self._fail(error)
        finally:
            await runner.cleanup()
        code = self._exit_code()
        _end_soon(code)
        return code

    async def _work(self, store: Store) -> None:
        if missing := await missing_topics(self._settings):
            what = f"topics missing in Kafka: {', '.join(missing)}"
            raise DependencyUnavailable(f"{what}. Run `tokentide migrate` first.")
        if unfit := await asyncio.to_thread(why_unfit, store):
            raise DependencyUnavailable(f"{unfit} first.")
        log = KafkaLog(self._settings, commit_as_member(lambda: self._app, self._settings.topic))
        dead = KafkaDeadLetters(self._settings)
        rows = ThreadedRows(store, self._settings.topic)
        self._pipeline = Pipeline(
            _pipeline_settings(self._settings), rows, log, dead, metrics=self._metrics, now_ms=now_ms
        )
        self._app = build_app(self._settings, self._pipeline, self._fail)
        tasks = [
            asyncio.create_task(self._guarded(self._pipeline.flush_forever())),
            asyncio.create_task(self._guarded(self._pipeline.days.keep_forever())),
            asyncio.create_task(self._guarded(self._watch(self._pipeline))),
            asyncio.create_task(self._guarded(self._show_lag(self._pipeline))),
            asyncio.create_task(self._ask_store(store)),
            asyncio.create_task(collector.collect_forever(self._pipeline.flushing)),
            asyncio.create_task(watch_lag(self._metrics.histogram("loop_lag_seconds"))),
            asyncio.create_task(self._guarded(self._run_app())),
        ]
        await self._stop.wait()
        if self._failure is not None:
            self._pipeline.failed = True  # what led here may have left the state wrong: nothing of it is stored
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._shut_down(tasks, log, dead)
            store.close()
        except TimeoutError:
            _logger.warning("not everything stopped within %.0f s", _STOP_SECONDS)

    async def _run_app(self) -> None:
        """Run Faust's app until it is stopped. It does not raise when its consumer dies: it ends by itself."""
        await self._app.start()
        await self._app.wait_until_stopped()
        if not self._stop.is_set():
            raise RuntimeError(f"Faust's app ended by itself: {self._app.crash_reason!r}") from self._app.crash_reason

    async def _shut_down(self, tasks: list[asyncio.Task[None]], log: KafkaLog, dead: KafkaDeadLetters) -> None:
        """Stop consuming, flush, leave the group, disconnect."""
        await self._app.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await log.close()
        await dead.close()

    def _fail(self, error: BaseException) -> None:
        """Note the first error that ends the process, and begin to stop."""
        if self._failure is None:
            self._failure = error
            known = isinstance(error, DependencyUnavailable | LogMismatch | StoreUnavailable | TooManyRefused)
            _logger.critical("the worker stops: %s", error, exc_info=None if known else error)
        if self._pipeline is not None:
            self._pipeline.failed = True
        self._stop.set()

    def _exit_code(self) -> int:
        if self._failure is None:
            return 0
        return 3 if isinstance(self._failure, DependencyUnavailable | LogMismatch | StoreUnavailable) else 1

    async def _guarded(self, call: Any) -> None:
        try:
            await call
        except Exception as error:  # noqa: BLE001  a task that dies silently would leave a worker that does nothing
            self._fail(error)

    async def _open_store(self) -> Store:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _STORE_PATIENCE_SECONDS
        dsn = self._settings.clickhouse_dsn
        while True:
            try:
                return await asyncio.to_thread(open_store, dsn, self._settings.database, cluster=self._settings.cluster)
            except StoreUnavailable as error:
                if loop.time() > deadline or self._stop.is_set():
                    raise
                _logger.warning("the store is not there yet: %s", error)
                await asyncio.sleep(1)

    async def _ask_store(self, store: Store) -> None:
        """Keep `/readyz` honest about the store."""
        # Threads of its own: a question may hang for minutes, and those that come after it must not wait for it.
        threads = ThreadPoolExecutor(_MOST_QUESTIONS, thread_name_prefix="ready")
        ask = partial(asyncio.get_running_loop().run_in_executor, threads, store.ask, Query("ready", "SELECT 1"))
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS * 5):
                    await ask()
                self._store_error = None
            except TimeoutError:
                self._store_error = f"the store did not answer within {_LOOK_SECONDS * 5:.0f} s"
            except Exception as error:  # noqa: BLE001  whatever it is, the store does not answer
                self._store_error = f"the store does not answer: {error}"
            await asyncio.sleep(_LOOK_SECONDS)

    async def _watch(self, pipeline: Pipeline) -> None:
        """End the process when it has stalled, and keep the gauges that nothing else sets."""
        watchdog, loop = Watchdog(_STALL_SECONDS), asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._gauge(pipeline)
            positions = {p: state.next_offset for p, state in pipeline.states.items()}
            excused = pipeline.room.paused or not pipeline.loaded or self._store_error is not None
            if watchdog.stalled(positions, pipeline.ends, excused=excused, now=loop.time()):
                faulthandler.dump_traceback(file=sys.stderr)
                raise RuntimeError(f"records wait, and nothing has moved for {_STALL_SECONDS:.0f} s")

    @staticmethod
    async def _show_lag(pipeline: Pipeline) -> None:
        """Keep the lag true while flushes take long, which is when it matters."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await pipeline.show_lag()

    def _gauge(self, pipeline: Pipeline) -> None:
        buckets = self._metrics.gauge("buckets")
        buckets.clear()
        sizes: dict[str, int] = {}
        for state in pipeline.states.values():
            for kind, held in state.tables.items():
                sizes[kind.table.name] = sizes.get(kind.table.name, 0) + len(held)
        for table, size in sizes.items():
            buckets.labels(table).set(size)
        self._metrics.gauge("freshness_seconds").set(pipeline.freshness.age_seconds(now_ms()))
        self._metrics.gauge("dirty_buckets").set(pipeline.waiting_rows)
        self._metrics.gauge("dedup_ids").set(sum(len(state.dedup) for state in pipeline.states.values()))

    def _unready(self) -> str | None:
        if self._pipeline is None or not self._pipeline.loaded:
            return "no partition is assigned, or its state is not loaded yet"
        return self._store_error


def _pipeline_settings(settings: Settings) -> PipelineSettings:
    fold = FoldSettings(
        settings.hot_window_seconds * 1000,
        settings.dedup_window_seconds * 1000,
        settings.dedup_max_ids,
        settings.events_table,
        settings.max_names_per_hour,
    )
    limits = Limits(settings.max_record_bytes, settings.rollup_retention_days)
    load = LoadSettings(fold, limits, settings.topic_epoch, group=settings.group, topic=settings.topic)
    refused = RatioLimit(settings.dead_ratio_limit, settings.dead_ratio_records)
    return PipelineSettings(load, settings.flush_interval_seconds, settings.max_dirty_buckets, refused)
