"""Do workers and API say of themselves that they are well?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found

__all__ = ["Service", "judge_services"]


@dataclass(frozen=True, slots=True)
class Service:
    """What a service answered.

    Attributes:
        name: worker or API.
        url: where it was asked.
        is_expected: whether it was said to run there; else it may as well not.
        failure: why it did not answer; empty when it did.
        unready: why it is not ready; empty when it is.
        version: of its program; empty when it did not say.
        is_paused: whether it waits for the store.
    """

    name: str
    url: str
    is_expected: bool = False
    failure: str = ""
    unready: str = ""
    version: str = ""
    is_paused: bool = False


def judge_services(services: Iterable[Service], version: str) -> list[Finding]:
    """What is wrong with the services.

    Args:
        services: as they answered.
        version: of this program.
    """
    judged = []
    for service in services:
        place = f"{service.name} at {service.url}"
        if service.failure:
            if service.is_expected:
                judged.append(found("service_unreachable", place, service.failure, f"tokentide {service.name.lower()}"))
            continue
        if service.unready:
            judged.append(found("service_not_ready", place, service.unready, f"curl {service.url}/readyz"))
        if service.is_paused:
            judged.append(found("worker_paused", place, "tokentide_paused is 1", f"curl {service.url}/metrics"))
        if service.version and service.version != version:
            judged.append(found("version_differs", place, f"it is {service.version}, this program {version}"))
    return judged
