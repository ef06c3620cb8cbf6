"""Work that is done side by side, each piece of it after those that it waits for."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache

from fabyield.errors import DataQualityError


def side_by_side(
    names: Sequence[str],
    before: Mapping[str, set[str]],
    work: Callable[[str], None],
    at_a_time: int,
) -> None:
    """Do `work` for each of `names`: in this order, or at most so many `at_a_time`.

    Each begins once those `before` it, as far as they are among `names`, have ended; of several
    that could begin, the one with the longest chain of others behind it. Where one fails, no other
    is begun, and what it raised is raised again once those under way have ended; of several errors
    one that is no DataQualityError, after which a night is not gone on with.
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
