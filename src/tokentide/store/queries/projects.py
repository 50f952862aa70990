"""Which projects does each organisation have?"""

from __future__ import annotations

from tokentide.store.port import Query

__all__ = ["projects_by_organisation"]


def projects_by_organisation() -> Query:
    """Ask for (organisation, its projects), one row each."""
    return Query(
        "projects_by_organisation",
        "SELECT org_id, arraySort(groupArray(project_id))\nFROM projects FINAL\nGROUP BY org_id\nORDER BY org_id",
    )
