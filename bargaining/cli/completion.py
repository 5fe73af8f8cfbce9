"""`bargaining completion`: what a shell needs to complete commands, options and names."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

SHELLS = ("bash", "zsh", "fish")
_HELP = """\
Print what a shell needs to complete commands, options and names. Put the line into the file that it reads at its start:

  bash, ~/.bashrc                    eval "$(bargaining completion bash)"
  zsh, ~/.zshrc                      eval "$(bargaining completion zsh)"
  fish, ~/.config/fish/config.fish   bargaining completion fish | source
"""

_BASH = """\
_bargaining() {{
  local words
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) words={commands};;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words={commands}; fi
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _bargaining bargaining
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Add the command."""
    command: argparse.ArgumentParser = commands.add_parser(
        "completion",
        help="print what a shell needs to complete commands and names",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(run=partial(run, commands), completes=lambda: SHELLS)
    return command


def run(commands: Any, options: argparse.Namespace) -> int:
    """Print the script of a shell."""
    print(
        script({name: words_of(parser) for name, parser in commands.choices.items()}, options.shell), end=""
    )
    return 0


def words_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return what may follow a command: its options, and the names that it says it completes."""
    names = parser.get_default("completes")
    long = [max(action.option_strings, key=len) for action in parser._actions if action.option_strings]
    return [*long, *(names() if names else ())]


def script(words: Mapping[str, Sequence[str]], shell: str) -> str:
    """Return what a shell needs, given the words that may follow each command."""
    commands = " ".join(words)
    if shell == "fish":
        lines = ["complete -c bargaining -f -n __fish_use_subcommand -a " + _quoted(commands)]
        lines += [
            f"complete -c bargaining -n '__fish_seen_subcommand_from {name}' -a {_quoted(' '.join(own))}"
            for name, own in words.items()
        ]
        return "\n".join([*lines, ""])
    cases = "\n".join(f"    {name}) words={_quoted(' '.join(own))};;" for name, own in words.items())
    first = "autoload -U +X bashcompinit && bashcompinit\n" if shell == "zsh" else ""
    return first + _BASH.format(cases=cases, commands=_quoted(commands))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
