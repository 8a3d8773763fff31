from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote

import msgspec
import pytest

from headrace.parent_watch import PARENT_PIPE
from headrace.settings import PREFIX, DatabaseSettings, Settings, SettingsError, split_bind, unknown_variables
from headrace.settings.production import plain_text_hosts
from headrace.settings.secret_files import FILE_BYTES_MAX, SECRETS


def every_variable(of: type[msgspec.Struct] = Settings, prefix: str = PREFIX) -> dict[str, Any]:
    """Each variable there is, with its default."""
    found: dict[str, Any] = {}
    defaults = of()
    for name, type_ in get_type_hints(of).items():
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
            found |= every_variable(type_, f"{prefix}{name.upper()}_")
        else:
            found[prefix + name.upper()] = getattr(defaults, name)
    return found


WRONG = {
    "HEADRACE_ENV": "test",
    "HEADRACE_URL": "127.0.0.1:8080",
    "HEADRACE_LOG_LEVEL": "loud",
    "HEADRACE_LOG_FORMAT": "xml",
    "HEADRACE_NATS_URL": "http://user:hunter2@127.0.0.1",
    "HEADRACE_NATS_SYNC": "sometimes",
    "HEADRACE_NATS_USER": "worker.>",
    "HEADRACE_STREAM_RETENTION": "1",
    "HEADRACE_STREAM_MAX_BYTES": "many",
    "HEADRACE_STREAM_REPLICAS": "6",
    "HEADRACE_STREAM_ACK_WAIT": "nan",
    "HEADRACE_STREAM_APPEND_TIMEOUT": "0",
    "HEADRACE_DATABASE_URL": "mysql://user:hunter2@db/headrace",
    "HEADRACE_DATABASE_POOL": "0",
    "HEADRACE_API_BIND": "8080",
    "HEADRACE_API_ORIGINS": "*",
    "HEADRACE_API_CONNECTIONS": "1.5",
    "HEADRACE_API_GRACE": "-1",
    "HEADRACE_WORKER_SLOTS": "2",
    "HEADRACE_WORKER_THREADS": "257",
    "HEADRACE_WORKER_GRACE": "soon",
    "HEADRACE_WORKER_OPS": "localhost:",
    "HEADRACE_PROJECTOR_OPS": "localhost:http",
}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.read({}) == Settings()
    assert Settings().stream.retention == 7 * 24 * 3600
    assert Settings().api.bind == "127.0.0.1:8080"


def test_a_variable_is_named_after_its_section_and_its_field() -> None:
    found = Settings.read(
        {
            "HEADRACE_CONSUMERS": "mine",
            "HEADRACE_NATS_URL": "nats://a:1,nats://b:2",
            "HEADRACE_NATS_TOKEN": "t",
            "HEADRACE_STREAM_ACK_WAIT": "2.5",
            "HEADRACE_STREAM_REPLICAS": "3",
            "HEADRACE_DATABASE_URL": "postgres://db/x",
            "HEADRACE_API_BIND": "[::1]:80",
            "HEADRACE_WORKER_SLOTS": "12",
            "SOMETHING_ELSE": "x",
            "HEADRACE_UNHEARD_OF": "x",
        }
    )
    assert found.consumers == "mine"
    assert found.nats.url == "nats://a:1,nats://b:2"
    assert found.nats.token == "t"
    assert found.stream.ack_wait == 2.5
    assert found.stream.replicas == 3
    assert found.database.url == "postgres://db/x"
    assert found.api.bind == "[::1]:80"
    assert found.worker.slots == 12


def test_every_default_can_be_written_down_and_read_again() -> None:
    written = {name: str(default) for name, default in every_variable().items() if default is not None}
    assert Settings.read(written) == Settings()


