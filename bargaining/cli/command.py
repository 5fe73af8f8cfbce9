"""Run a command line: parse it, execute it, and report an error in one line.

Two commands are defined here: `methods` lists solution concepts and protocols by name, and `completion` prints the
script with which a shell completes commands, options and names.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

from bargaining.cli import replicate, solve
from bargaining.cli.options import MISUSED, Add, parser
from bargaining.errors import BargainingError

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


def add_completion(commands: Any) -> argparse.ArgumentParser:
    """Add the command."""
    command: argparse.ArgumentParser = commands.add_parser(
        "completion",
        help="print what a shell needs to complete commands and names",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(run=partial(run_completion, commands), completes=lambda: SHELLS)
    return command


def run_completion(commands: Any, options: argparse.Namespace) -> int:
    """Print the script of a shell."""
    print(
        script({name: words_of(parser) for name, parser in commands.choices.items()}, options.shell), end=""
    )
    return 0


def words_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the words that may follow a command: its options, and the names that it completes."""
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


def add_methods(commands: Any) -> argparse.ArgumentParser:
    """Add the command."""
    command: argparse.ArgumentParser = commands.add_parser(
        "methods", help="list the solution concepts and protocols that `solve` knows"
    )
    command.set_defaults(run=run_methods)
    return command


def run_methods(options: argparse.Namespace) -> int:
    """Print the concepts and the protocols, a line each."""
    from bargaining.cli.answers import concepts, concepts_with_parameters, protocols

    print(section("Concepts (bargaining solve FILE --method NAME)", concepts()))
    print(section('Concepts with a parameter (in FILE: {name = "yu", p = 2})', concepts_with_parameters()))
    print(section("Protocols (in FILE, with their parameters: see `bargaining solve --help`)", protocols()))
    return 0


def section(title: str, entries: Mapping[str, Callable[..., Any] | str]) -> str:
    """Return a title and a line for each entry: its name and the first line of its docstring, or its text."""
    width = max(map(len, entries))
    texts = {name: it if isinstance(it, str) else summary(it) for name, it in entries.items()}
    lines = [title, *(f"  {name:{width}}  {text}".rstrip() for name, text in texts.items())]
    if sys.stdout.isatty():
        columns, aside = get_terminal_size().columns, " " * min(width + 4, 12)
        lines = [fill(line, columns, subsequent_indent=aside) for line in lines]
    return "\n".join([*lines, ""])


def summary(function: Callable[..., Any]) -> str:
    """Return the first line of a docstring, as a title."""
    line = (function.__doc__ or "").strip().partition("\n")[0].removeprefix("Return ")
    return line[:1].upper() + line[1:]


CHANGED = 1  # exit status: a stored table differs from the computed one
INTERRUPTED = 130  # exit status, as shells report an interrupt from the keyboard
THEORY: tuple[Add, ...] = (solve.add, add_methods, replicate.add, add_completion)


def main(
    arguments: Sequence[str] | None = None, *, commands: Sequence[Add] = THEORY, examples: str = ""
) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after the name of the command; by default that of this process.
    commands : sequence of callable
        Each adds a command to the parser, with `run`, a function of the options that returns the exit status.
    examples : str
        Further examples for the help.

    Returns
    -------
    int
        0, also if the output is cut off, as by ``| head``, or closed; 1 if a check found a difference; 2 if the request
        could not be met, with one line on standard error; 130 after an interrupt.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the shell, as by >&-
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open as long as the process
    try:
        try:
            options = parser(commands, examples).parse_args(arguments)
            done: int = options.run(options)
        finally:  # --help and --version exit from within
            sys.stdout.flush()
        return done
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (BargainingError, ImportError, OSError, UnicodeEncodeError) as error:
        print(f"bargaining: {_one_line(error)}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("bargaining: interrupted", file=sys.stderr)
        return INTERRUPTED


def _one_line(error: Exception) -> str:
    """Return a message without control characters, whatever it quotes."""
    line = _message(error)
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, UnicodeEncodeError):
        return "the terminal cannot show these characters; write to a file with -o."
    return " ".join(str(error).split())
