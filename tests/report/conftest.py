import demo_studies
import pytest

from hone.report.view import StudyView
from hone.study import read_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Finished studies by name, each made once, as their pictures see them."""
    made = {}

    def view(name, **options):
        key = (name, *options.items())
        if key not in made:
            study = getattr(demo_studies, name)(tmp_path_factory.mktemp(name), **options)
            made[key] = seen(study)
        return made[key]

    return view


@pytest.fixture
def small(tmp_path):
    """A study made by hand: gives what adds trials to it."""
    return lambda **options: demo_studies.DemoStudy(tmp_path / "mlruns", **options)


def seen(study):
    return StudyView(read_study(study.name, None, study.root / "studies"), study.directory)


@pytest.fixture
def see():
    return seen
