from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthkit.errors import ConfigError
from synthkit.schema.document import Problems, parse_document, read_document

JARGON = ("pydantic", "Input", "Extra inputs", "Field required", "valid dictionary", "https://")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Rule(_Strict):
    name: str
    limit: float = Field(ge=0, le=1)
    severity: Literal["error", "warning"] = "error"


class Plan(_Strict):
    title: str = Field(min_length=1)
    epsilon: float | None = None
    rows: int = 10
    quick: bool = False
    rules: list[Rule] = Field([], max_length=3)
    options: dict[str, int | float] = {}
    mode: int | str = 1

    @model_validator(mode="after")
    def _check(self) -> Plan:
        if self.rows == 13:
            raise Problems(
                [(("rows",), "is an unlucky number"), (("rules", 0, "name"), "is no name")]
            )
        return self


def problems(text: str, **more: bool) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, Plan, what="plan", **more)
    whole = " ".join((caught.value.message, caught.value.hint, *caught.value.details))
    assert not any(word in whole for word in JARGON), whole
    assert caught.value.hint
    return caught.value.details


def test_a_valid_document_becomes_its_model():
    plan = parse_document(
        "title: x\nepsilon: 1e-6\nrules:\n- {name: a, limit: .5}\n", Plan, what="p"
    )
    assert plan.epsilon == 1e-6
    assert plan.rules[0].limit == 0.5


def test_json_is_read_too(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"title":\t"x", "rows": 3}')
    assert read_document(path, Plan, what="plan").rows == 3


def test_every_problem_is_told_at_once_with_its_line():
    details = problems(
        "titel: x\nrows: many\nquick: 1\nrules:\n- name: 3\n  limits: 0.5\n  limit: 2\n"
    )
    text = "\n".join(details)
    assert "line 1, titel: unknown key 'titel'; did you mean 'title'?" in details
    assert "line 2, rows: must be a whole number (text stands there)" in details
    assert "line 3, quick: must be true or false" in text
    assert "line 5, rules[0].name: must be text (a number stands there" in text
    assert "line 6, rules[0].limits: unknown key 'limits'; did you mean 'limit'?" in details
    assert "line 7, rules[0].limit: must be at most 1" in text
    assert "'title' is missing" in text
    assert len(details) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: x\nrows: 1\nrows: 2\n", "line 3: 'rows' is written twice (first on line 2)"),
        ("title: x\nrules:\n- name: a\n  limit: 1\n  limit: 0\n", "'limit' is written twice"),
        ("title: x\nmode: [1]\n", "must be a whole number or text (a list stands there)"),
        ("title: ''\n", "line 1, title: must not be empty"),
        ("title: null\n", "nothing stands there"),
        ("title: yes\nquick: yes\n", "line 2, quick: must be true or false (text stands there)"),
        ("title: true\n", "put it in quotes"),
        ("title: x\nrules: {name: a}\n", "must be a list (a mapping stands there)"),
        ("title: x\nrules: [{name: a, limit: 0, severity: eror}]\n", "did you mean 'error'?"),
        ("title: x\nrules: [1, 2, 3, 4]\n", "must have at most 3 entries"),
        ("title: x\nrules: [1]\n", "must be a mapping"),
        (
            "title: x\nrows: 13\nrules: [{name: a, limit: 0}]\n",
            "line 2, rows: is an unlucky number",
        ),
        (
            "title: x\nrows: 13\nrules:\n- name: a\n  limit: 0\n",
            "line 4, rules[0].name: is no name",
        ),
        ("title: x\nrows: 1.5\n", "must be a whole number"),
        ("title: x\noptions: {a: x}\n", "options.a: must be a whole number or a number"),
        ("1: x\ntitle: y\n", "line 1: the key 1 must be text: put it in quotes"),
        ("title: y\noptions: {true: 1}\n", "line 2, options: the key true must be text"),
    ],
)
def test_each_problem_has_a_sentence(text, said):
    assert said in "\n".join(problems(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a: b\n", "line 1: a second colon"),
        ("title: x\n\trows: 1\n", "line 2"),
        ("title: [1, 2\n", "not valid YAML"),
        ("a: &x 1\nb: *x\n", "anchors and aliases"),
        ("a: !!python/object:os.system ls\n", "line 1: tags"),
        ("a: 2020-02-30\n", "line 1: not valid YAML: this date is in no calendar"),
        ("---\na: 1\n---\nb: 2\n", "second document"),
        ("a: " + "9" * 5000, "a number here that cannot be read"),
        ("[" * 5000, "YAML"),
    ],
)
def test_what_is_not_yaml_is_said_to_be_so(text, said):
    details = problems(text)
    assert len(details) == 1
    assert said in details[0] or "nested too deeply" in details[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"title": "x",}', "line 1: not valid JSON"),
        ('{"title": "x", "title": "y"}', "'title' is written twice"),
        ('{"title": "x", "epsilon": NaN}', "NaN is not a number here"),
    ],
)
def test_json_is_as_strict(text, said):
    assert said in "\n".join(problems(text, is_json=True))


def test_an_alias_bomb_is_refused_before_it_unfolds():
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    assert "anchors" in problems("\n".join(lines))[0]


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "---\n", "~"])
def test_an_empty_document_is_refused(text):
    with pytest.raises(ConfigError, match="is empty"):
        parse_document(text, Plan, what="plan")


@pytest.mark.parametrize("text", ["- a\n", "word", "3"])
def test_a_document_that_is_no_mapping_is_refused(text):
    with pytest.raises(ConfigError, match="is not a mapping"):
        parse_document(text, Plan, what="plan")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigError, match="There is no plan at"):
        read_document(tmp_path / "absent.yaml", Plan, what="plan")
    with pytest.raises(ConfigError, match="is a folder"):
        read_document(tmp_path, Plan, what="plan")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_document("a\0b", Plan, what="plan")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("title: x\nmode: é\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin.yaml is not UTF-8 text \(line 2\)"):
        read_document(latin, Plan, what="plan")
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (9 * 1024 * 1024))
    with pytest.raises(ConfigError, match="larger than 8 MiB"):
        read_document(large, Plan, what="plan")


@pytest.mark.usefixtures("without_privileges")
def test_a_file_without_permission_is_named(unreadable):
    with pytest.raises(ConfigError, match="Permission denied"):
        read_document(unreadable, Plan, what="plan")


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"\xef\xbb\xbftitle: x\n")
    assert read_document(path, Plan, what="plan").title == "x"


def test_the_message_counts_and_names():
    with pytest.raises(ConfigError) as caught:
        parse_document("titel: x\n", Plan, what="plan", name="my.yaml")
    assert caught.value.message == "The plan my.yaml has 2 problems."
