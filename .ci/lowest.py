"""Print the lowest versions that pyproject.toml allows, as constraints for pip: of packages, extras and test tools."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))


def main() -> None:
    """Print a line for each requirement that has a lower bound."""
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    requirements = [*project["dependencies"], *groups["test"]]
    for extra in project["optional-dependencies"].values():
        requirements += extra
    for requirement in dict.fromkeys(requirements):
        name, _, version = re.sub(r"\[.*?\]", "", requirement).partition(">=")
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
