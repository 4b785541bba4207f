from __future__ import annotations

from pathlib import Path

import pytest

from mlops_core.errors import ProjectError
from mlops_core.runs.project import EntryPoint, Parameter, load_project

EXAMPLES = Path(__file__).parents[3] / "projects"


def write(folder: Path, text: str, name: str = "MLproject") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ProjectError) as caught:
        load_project(folder)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", ["MLproject", "MLProject", "mlproject"])
def test_any_spelling_that_mlflow_takes_is_found(tmp_path: Path, name: str) -> None:
    write(tmp_path, "entry_points: {main: {command: python a.py}}", name)
    assert load_project(tmp_path).entry_point().command == "python a.py"


def test_parameters_have_types_and_defaults_as_text(tmp_path: Path) -> None:
    write(
        tmp_path,
        "name: churn\n"
        "entry_points:\n"
        "  main:\n"
        "    parameters:\n"
        "      table: string\n"
        "      epochs: {type: int, default: 5}\n"
        "      rate: {type: float, default: 0.1}\n"
        "      deep: {type: boolean, default: true}\n"
        "      note: {default: ''}\n"
        "    command: python train.py {table} {epochs} {rate} {deep} {note}\n",
    )
    project = load_project(tmp_path)
    assert project.name == "churn"
    assert project.entry_point().parameters == (
        Parameter("table", "string", None),
        Parameter("epochs", "int", "5"),
        Parameter("rate", "float", "0.1"),
        Parameter("deep", "bool", "True"),
        Parameter("note", "string", ""),
    )


def test_a_project_without_a_name_is_called_like_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "Churn"
    folder.mkdir()
    write(folder, "entry_points: {main: {command: 'true'}}")
    project = load_project(folder)
    assert project.name == "Churn"
    assert project.entry_point() == EntryPoint("main", "true")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entry_points: {main: {}}", "entry_points.main.command: is missing"),
        ("name: x", "entry_points: is missing"),
        ("entry_points: {}", "entry_points: "),
        ("entrypoints: {main: {command: x}}", "entrypoints: is not a key that is known here"),
        ("entry_points: [main]", "entry_points: "),
        ("entry_points: {main: {command: [a]}}", "entry_points.main.command: "),
        (
            "entry_points: {main: {command: x, parameters: {n: {type: number}}}}",
            "entry_points.main.parameters.n: 'number' is no type",
        ),
        (
            "entry_points: {main: {command: 'x {n}'}}",
            "entry_points.main.command uses {n}, which is none of its parameters",
        ),
        ("entry_points: {main: {command: 'x {'}}", "entry_points.main.command: "),
        (
            "docker_env: {image: x}\nentry_points: {main: {command: x}}",
            "docker_env is not supported",
        ),
        ("conda_env: no.yaml\nentry_points: {main: {command: x}}", "conda_env: there is no file"),
        ("conda_env: a\npython_env: b\nentry_points: {main: {command: x}}", "exclude each other"),
        ("a: [", "is no valid YAML"),
        ("- a", "expected keys and values"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    message = refusal(write(tmp_path, text))
    assert str(tmp_path / "MLproject") in message
    assert said in message


def test_a_folder_without_the_file_and_no_folder_at_all(tmp_path: Path) -> None:
    assert "holds no MLproject" in refusal(tmp_path)
    assert "there is no project folder" in refusal(tmp_path / "none")


def test_an_unknown_entry_point_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    write(tmp_path, "entry_points: {main: {command: x}, test: {command: y}}")
    with pytest.raises(ProjectError, match="no entry point 'trian'") as caught:
        load_project(tmp_path).entry_point("trian")
    assert "main, test" in caught.value.hint


@pytest.mark.parametrize("name", ["ExampleTrainingProject", "ExampleScoringProject"])
def test_the_examples_are_projects(name: str) -> None:
    project = load_project(EXAMPLES / name)
    assert project.name == name
    assert project.environment_file is not None
    assert "model_name" in {parameter.name for parameter in project.entry_point().parameters}
