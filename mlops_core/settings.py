"""The settings, each with what is said of it; read and checked once, by the entry point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator as Rule
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo
from pydantic import field_validator as check
from pydantic.fields import FieldInfo

from mlops_core import setting_rules as rules
from mlops_core.address import LOCAL, workspace_address
from mlops_core.environment import login_name, read_environment
from mlops_core.errors import SettingsError
from mlops_core.login_source import choose_source, means_workspace, missing
from mlops_core.setting_problem import TOKEN_VARIABLE, wrong_settings


def _about(
    variable: str, meaning: str, example: str, *, default: str, sample: str = ""
) -> FieldInfo:
    """What is said of a setting, here once, for the messages, env.sample and docs/settings.md."""
    about: FieldInfo = Field(
        alias=variable,
        description=meaning,
        examples=[example],
        json_schema_extra={"default": default, "sample": sample or f"# {variable}={example}"},
    )
    return about


class Settings(BaseModel):
    """What the commands need to know, read and checked once; see `load_settings`.

    ``host`` is `local`, an address without path or final slash, or empty where none is needed.
    ``token`` may come from a profile, then ``profile`` names it; ``token_source`` says in words
    where it comes from. ``values`` are the environment and `.env` in one.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    is_inside_databricks: bool = False
    is_user_explicit: bool = False
    token_source: str = ""
    profile: str | None = None
    values: Annotated[Mapping[str, str], Field(repr=False)] = {}
    host: Annotated[
        str,
        _about(
            "DATABRICKS_HOST",
            "Your workspace's URL, or `local`: the embedded workspace on this machine, which"
            " needs no account.",
            "https://adb-1234567890123456.7.azuredatabricks.net",
            default="required",
            sample="DATABRICKS_HOST=local",
        ),
    ] = ""
    token: Annotated[
        SecretStr | None,
        _about(
            "DATABRICKS_TOKEN",
            "A personal access token of that workspace; `local` needs none.",
            "dapi...",
            default="the profile DATABRICKS_CONFIG_PROFILE, the DEFAULT profile of"
            " `~/.databrickscfg` if it is for that host, or any login that databricks-sdk finds",
            sample="DATABRICKS_TOKEN=",
        ),
    ] = None
    notebook_folder: Annotated[
        str,
        Rule(rules.notebook_folder),
        _about(
            "NOTEBOOK_FOLDER",
            "The folder that is synced, relative to the project folder.",
            "notebooks",
            default="`notebooks`",
            sample="NOTEBOOK_FOLDER=notebooks",
        ),
    ] = "notebooks"
    user: Annotated[
        str | None,
        _about(
            "USER",
            "Whose `/Users/...` folder is used.",
            "jane@example.com",
            default="the environment's USER if the workspace has that home folder, else the user"
            " to whom the token belongs; `you@local` in the embedded workspace",
        ),
    ] = None
    project_folder: Annotated[
        Path,
        _about(
            "PROJECT_FOLDER",
            "The project folder: the checkout's root.",
            "/home/jane/project",
            default="the root of the git checkout",
        ),
    ]
    tracking_uri: Annotated[
        str,
        Rule(rules.tracking_uri),
        _about(
            "MLFLOW_TRACKING_URI",
            "Where runs are tracked. With another value than `databricks`, such as"
            " `sqlite:///mlflow.db` or `http://...`, training and scoring run on this machine"
            " and need neither host nor token.",
            "databricks",
            default="`databricks`",
            sample="MLFLOW_TRACKING_URI=databricks",
        ),
    ] = "databricks"
    model_schema: Annotated[
        Annotated[str, Rule(rules.model_schema)] | None,
        _about(
            "MODEL_SCHEMA",
            "The Unity Catalog schema of the registered model.",
            "catalog.schema",
            default="none",
        ),
    ] = None
    model_name: Annotated[
        Annotated[str, Rule(rules.model_name)] | None,
        _about(
            "MODEL_NAME",
            "The registered model's name.",
            "churn_model",
            default="`{branch}_model`, so that branches do not mix",
        ),
    ] = None
    registry_uri: Annotated[
        str | None,
        _about(
            "MLFLOW_REGISTRY_URI",
            "Where models are registered: `databricks-uc` is Unity Catalog, `databricks` the"
            " workspace's own registry.",
            "databricks",
            default="`databricks-uc` if MODEL_SCHEMA or a three-part MODEL_NAME is set,"
            " `databricks` in the embedded workspace; training and scoring need it otherwise",
        ),
    ] = None
    branch: Annotated[
        str | None,
        _about(
            "MLOPS_BRANCH",
            "The branch, where neither git nor the pipeline tells it.",
            "feature/x",
            default="the pipeline's branch, else git's",
        ),
    ] = None
    run_timeout: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        _about(
            "MLOPS_RUN_TIMEOUT",
            "Minutes from its submission after which a run is cancelled; decimals count.",
            "90",
            default="none",
        ),
    ] = None
    workers: Annotated[
        int,
        Field(ge=1, le=64),
        _about("MLOPS_WORKERS", "Requests in flight, 1 to 64.", "20", default="`20`"),
    ] = 20

    @property
    def is_local_workspace(self) -> bool:
        """Whether the embedded workspace is meant."""
        return self.host == LOCAL

    @property
    def is_databricks(self) -> bool:
        """Whether runs are tracked by a workspace, the embedded one included."""
        return self.tracking_uri.startswith("databricks")

    @check("host")
    @classmethod
    def _host(cls, host: str) -> str:
        return host and workspace_address(host)

    @check("token")
    @classmethod
    def _token(cls, token: SecretStr | None) -> SecretStr | None:
        if token:
            rules.token(token.get_secret_value())
        return token

    @check("user")
    @classmethod
    def _user(cls, user: str | None, known: ValidationInfo) -> str | None:
        try:
            return user and rules.user(user)
        except ValueError:
            if known.data["is_user_explicit"]:
                raise
            return None  # a shell's idea of the user, which no workspace has

    @check("project_folder")
    @classmethod
    def _is_a_folder(cls, folder: Path) -> Path:
        if not folder.is_dir():
            raise ValueError("there is no such folder")
        return folder.resolve()

    @check("tracking_uri")
    @classmethod
    def _absolute(cls, uri: str, known: ValidationInfo) -> str:
        return rules.absolute_sqlite(uri, known.data.get("project_folder", Path()))

    @check("registry_uri")
    @classmethod
    def _registry(cls, uri: str | None, known: ValidationInfo) -> str | None:
        return rules.choose_registry(
            uri or "",
            tracking_uri=known.data.get("tracking_uri") or "",
            is_local=known.data.get("host") == LOCAL,
            is_unity=rules.is_unity(known.data.get("model_schema"), known.data.get("model_name")),
        )


