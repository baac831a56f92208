"""`harness import`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from harness.cli.options import store_option


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@store_option
def command(files: tuple[str, ...], store: str) -> None:
    """Add the runs that `harness export` has written to a store.

    Each file is checked by digest before its run is added, and nothing in it is executed.
    """
    from harness.cli.copying import bar, say_merged
    from harness.store.merge import Arrival, Merged, take_over
    from harness.store.run_file import check_run_file, opened_run_file
    from harness.store.store import Store

    # All of them, before anything is written.
    sizes = {Path(file): check_run_file(Path(file)) for file in files}
    for path, size in sizes.items():
        merged = Merged()
        with (
            bar("unpacking", 2 * size) as advance,
            opened_run_file(path, Path(store), advance) as (rows, place),
            Store(store) as opened,
        ):
            take_over(opened, [Arrival(rows, place, str(path))], merged, advance)
        say_merged(merged, store)
