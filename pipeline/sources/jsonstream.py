"""The members of a JSON array, one at a time, from text that is too long to be held as a whole."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.errors import ConfigError

CHUNK = 1 << 20  # bytes read at once
LONGEST = 16 << 20  # characters of one member; a post has some thousand
Read = Callable[[int], bytes]


def members(read: Read, name: str) -> Iterator[Any]:
    """The members of the first array that `read` gives, which must begin in its first chunk.

    What stands before the array and after it does not matter. Raises ConfigError with the member and about
    where, `name` first.
    """
    window = _Window(read, name)
    window.skip_to("[")
    sign = window.sign()
    while sign != "]":
        window.count += 1
        yield window.value()
        sign = window.sign()
        if sign not in (",", "]"):
            raise window.error("not JSON (a comma or the array's end is missing)")
        if sign == ",":
            window.at += 1
            window.sign()
    while window.grow():  # a zip tells only at its end that its bytes are not those that were packed
        pass


class _Window:
    """What is read and not yet decoded: it grows at its end, and loses what lies before `at`."""

    def __init__(self, read: Read, name: str) -> None:
        self.read, self.name = read, name
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        self.text, self.at = "", 0
        self.before = 0  # characters that are gone
        self.count = 0  # members begun

    def grow(self) -> bool:
        """Read on, by as much as is left at least, so that a long member is not tried too often."""
        data = self.read(max(CHUNK, len(self.text) - self.at))
        try:
            more = self.decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise self.error(f"not UTF-8 text ({error.reason})", len(self.text)) from None
        self.before += self.at
        self.text, self.at = self.text[self.at :] + more, 0
        return bool(data)

    def skip_to(self, sign: str) -> None:
        self.grow()
        found = self.text.find(sign)
        if found < 0:
            raise ConfigError(f"{self.name}: holds no list of posts")
        self.at = found + 1

    def sign(self) -> str:
        """The next character that is no space; "" at the end."""
        while (begin := _NO_SPACE.search(self.text, self.at)) is None:
            self.at = len(self.text)
            if not self.grow():
                return ""
        self.at = begin.start()
        return self.text[self.at]

    def value(self) -> Any:
        """The value that begins here."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except RecursionError:
                raise self.error("nested too deeply") from None
            except ValueError as error:  # wrong, or not yet all of it
                if len(self.text) - self.at > LONGEST:
                    raise self.error(f"longer than {LONGEST:,} characters, or not JSON") from None
                at = getattr(error, "pos", self.at) - self.at
                if not self.grow():
                    raise self.error(f"not JSON ({getattr(error, 'msg', error)})", at) from None
            else:
                if end < len(self.text) or not self.grow():  # at the very end 12 may be the start of 123
                    self.at = end
                    return value

    def error(self, what: str, further: int = 0) -> ConfigError:
        where = self.before + self.at + further
        return ConfigError(f"{self.name}: item {self.count:,}, near character {where:,}: {what}")


_DECODER = json.JSONDecoder()
_NO_SPACE = re.compile(r"\S")
