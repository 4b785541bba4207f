from __future__ import annotations

from pathlib import Path

import pytest

from mlops_core.errors import ProjectError
from mlops_core.runs.dependencies import Dependencies, load_dependencies


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_no_file_asks_for_nothing() -> None:
    assert load_dependencies(None, Path()) == Dependencies()


def test_conda_and_pip_sections(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    write(tmp_path, "dist/churn-1.0-py3-none-any.whl", "")
    file = write(
        tmp_path,
        "conda.yaml",
        "channels: [conda-forge]\n"
        "dependencies:\n"
        "  - python=3.11\n"
        "  - pip\n"
        "  - numpy\n"
        "  - pandas=2.2\n"
        "  - scipy==1.14.1\n"
        "  - conda-forge::scikit-learn>=1.5, <2\n"
        "  - xgboost=2.1.*=py_0\n"
        "  - pip:\n"
        "      - mlflow>=3,<4  # the tracker\n"
        "      - ./dist/churn-1.0-py3-none-any.whl\n"
        "      - https://example.com/a-1.0-py3-none-any.whl\n",
    )
    assert load_dependencies(file, tmp_path) == Dependencies(
        packages=(
            "numpy",
            "pandas==2.2.*",
            "scipy==1.14.1",
            "scikit-learn>=1.5,<2",
            "xgboost==2.1.*",
            "mlflow>=3,<4",
            "https://example.com/a-1.0-py3-none-any.whl",
        ),
        files=("./dist/churn-1.0-py3-none-any.whl",),
    )


def test_python_env_with_a_requirements_file(tmp_path: Path) -> None:
    write(tmp_path, "requirements.txt", "# all of it\npandas>=2 \\\n  ,<3\n\n-r more.txt\n")
    write(tmp_path, "more.txt", "/Workspace/Shared/wheels/a-1.0-py3-none-any.whl\n")
    file = write(
        tmp_path,
        "python_env.yaml",
        "python: '3.11'\nbuild_dependencies: [pip]\n"
        "dependencies: [numpy==2.0, -r requirements.txt]\n",
    )
    found = load_dependencies(file, tmp_path)
    assert [package.replace(" ", "") for package in found.packages] == [
        "numpy==2.0",
        "pandas>=2,<3",
    ]
    assert found.files == ("/Workspace/Shared/wheels/a-1.0-py3-none-any.whl",)


def test_what_cannot_be_translated_is_named(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "conda.yaml",
        "dependencies: [numpy, {pip: [-e ., --index-url https://x, ../lib, ../a.whl, b.whl]}]\n",
    )
    with pytest.raises(ProjectError) as caught:
        load_dependencies(file, tmp_path)
    for line in ("'-e .'", "'--index-url https://x'", "'../lib'", "'../a.whl'", "'b.whl'"):
        assert line in caught.value.message
    assert "numpy" not in caught.value.message


@pytest.mark.parametrize("text", ["dependencies: 5", "dependencies: [{conda: x}]", "[", "- a"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectError, match=r"conda\.yaml"):
        load_dependencies(write(tmp_path, "conda.yaml", text), tmp_path)


def test_a_missing_requirements_file_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "requirements.txt", "-r none.txt\n")
    with pytest.raises(ProjectError, match=r"none\.txt"):
        load_dependencies(file, tmp_path)