def test_every_setting_is_described() -> None:
    lines = (Path(__file__).parents[2] / "docs/settings.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    assert [variable.split("`")[1] for variable, *_ in rows] == list(every_variable())
    assert [variable for variable, meaning, _ in rows if len(meaning.split()) < 4] == []
    meaning = {variable.split("`")[1]: meaning for variable, meaning, _ in rows}
    assert meaning["HEADRACE_API_BIND"] == "Address and port to listen on."
    assert meaning["HEADRACE_WORKER_GRACE"] == "Seconds running tasks have to end in after SIGTERM."


def test_an_empty_value_is_no_value() -> None:
    assert Settings.read(dict.fromkeys(every_variable(), "")) == Settings()


@pytest.mark.parametrize("variable", WRONG)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(variable: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable}="):
        Settings.read({variable: WRONG[variable]})


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read(WRONG)
    lines = str(caught.value).splitlines()
    assert lines[0] == "these settings cannot be used:"
    assert {line.strip().partition("=")[0] for line in lines[1:]} == set(WRONG)


def test_a_wrong_value_is_shown_unless_it_may_carry_a_secret() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read(WRONG)
    said = str(caught.value)
    assert "HEADRACE_LOG_LEVEL='loud': 'loud' is not possible here; there are debug, error, info, warning\n" in said
    assert "HEADRACE_ENV='test': 'test' is not possible here; there are local, production, staging\n" in said
    assert "HEADRACE_DATABASE_URL=(hidden)" in said
    assert "HEADRACE_NATS_URL=(hidden)" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:1", "localhost", 1),
        ("[::1]:443", "::1", 443),
        (":90", "", 90),
    ],
)
def test_an_address_is_a_host_and_a_port(bind: str, host: str, port: int) -> None:
    assert split_bind(bind) == (host, port)


def test_a_variable_that_was_replaced_is_refused_by_name_with_the_one_to_set_instead() -> None:
    old = {"HEADRACE_API_METRICS": ":9090", "HEADRACE_WORKER_HEALTH": ":9090", "HEADRACE_PROJECTOR_HEALTH": ""}
    with pytest.raises(SettingsError) as caught:
        Settings.read(old)
    assert caught.value.wrong == [
        "HEADRACE_API_METRICS is no setting any more; set HEADRACE_API_OPS instead",
        "HEADRACE_WORKER_HEALTH is no setting any more; set HEADRACE_WORKER_OPS instead",
    ]
    assert Settings.read({"HEADRACE_WORKER_OPS": ":9090"}).worker.ops == ":9090"


@pytest.mark.parametrize(
    ("variable", "value", "port"),
    [
        ("HEADRACE_API_BIND", "127.0.0.1:99999", "99999"),
        ("HEADRACE_API_BIND", "[::1]:65536", "65536"),
        ("HEADRACE_API_OPS", "0.0.0.0:70000", "70000"),
        ("HEADRACE_WORKER_OPS", "localhost:99999", "99999"),
        ("HEADRACE_URL", "http://127.0.0.1:99999/x", "99999"),
        ("HEADRACE_API_PUBLIC_URL", "https://h:123456", "123456"),
        ("HEADRACE_NATS_URL", "nats://a:4222,nats://u:1@b:99999", "99999"),
        ("HEADRACE_DATABASE_URL", "postgresql://u:77777@a:5432,b:99999/x", "99999"),
    ],
)
def test_a_port_that_cannot_be_one_is_refused_by_the_name_of_its_variable(variable: str, value: str, port: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable}=.*: there is no port {port}$"):
        Settings.read({variable: value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HEADRACE_DATABASE_URL", "postgresql://u:p:99999@/x?host=/a:99999"),
        ("HEADRACE_DATABASE_URL", "postgresql://postgres@/headrace?host=/tmp/a"),
        ("HEADRACE_NATS_URL", "nats://token:99999@h"),
        ("HEADRACE_API_BIND", "[::1]:65535"),
    ],
)
def test_what_only_looks_like_a_port_is_left_alone(variable: str, value: str) -> None:
    Settings.read({variable: value})


def test_a_misspelt_setting_is_told_with_the_one_that_is_closest() -> None:
    environ = {
        "HEADRACE_STREAM_MAXBYTES": "1",
        "HEADRACE_LOGLEVEL": "debug",
        "HEADRACE_NATS_URL": "nats://a",
        "PATH": "/",
    }
    assert unknown_variables(environ) == [
        "HEADRACE_LOGLEVEL is no setting and is ignored; is HEADRACE_LOG_LEVEL meant?",
        "HEADRACE_STREAM_MAXBYTES is no setting and is ignored; is HEADRACE_STREAM_MAX_BYTES meant?",
    ]
    assert unknown_variables({"HEADRACE_WEATHER": "1"}) == ["HEADRACE_WEATHER is no setting and is ignored"]
    assert unknown_variables(dict.fromkeys(every_variable(), "x")) == []


