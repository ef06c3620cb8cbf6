"""Work that is done side by side, each piece of it after those that it waits for."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache

from fabyield.errors import DataQualityError


def run_in_parallel(
    names: Sequence[str],
    before: Mapping[str, set[str]],
    work: Callable[[str], None],
    at_a_time: int,
) -> None:
    """Run `work` on each of `names`, at most `at_a_time` of them in parallel.

    A name starts when all names in `before` for it are done; of those that could start, the one
    with the longest chain of successors goes first. After an error nothing more is started, the
    running ones are awaited, and the error is raised: of several, one that is no DataQualityError,
    since a night stopped by data quality is not resumed.
    """
    if at_a_time == 1:
        for name in names:
            work(name)
        return
    left = {name: before.get(name, set()) & {*names} for name in names}
    chains = _chains(left)
    errors: list[BaseException] = []
    with ThreadPoolExecutor(at_a_time, thread_name_prefix="step") as pool:
        under_way: dict[Future[None], str] = {}
        ended: set[str] = set()
        while under_way or (left and not errors):
            ready = [name for name, waits_for in left.items() if waits_for <= ended and not errors]
            ready.sort(key=lambda name: -chains[name])
            for name in ready[: at_a_time - len(under_way)]:
                del left[name]
                under_way[pool.submit(work, name)] = name
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            ended |= {under_way.pop(future) for future in done}
            errors += [error for future in done if (error := future.exception()) is not None]
    if errors:
        # What broke an expectation was not begun; what failed otherwise must be gone on with.
        raise next((e for e in errors if not isinstance(e, DataQualityError)), errors[0])


def _chains(before: Mapping[str, set[str]]) -> dict[str, int]:
    """How many pieces of work follow one after another from each, itself among them."""
    behind: dict[str, set[str]] = {name: set() for name in before}
    for name, waits_for in before.items():
        for other in waits_for:
            behind[other].add(name)

    @cache
    def length(name: str) -> int:
        return 1 + max(map(length, behind[name]), default=0)

    return {name: length(name) for name in before}
