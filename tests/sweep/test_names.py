from hone.sweep.names import LONGEST_NAME, describe, short_names, trial_name


def test_a_trial_is_named_by_what_tells_it_apart():
    values = {"model": "bilstm", "optimizer.lr": 3.1e-4, "data.batch_size": 64, "optimizer.weight_decay": 0.01}

    assert trial_name("bilstm", 17, values) == "bilstm-017 lr=3.1e-04 bs=64 wd=0.01"


def test_keys_that_end_alike_keep_as_much_as_tells_them_apart():
    assert short_names(["a.model.dropout", "b.model.dropout", "optimizer.lr"]) == {
        "a.model.dropout": "a.model.dropout",
        "b.model.dropout": "b.model.dropout",
        "optimizer.lr": "lr",
    }
    assert describe({"encoder.dropout": 0.1, "head.dropout": 0.2}) == "encoder.dropout=0.1 head.dropout=0.2"
    assert len(set(short_names(["lr", "optimizer.learning_rate", "x.lr"]).values())) == 3


def test_a_name_is_never_longer_than_a_table_shows():
    values = {f"model.key_{number}": "x" * 200 for number in range(30)}

    assert len(trial_name("mlp", 1, values)) == LONGEST_NAME
