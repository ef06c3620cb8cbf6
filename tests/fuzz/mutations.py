"""Random damage to a file, with a map of what of it is still there."""

from dataclasses import dataclass

import numpy as np

from tests.fuzz.seeds import SEEDS, seed

FAR_SIZE = 6
STRETCHES = (1, 2, 3, 4, 8, 30, 200, 2_000, 9_000)

# From one place of the undamaged file to another, or bytes that are not of it.
Piece = tuple[int, int] | bytes


@dataclass(frozen=True)
class Mutant:
    """A damaged file. `copies` has a row per stretch that is as it was: its place here, its place
    in the undamaged file, its length; it is as long as it can be.
    """

    number: int
    whole: bytes
    content: bytes
    copies: np.ndarray


def mutant(number: int) -> Mutant:
    """Damage one of the files; the same number gives the same bytes."""
    whole = seed(number % SEEDS)
    rng = np.random.default_rng([number, 7])
    pieces: list[Piece] = [(0, len(whole))]
    for _ in range(int(rng.choice([1, 1, 1, 2, 3, 8]))):
        kind = (bit, flip, cut, insert, insert, swap)[int(rng.integers(6))]
        pieces = kind(rng, pieces, whole) if kind is bit else kind(rng, pieces)
    return assembled(number, whole, pieces)


def assembled(number: int, whole: bytes, pieces: list[Piece]) -> Mutant:
    """Put the pieces together."""
    parts, copies, at = [], list[list[int]](), 0
    for piece in pieces:
        part = piece if isinstance(piece, bytes) else whole[slice(*piece)]
        if part and isinstance(piece, tuple):
            last = copies[-1] if copies else [0, 0, 0]
            if copies and last[0] + last[2] == at and last[1] + last[2] == piece[0]:
                last[2] += len(part)
            else:
                copies.append([at, piece[0], len(part)])
        parts.append(part)
        at += len(part)
    return Mutant(number, whole, b"".join(parts), np.array(copies, np.int64).reshape(-1, 3))


def size_of(pieces: list[Piece]) -> int:
    """Count the bytes of all pieces."""
    return sum(len(p) if isinstance(p, bytes) else p[1] - p[0] for p in pieces)


def parted(pieces: list[Piece], place: int) -> tuple[list[Piece], list[Piece]]:
    """Part the pieces at a place of the whole."""
    before: list[Piece] = []
    for n, piece in enumerate(pieces):
        size = len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
        if place < size:
            at = place if isinstance(piece, bytes) else piece[0] + place
            first: Piece = piece[:at] if isinstance(piece, bytes) else (piece[0], at)
            second: Piece = piece[at:] if isinstance(piece, bytes) else (at, piece[1])
            return [*before, first], [second, *pieces[n + 1 :]]
        before.append(piece)
        place -= size
    return before, []


def placed(rng: np.random.Generator, pieces: list[Piece]) -> int:
    """Draw a place, seldom one in the FAR, without which nothing can be read."""
    least = 0 if rng.random() < 0.01 else FAR_SIZE
    return int(rng.integers(least, max(least + 1, size_of(pieces))))


def stretch(rng: np.random.Generator, pieces: list[Piece]) -> tuple[list[Piece], ...]:
    """Part the pieces in three by a random stretch."""
    before, rest = parted(pieces, placed(rng, pieces))
    middle, after = parted(rest, int(rng.choice(STRETCHES)))
    return before, middle, after


def bit(rng: np.random.Generator, pieces: list[Piece], whole: bytes) -> list[Piece]:
    """Change one bit."""
    before, rest = parted(pieces, placed(rng, pieces))
    middle, after = parted(rest, 1)
    parts = (piece if isinstance(piece, bytes) else whole[slice(*piece)] for piece in middle)
    return [
        *before,
        *(bytes([part[0] ^ 1 << int(rng.integers(8))]) for part in parts if part),
        *after,
    ]


def flip(rng: np.random.Generator, pieces: list[Piece]) -> list[Piece]:
    """Write other bytes over a stretch: random ones, zeros or ones."""
    before, rest = parted(pieces, placed(rng, pieces))
    size = int(rng.choice([1, 1, 2, 4, 30, 600]))
    middle, after = parted(rest, size)
    fill = bytes([int(rng.choice([0, 255]))])
    size = size_of(middle)
    return [*before, rng.bytes(size) if rng.random() < 0.7 else fill * size, *after]


def cut(rng: np.random.Generator, pieces: list[Piece]) -> list[Piece]:
    """Lose a stretch."""
    before, _, after = stretch(rng, pieces)
    return [*before, *after]


def insert(rng: np.random.Generator, pieces: list[Piece]) -> list[Piece]:
    """Put random bytes, zeros or a copy of a stretch where they do not belong."""
    before, after = parted(pieces, placed(rng, pieces))
    size, how = int(rng.choice(STRETCHES)), rng.random()
    if how < 0.4:
        return [*before, *stretch(rng, pieces)[1], *after]
    return [*before, rng.bytes(size) if how < 0.8 else bytes(size), *after]


def swap(rng: np.random.Generator, pieces: list[Piece]) -> list[Piece]:
    """Swap two stretches."""
    before, first, rest = stretch(rng, pieces)
    between, second, after = stretch(rng, rest) if size_of(rest) > FAR_SIZE else (rest, [], [])
    return [*before, *second, *between, *first, *after]
