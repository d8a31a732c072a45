import subprocess
import sys

import pytest

HEAVY = ("torch", "mlflow", "pytorch_lightning", "optuna", "hydra", "transformers")


def loaded_by(code):
    """The heavy libraries that some code imports."""
    look = f"print([one for one in {HEAVY} if one in sys.modules], file=sys.stderr)"
    wrapped = f"import atexit, sys; atexit.register(lambda: {look})\n{code}"
    return subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True).stderr.strip()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sweep", "--help"], ["train", "--help"]])
def test_help_imports_neither_torch_nor_mlflow(arguments):
    assert loaded_by(f"sys.argv = ['hone', *{arguments}]; from hone.cli import main; main()") == "[]"


def test_the_controllers_own_start_imports_no_torch():
    assert loaded_by("import hone.sweep.session") == "['mlflow', 'optuna', 'hydra']"


def test_each_command_says_what_it_does(hone):
    answer = hone("--help")

    assert answer.returncode == 0
    for command in ("train", "sweep", "ls", "show", "dashboard"):
        assert command in answer.stdout


def test_a_misspelt_command_is_refused(hone):
    answer = hone("swep")

    assert answer.returncode == 2
    assert "swep" in answer.stderr


def test_the_shell_completes_groups_options_and_keys(hone):
    def completed(line):
        words = {"_HONE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        return hone(env=words).stdout.split()

    assert "model=cnn" in completed("hone train model=c")
    assert "optimizer.lr=" in completed("hone train optimizer.l")
    assert "model.dropout=" in completed("hone train model=mlp model.dro")


def test_a_closed_pipe_is_no_error(project):
    command = f"{sys.executable} -c 'from hone.cli import main; main()' --help | head -1"

    answer = subprocess.run(command, shell=True, capture_output=True, text=True, executable="/bin/bash")

    assert "Traceback" not in answer.stderr
