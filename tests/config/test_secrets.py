import pytest

from hone.config.secrets import (
    hidden_keys,
    hide_in_text,
    hide_override,
    hide_values,
    is_secret_file,
    is_secret_name,
    looks_secret,
)

SHAPES = [
    "hf_" + "a1B2" * 9,
    "ghp_" + "a1B2" * 9,
    "AKIA" + "ABCD1234" * 2,
    "sk-" + "a1B2c3D4" * 4,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "https://me:hunter22@example.com/x",
    "postgresql://me:hunter22@db/x",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("text", SHAPES)
def test_a_secret_is_known_by_its_shape(text):
    assert "***" in hide_in_text(text)
    assert "hunter22" not in hide_in_text(text)
    assert hide_values({"data": [{"url": text}]}) != {"data": [{"url": text}]}


@pytest.mark.parametrize(
    "name", ["password", "data.api_key", "HF_TOKEN", "model.auth_token", "client_secret", "AWS_SECRET_ACCESS_KEY"]
)
def test_a_secret_is_known_by_the_name_of_what_holds_it(name):
    assert is_secret_name(name)
    assert hide_values({name.rpartition(".")[2]: "anything"}) == {name.rpartition(".")[2]: "***"}
    assert hide_in_text(f"--{name}=hunter22") == f"--{name}=***"


@pytest.mark.parametrize("name", ["pad_token", "tokenizer", "max_tokens", "key", "monitor", "sep_token", "secretary"])
def test_what_only_sounds_like_one_is_shown(name):
    assert not is_secret_name(name)
    assert hide_in_text(f"{name}=something") == f"{name}=something"


def test_a_config_without_secrets_is_the_same_object():
    config = {"model": {"lr": 0.1, "layers": [1, 2]}, "url": "https://example.com"}

    assert hide_values(config) is config
    assert hidden_keys({"a": {"token": "***", "b": ["x", "***"]}}) == ["a.token", "a.b[1]"]


def test_code_that_handles_a_secret_holds_none():
    assert not looks_secret("token = os.environ['HF_TOKEN']\npassword: str\napi_key=config.key\n")
    assert looks_secret("api_key = 'a1b2c3d4e5'\n")


def test_files_of_secrets_are_known_by_name():
    assert all(map(is_secret_file, [".env", "conf/.env.local", "id_rsa", "keys/server.pem", "my_secrets.yaml"]))
    assert not any(map(is_secret_file, ["train.py", "environment.py", "keys.py"]))


@pytest.mark.parametrize(
    "text",
    [
        "data.password=Pa$sword99",
        "+data.password='correct horse battery'",
        "data.api_key=abc$defghijklmnop",
        "data.password=ab,cdefgh",
        "--hub-token=abc12",
    ],
)
def test_what_an_override_sets_a_secret_to_is_hidden_however_it_is_written(text):
    assert hide_override(text) == f"{text.partition('=')[0]}=***"


def test_numbers_and_what_lies_below_a_secret_are_hidden_and_numbers_of_tokens_are_not():
    node = {"data": {"password": 12345678, "credentials": {"user": "me", "key": "abc"}, "token": 102, "api_key": None}}

    assert hide_values(node) == {
        "data": {"password": "***", "credentials": {"user": "***", "key": "***"}, "token": 102, "api_key": None}
    }
