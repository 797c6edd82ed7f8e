"""House rules that no other tool knows: `python -m tools.house [folder]`. Exit code 1 when one is broken.

Exceptions are in `house_exceptions.toml`, and that list may only shrink: an exception that is
not needed any more is a finding of its own.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.rules import documented, leaks, mirror, shape, sizes
from tools.rules.project import Finding, Project

Rule = Callable[[Project], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    sizes.file_length,
    sizes.function_length,
    sizes.parameters,
    shape.first_line,
    shape.inner_imports,
    shape.module_state,
    shape.empty_names,
    mirror.tests_mirror_source,
    documented.settings_documented,
    documented.variables_are_settings,
    documented.routes_documented,
    documented.commands_documented,
    documented.metrics_documented,
    leaks.machine_paths,
    leaks.registry_hosts,
    leaks.locks_name_no_host,
)


def check(project: Project) -> list[Finding]:
    """What is wrong, exceptions taken into account."""
    found = [finding for rule in RULES for finding in rule(project)]
    excused = [(entry["rule"], entry["path"], entry.get("name", "")) for entry in project.exceptions.get("exception", [])]
    needed = {(finding.rule, finding.path, finding.name) for finding in found if not finding.hard}
    left = [finding for finding in found if finding.hard or (finding.rule, finding.path, finding.name) not in excused]
    for rule, path, name in excused:
        if (rule, path, name) not in needed:
            message = f"the exception {rule} for {path} {name}".rstrip() + " is not needed any more: take it out"
            left.append(Finding("tools/house_exceptions.toml", 1, "exception", message))
    return sorted(left)


def main(arguments: list[str]) -> int:
    """Print each finding as `path:line: rule: message`."""
    project = Project.at(Path(arguments[0]) if arguments else Path(__file__).parents[1])
    found = check(project)
    for finding in found:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.message}")
    print(f"house: {len(found)} findings" if found else f"house: all {len(RULES)} rules hold over {len(project.names)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
