"""What does the source say about itself? Its modules parsed: what each imports, and calls when it is imported."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Module:
    """One parsed module: its full name, its path for messages, its tree, its length in lines."""

    name: str
    path: str
    tree: ast.Module
    lines: int

    @property
    def part(self) -> str:
        """The folder or module directly under `tokentide` that it belongs to."""
        return f"{self.name}.".split(".")[1]

    def breach(self, node: ast.AST | None, what: str) -> str:
        """The breach, as every rule words it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


House = Sequence[Module]


def parsed(path: str, text: str) -> Module:
    """A module from its path below the root and its text."""
    name = path.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return Module(name, path, ast.parse(text), len(text.splitlines()))


@dataclass(frozen=True)
class Import:
    """One name that a module imports: a module, or something in one. `eager`: when it is imported itself."""

    name: str
    node: ast.AST
    eager: bool

    def within(self, *modules: str) -> bool:
        """Whether it is one of the modules, or in one."""
        return any(f"{self.name}.".startswith(f"{module}.") for module in modules)


def imports(module: Module) -> Iterator[Import]:
    """All that a module imports, wherever it does."""
    eager = set(map(id, carried_out(module.tree.body)))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node, id(node) in eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (Import(f"{node.module}.{alias.name}", node, id(node) in eager) for alias in node.names)


def carried_out(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node that is carried out when its module is imported: not what stands in functions and annotations."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "__name__ == '__main__'"}:
            continue
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default]
            yield from carried_out([*node.decorator_list, *defaults])
        elif isinstance(node, ast.AnnAssign):
            yield from carried_out([node.value] if node.value else [])
        elif not isinstance(node, ast.Lambda):
            yield from carried_out(list(ast.iter_child_nodes(node)))


def in_full(module: Module) -> Callable[[ast.AST], str]:
    """How an expression of the module reads with its first name in full: `time()` may be `time.time()`."""
    names = {node.name: f"{module.name}.{node.name}" for node in module.tree.body if hasattr(node, "name")}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}

    def full_name(node: ast.AST) -> str:
        first, dot, rest = ast.unparse(node).partition(".")
        return names.get(first, first) + dot + rest

    return full_name


def called_at_import(module: Module) -> Iterator[tuple[ast.expr, str]]:
    """What is called when a module is imported, decorators too, each with its full name."""
    full_name = in_full(module)
    for node in carried_out(module.tree.body):
        called = [node.func] if isinstance(node, ast.Call) else []
        called += [mark for mark in getattr(node, "decorator_list", []) if not isinstance(mark, ast.Call)]
        yield from ((function, full_name(function)) for function in called)


def value_classes(house: House) -> set[str]:
    """The full names of dataclasses, named tuples and enumerations: making one is no work."""
    return {
        f"{module.name}.{node.name}"
        for module in house
        for node in module.tree.body
        if isinstance(node, ast.ClassDef)
        for mark in (*node.decorator_list, *node.bases)
        if ast.unparse(mark).partition("(")[0] in {"dataclass", "NamedTuple", "enum.Enum", "enum.StrEnum"}
    }


def eager_needs(module: Module, modules: dict[str, Module]) -> list[str]:
    """Which of the modules a module imports when it is imported itself."""
    found = {}
    for entry in imports(module):
        name = entry.name if entry.name in modules else entry.name.rpartition(".")[0]
        if entry.eager and name in modules and name != module.name:
            found[name] = None
    return list(found)


def way_back(start: str, needs: dict[str, list[str]]) -> list[str]:
    """The shortest chain of imports from a module to itself; empty when there is none."""
    ways, seen = [[name] for name in needs[start]], set(needs[start])
    for way in ways:
        if way[-1] == start:
            return way
        for name in needs[way[-1]]:
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