def test_what_a_parent_has_told_and_what_kubernetes_sets_is_not_told() -> None:
    assert unknown_variables({"HEADRACE_LOGLEVEL": "debug", PARENT_PIPE: "1"}) == []
    of_a_service = {
        "HEADRACE_API_SERVICE_HOST": "10.0.0.1",
        "HEADRACE_API_SERVICE_PORT": "80",
        "HEADRACE_API_SERVICE_PORT_HTTP": "80",
        "HEADRACE_API_PORT": "tcp://10.0.0.1:80",
        "HEADRACE_API_PORT_80_TCP": "tcp://10.0.0.1:80",
        "HEADRACE_API_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert unknown_variables(of_a_service) == []
    assert unknown_variables({"HEADRACE_API_PORT": "80"}) != []


OF_A_SECRET = {
    "HEADRACE_URL": "http://in-a-file",
    "HEADRACE_OBJECTS_URL": "s3://in-a-file",
    "HEADRACE_NATS_URL": "nats://in-a-file",
    "HEADRACE_DATABASE_URL": "postgresql://in-a-file/x",
    "HEADRACE_API_STATUS_URL": "https://in-a-file",
    "HEADRACE_API_SECRETS": "in-a-file-of-32-characters-or-more",
    "HEADRACE_API_FOLLOW_SECRETS": "in-a-file-of-32-characters-or-more",
}


@pytest.mark.parametrize("line_break", ["", "\n", "\r\n"])
def test_every_secret_is_read_from_a_file_without_the_line_break_at_its_end(line_break: str, tmp_path: Path) -> None:
    secrets = [name for name in every_variable() if unknown_variables({f"{name}_FILE": "x"}) == []]
    assert len(secrets) >= 10
    for variable in secrets:
        parts = {"HEADRACE_DATABASE_HOST": "db", "HEADRACE_DATABASE_USER": "u"}
        beside = parts if variable == "HEADRACE_DATABASE_PASSWORD" else {}
        value = OF_A_SECRET.get(variable, "in-a-file")
        (tmp_path / "secret").write_bytes(f"{value}{line_break}".encode())
        (tmp_path / "secret").chmod(0o444)
        environ = {f"{variable}_FILE": str(tmp_path / "secret")}
        assert Settings.read(environ | beside) == Settings.read({variable: value} | beside) != Settings.read(beside)
        assert unknown_variables(environ) == []
        with pytest.raises(SettingsError, match=f"{variable}_FILE='/nowhere/x': cannot be read: No such file"):
            Settings.read({f"{variable}_FILE": "/nowhere/x"} | beside)


def test_every_secret_may_be_in_a_file_and_nothing_else() -> None:
    may = {name for name in every_variable() if unknown_variables({f"{name}_FILE": "x"}) == []}
    assert may == {name for name in every_variable() if any(name.lower().endswith(f"_{each}") for each in SECRETS)} - {
        "HEADRACE_API_PUBLIC_URL",
        "HEADRACE_OBJECTS_DOWNLOAD_URL",
    }


def test_files_of_secrets_that_cannot_be_used_are_all_named_at_once_and_not_shown(tmp_path: Path) -> None:
    for name, content in {"empty": b"\n", "bytes": b"hunter2\xff", "long": b"x" * (FILE_BYTES_MAX + 1)}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "both").write_text("hunter2")
    with pytest.raises(SettingsError) as caught:
        Settings.read(
            {
                "HEADRACE_NATS_URL_FILE": str(tmp_path / "missing"),
                "HEADRACE_NATS_TOKEN_FILE": str(tmp_path / "empty"),
                "HEADRACE_NATS_PASSWORD_FILE": str(tmp_path / "bytes"),
                "HEADRACE_DATABASE_URL_FILE": str(tmp_path / "long"),
                "HEADRACE_URL_FILE": str(tmp_path),
                "HEADRACE_API_FOLLOW_SECRETS_FILE": str(tmp_path / "both"),
                "HEADRACE_API_FOLLOW_SECRETS": "hunter2hunter2hunter2hunter2hunter2",
            }
        )
    said = str(caught.value)
    reasons = {line.strip().partition("=")[0].partition(":")[0]: line for line in said.splitlines()[1:]}
    assert {name: reasons[name].rpartition(": ")[2] for name in reasons} == {
        "HEADRACE_NATS_URL_FILE": "No such file or directory",
        "HEADRACE_NATS_TOKEN_FILE": "the file is empty",
        "HEADRACE_NATS_PASSWORD_FILE": "is not UTF-8",
        "HEADRACE_DATABASE_URL_FILE": "has more than 65,536 bytes, so it is no secret",
        "HEADRACE_URL_FILE": "Is a directory",
        "HEADRACE_API_FOLLOW_SECRETS_FILE": "HEADRACE_API_FOLLOW_SECRETS is given too; unset one of them",
    }
    assert "hunter2" not in said


