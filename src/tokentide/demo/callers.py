"""Who makes the calls: one project's users, agents and running sessions."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from tokentide.demo.catalogue import AGENTS, ENVIRONMENTS, SDK_VERSIONS, TASKS, Task
from tokentide.demo.chance import happens, pick, spread

__all__ = ["Caller", "Session"]

_TASKS = spread((task, task.weight) for task in TASKS)
_AGENTS_OF = {task.name: [agent for agent in AGENTS if task.name in agent.tasks] for task in TASKS}
_ENVIRONMENTS = spread(ENVIRONMENTS)
_SDK_VERSIONS = spread(SDK_VERSIONS)
_TEAMS: tuple[list[str], ...] = (["search"], ["support"], ["support", "billing"], [])
_LIVE_SESSIONS = 24
_USERS = 60


class Session(NamedTuple):
    """One conversation: the fields that all of its calls share, and the work they do."""

    fields: dict[str, Any]
    task: Task


class Caller:
    """One project as a source of calls."""

    def __init__(self, rng: Random, project_id: str) -> None:
        self.project_id = project_id
        self._rng = rng
        self._live = [self._begin() for _ in range(_LIVE_SESSIONS)]

    def session(self) -> Session:
        """The session of the next call; now and then it is a new one."""
        slot = int(self._rng.random() * _LIVE_SESSIONS)
        if happens(self._rng, 1 / 6):
            self._live[slot] = self._begin()
        return self._live[slot]

    def _begin(self) -> Session:
        rng, task = self._rng, pick(self._rng, _TASKS)
        fields: dict[str, Any] = {
            "session_id": f"sess-{rng.getrandbits(48):012x}",
            "environment": pick(rng, _ENVIRONMENTS),
            "sdk_version": pick(rng, _SDK_VERSIONS),
        }
        if happens(rng, 0.7):
            agent = rng.choice(_AGENTS_OF[task.name])
            fields |= {"agent_id": agent.id, "agent_name": agent.name, "agent_framework": agent.framework}
        if happens(rng, 0.2):
            fields |= {"subject_type": "virtualaccount", "subject_slug": f"{self.project_id}-batch"}
        else:
            user = f"user-{int(rng.random() ** 2 * _USERS):02}"
            fields |= {"user_id": user, "subject_type": "user", "subject_slug": f"{user}@example.com"}
        teams = rng.choice(_TEAMS)
        return Session(fields | {"teams": teams} if teams else fields, task)
