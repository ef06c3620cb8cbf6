"""Work that is done side by side, each piece of it after those that it waits for."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait


def side_by_side(
    names: Sequence[str],
    before: Mapping[str, set[str]],
    work: Callable[[str], None],
    at_a_time: int,
) -> None:
    """Do `work` for each of `names`, in this order where nothing else holds it up.

    Each begins once those `before` it, as far as they are among `names`, have ended, and at most so
    many are under way `at_a_time`. Where one fails, no other is begun, and what it raised is raised
    again once those under way have ended.
    """
    if at_a_time == 1:
        for name in names:
            work(name)
        return
    left = {name: before.get(name, set()) & {*names} for name in names}
    with ThreadPoolExecutor(at_a_time, thread_name_prefix="step") as pool:
        under_way: dict[Future[None], str] = {}
        ended: set[str] = set()
        while left or under_way:
            ready = [name for name, waits_for in left.items() if waits_for <= ended]
            for name in ready[: at_a_time - len(under_way)]:
                del left[name]
                under_way[pool.submit(work, name)] = name
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                ended.add(under_way.pop(future))
            for future in done:
                future.result()