def test_production_has_other_defaults_and_what_is_set_wins() -> None:
    assert Settings.read({"HEADRACE_ENV": "production"}).stream.replicas == 3
    assert Settings.read({"HEADRACE_ENV": "production", "HEADRACE_STREAM_REPLICAS": "5"}).stream.replicas == 5
    assert Settings.read({"HEADRACE_ENV": "staging"}).log_format == "json"
    assert Settings.read({"HEADRACE_ENV": "local"}) == Settings()


def database(**environ: str) -> DatabaseSettings:
    return Settings.read({f"HEADRACE_DATABASE_{name}": value for name, value in environ.items()}).database


def test_the_parts_of_a_database_become_the_url_that_everybody_uses() -> None:
    given = database(HOST="db", USER="me@x", PASSWORD="p@:/?#% ", NAME="my db")
    assert given.url == "postgresql://me%40x:p%40%3A%2F%3F%23%25%20@/my%20db?host=db"
    assert database(HOST="a,b", PORT="6432", USER="me").url == "postgresql://me@/headrace?host=a%2Cb&port=6432%2C6432"
    assert database(HOST="/run/postgresql", USER="me").url == "postgresql://me@/headrace?host=%2Frun%2Fpostgresql"
    assert given.variable == "HEADRACE_DATABASE_HOST"
    assert plain_text_hosts(given.url) == ["db"]


def test_an_authority_means_that_the_certificate_of_the_database_is_verified(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-")
    ca = {"CA": str(tmp_path / "ca.pem")}
    for given in (database(HOST="db", USER="me", **ca), database(URL="postgresql://me@db/x", **ca)):
        assert given.url.endswith(f"sslrootcert={quote(ca['CA'], safe='')}&sslmode=verify-full")
        assert plain_text_hosts(given.url) == []
    assert database(URL="postgresql://me@db/x?sslmode=require", **ca).url.count("sslmode") == 1
    assert database(URL="postgresql://me@db/x", SSLMODE="require").url == "postgresql://me@db/x?sslmode=require"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"URL": "postgresql://me:hunter2@db/x", "HOST": "db", "USER": "me", "PASSWORD": "hunter2"},
            "HEADRACE_DATABASE_URL: HEADRACE_DATABASE_HOST, HEADRACE_DATABASE_USER and HEADRACE_DATABASE_PASSWORD are given too",
        ),
        ({"PASSWORD": "hunter2", "USER": "me"}, "HEADRACE_DATABASE_HOST: is missing"),
        ({"HOST": "db"}, "HEADRACE_DATABASE_USER: is missing; HEADRACE_DATABASE_HOST cannot do without it"),
        (
            {"URL": "postgresql://me@db/x?sslmode=require", "SSLMODE": "verify-full"},
            "HEADRACE_DATABASE_SSLMODE: HEADRACE_DATABASE_URL says sslmode too",
        ),
        ({"KEY": __file__}, "HEADRACE_DATABASE_KEY: HEADRACE_DATABASE_CERT is missing"),
        (
            {"CA": "/nowhere/ca.pem"},
            "HEADRACE_DATABASE_CA='/nowhere/ca.pem': cannot be read: No such file or directory",
        ),
        ({"HOST": "db:5432", "USER": "me"}, "HEADRACE_DATABASE_HOST='db:5432': "),
    ],
)
def test_parts_that_do_not_go_together_are_refused_by_name(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        database(**environ)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_key_for_nats_without_its_certificate_is_refused_and_not_ignored() -> None:
    with pytest.raises(SettingsError, match="HEADRACE_NATS_KEY: HEADRACE_NATS_CERT is missing"):
        Settings.read({"HEADRACE_NATS_KEY": __file__})
