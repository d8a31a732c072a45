"""``hone promote``."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from hone.cli.looking import Place
from hone.promote import Promotion, promote
from hone.tracking.tags import VALUE


def promote_run(run: str, name: str | None, place: Place, *, force: bool) -> int:
    """Make a run's model the champion and print what became of it.

    Args:
        run: As ``hone show`` takes it.
        name: The registered model.
        place: Where to look.
        force: Even where the champion is better.

    Returns:
        Exit status: 0 where the run is the champion now, 1 where it was refused as worse.

    Raises:
        HoneError: There is no such run or model, or the two cannot be compared.
    """
    promotion = promote(run, place.tracking(), name, force=force)
    console = Console(soft_wrap=True, highlight=False)
    console.print(_sentence(promotion))
    if promotion.version is not None:
        console.print(f"[dim]load it[/]  mlflow.pytorch.load_model('models:/{promotion.name}@champion')")
    return 1 if promotion.refused else 0


def _sentence(done: Promotion) -> str:
    run = f"[bold]{escape(done.run.name)}[/] ({escape(done.metric)} {done.value:.4f})"
    if done.version is None:
        assert done.before is not None
        assert done.gain is not None
        return (
            f"[red]refused:[/] {run} is worse by {-done.gain:.4f} than champion {done.name} version "
            f"{done.before.number} ({float(done.before.tags[VALUE]):.4f}); --force promotes it nevertheless"
        )
    champion = f"champion of [bold]{done.name}[/], version {done.version.number}"
    if done.before is None:
        return f"{run} is the first {champion}"
    if done.before.number == done.version.number:
        return f"{run} is {champion}, already"
    by = "" if done.gain is None else f", {'better' if done.gain >= 0 else 'worse'} by {abs(done.gain):.4f} than"
    link = by or ", in place of"
    return f"{run} is {champion}{link} version {done.before.number}, which is previous now"
