"""The same next night, after histories of several lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.process import Limits, Row
from benchmarks.harness.tables import progress
from benchmarks.night.place import Place
from benchmarks.simulated import Nights, know_lots


@dataclass(frozen=True)
class Line:
    """Nights of a fab, the last of which is the one more; a folder for the lakes."""

    folder: Path
    made: Nights
    limits: Limits

    def run(self, name: str) -> Row:
        """Run the last night on a lake of, for `3x`, three nights before it."""
        count = int(name.removesuffix("x"))
        place = Place(self.folder / name, self.limits)
        if not place.is_kept:
            self._build(place, count)
        place.go_back()
        self._arrive(place, [*self.made.files[:count], self.made.files[-1]])
        return place.run("nightly")

    def _build(self, place: Place, count: int) -> None:
        self._arrive(place, self.made.files[:count])
        taken = place.run("nightly")
        progress(f"history: {count} nights are in the lake, in {taken['seconds']:.0f} s")
        place.keep()

    def _arrive(self, place: Place, nights: Sequence[Sequence[Path]]) -> None:
        """Let files land, with a factory database that knows their lots and no later ones."""
        files = [file for night in nights for file in night]
        place.land(files)
        others = {file for night in self.made.files for file in night} - set(files)
        know_lots(self.made.database, place.database, sorted(others))
