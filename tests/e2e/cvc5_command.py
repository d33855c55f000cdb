"""Implements the command `cvc5` for tests on top of the library in the Python package `cvc5`.

It speaks SMT-LIB as `cvc5 --lang smt` does: reads commands from stdin and answers each one immediately.
Options of the form `--name=value` are options of the solver.
"""

import sys
from collections.abc import Iterator
from typing import TextIO

import cvc5


class Session:
    """The solver's state since the last `(reset)`."""

    def __init__(self, options: list[list[str]]) -> None:
        """Starts without declarations."""
        terms = cvc5.TermManager()
        self.solver = cvc5.Solver(terms)
        for name, value in options:
            self.solver.setOption(name, value)
        self.symbols = cvc5.SymbolManager(terms)
        self.parser = cvc5.InputParser(self.solver, self.symbols)

    def answers(self, text: str) -> Iterator[str]:
        """Runs complete commands and returns their output."""
        self.parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "stdin")
        while not (command := self.parser.nextCommand()).isNull():
            answer = command.invoke(self.solver, self.symbols)
            if answer:
                yield answer if answer.endswith("\n") else f"{answer}\n"


def main(arguments: list[str]) -> int:
    """Answers every command of stdin."""
    options = [argument[2:].split("=", 1) for argument in arguments if argument.startswith("--") and "=" in argument]
    session = Session(options)
    for text in commands(sys.stdin):
        if text.strip() == "(reset)":
            session = Session(options)
            continue
        for answer in session.answers(text):
            sys.stdout.write(answer)
        sys.stdout.flush()
    return 0


def commands(stream: TextIO) -> Iterator[str]:
    """Splits a stream at the ends of lines outside of parentheses, strings and quoted symbols."""
    text, depth, quote = "", 0, ""
    for line in stream:
        for letter in line:
            if quote:
                # `""` inside of a string closes and reopens it, which has the same effect.
                quote = "" if letter == quote else quote
            elif letter in '"|':
                quote = letter
            elif letter == ";":
                break
            else:
                depth += {"(": 1, ")": -1}.get(letter, 0)
        text += line
        if depth == 0 and not quote:
            yield text
            text = ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
