"""Run work in parallel, each piece after those that it waits for."""

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
    with the longest chain of successors goes first. After an error nothing new starts, and the
    error is raised when the running ones have ended: of several, one that is no DataQualityError,
    since a night stopped by data quality is not resumed.
    """
    if at_a_time == 1:
        for name in names:
            work(name)
        return
    left = {name: before.get(name, set()) & {*names} for name in names}
    waiting = dict(left)

    @cache
    def chain(name: str) -> int:
        after = (other for other, waits_for in left.items() if name in waits_for)
        return 1 + max(map(chain, after), default=0)

    errors: list[BaseException] = []
    with ThreadPoolExecutor(at_a_time, thread_name_prefix="step") as pool:
        running: dict[Future[None], str] = {}
        ended: set[str] = set()
        while running or (waiting and not errors):
            ready = [name for name in waiting if left[name] <= ended and not errors]
            ready.sort(key=chain, reverse=True)
            for name in ready[: at_a_time - len(running)]:
                del waiting[name]
                running[pool.submit(work, name)] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            ended |= {running.pop(future) for future in done}
            errors += [error for future in done if (error := future.exception()) is not None]
    raise_gravest(errors)


def raise_gravest(errors: Sequence[BaseException]) -> None:
    """Raise the first of `errors` that is no DataQualityError, else the first; do nothing if none.

    A run that broke must not look like one that data quality stopped.
    """
    if errors:
        raise next((e for e in errors if not isinstance(e, DataQualityError)), errors[0])