def load_settings(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """The settings of ``environ`` over the `.env` of ``folder``'s project (see `environment`).

    Raises SettingsError that names every setting that is missing or wrong, each with a line
    that would do. It never quotes a token.
    """
    environment = read_environment(environ, folder)
    values = environment.values
    login = choose_source(values)
    login_values = {"DATABRICKS_HOST": login.host, TOKEN_VARIABLE: login.token}
    given = {name: value for name, value in {**values, **login_values}.items() if value}
    if not means_workspace(values):
        given.setdefault("USER", login_name())
    problems = {**missing(login, values), **login.problems}
    try:
        settings = Settings.model_validate(
            {variable: given[variable] for variable, _ in variables() if variable in given}
            | {
                "PROJECT_FOLDER": environment.project_folder,
                "is_user_explicit": environment.is_user_in_file,
                "is_inside_databricks": "DATABRICKS_RUNTIME_VERSION" in values,
                "token_source": login.source,
                "profile": login.profile,
                "values": values,
            }
        )
    except ValidationError as error:
        problems |= {str(each["loc"][0]): each["msg"] for each in error.errors()}
    if problems:
        examples = {variable: (about.examples or [""])[0] for variable, about in variables()}
        hint = environment.place(problems)
        raise wrong_settings(problems, values, examples=examples, hint=hint)
    return settings


def read_values(
    environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Mapping[str, str]:
    """The environment and `.env` in one mapping, unchecked."""
    return read_environment(environ, folder).values


def require_registry(settings: Settings) -> str:
    """The registry for a run's model; raises SettingsError where only the user can choose one.

    For the triggers, before anything runs: with another tracking URI it is the same server.
    """
    uri = settings.registry_uri
    if uri is None:
        problem = "MLFLOW_REGISTRY_URI is not set, and nothing else tells the model's registry"
    elif uri.startswith("databricks-uc") and not rules.is_unity(
        settings.model_schema, settings.model_name
    ):
        problem = f"MLFLOW_REGISTRY_URI={uri} needs a schema for the model, and none is set"
    else:
        return uri
    raise SettingsError(
        problem,
        hint="add MODEL_SCHEMA=catalog.schema to .env for Unity Catalog,"
        " or MLFLOW_REGISTRY_URI=databricks for the workspace's own registry",
    )


def variables() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting that a user can make: its variable, and what is said of it."""
    for about in Settings.model_fields.values():
        if about.alias:
            yield about.alias, about
