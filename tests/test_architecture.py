"""The rules that the code keeps: floors, sizes, guarded routes, documented settings."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from flask import Flask

from app.settings import PREFIX, Settings
from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "app").rglob("*.py"))
}
FEATURES = (
    *("app.api_keys", "app.journal", "app.webhooks", "app.contacts", "app.search"),
    *("app.tags", "app.custom_fields", "app.segments", "app.transfer"),
    *("app.metrics", "app.api_docs", "app.console"),
)
FLOOR_0 = (
    "app.settings",
    "app.setting_values",
    "app.errors",
    "app.clock",
    "app.collector",
    "app.compact_json",
    "app.logs",
    "app.plurals",
    "app.thread_pool",
    "app.version",
)
DATABASE = ("app.database",)
WEB = ("app.web",)
TOP = (
    "app",
    "app.__main__",
    "app.cli",
    "app.serving",
    "app.maintenance",
    "app.standin",
    "app.conformance",
)
FLASK = ("flask", "werkzeug")
READING_BY_POST = (
    *("/v1/contacts/search", "/v1/contacts/lookup"),
    "/v1/contacts/<contact:id>/match",
)
PUBLIC = {"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/<file>", "/", "/console/<file>"}
MAX_LINES = 250
MAX_FUNCTION = 40
MEDIAN_FUNCTION = 12

# Inside a feature: what each module may import of its own feature.
INSIDE = {
    "app.api_keys": {
        "routes": ("guard", "model"),
        "guard": ("actor", "handlers", "model"),
        "actor": (),
        "handlers": ("store", "model"),
        "store": ("model",),
        "model": (),
    },
    "app.journal": {
        "routes": ("schemas", "handlers", "store", "model", "long_poll"),
        "handlers": ("store", "model"),
        "store": ("model",),
        "schemas": ("model",),
        "model": (),
        "long_poll": (),
    },
    "app.webhooks": {
        "routes": ("schemas", "handlers", "store", "model"),
        "schemas": ("model", "targets"),
        "handlers": ("store", "delivery_store", "model", "signing"),
        "runner": ("delivery", "delivery_store", "store", "sender", "targets", "model"),
        "delivery": ("outbox", "delivery_store", "store", "model"),
        "outbox": ("handlers", "delivery_store", "store", "model", "signing"),
        "delivery_store": ("model",),
        "store": ("model",),
        "sender": ("targets", "model"),
        "targets": (),
        "signing": (),
        "model": (),
    },
    "app.contacts": {
        "routes": ("schemas", "handlers", "twins", "model", "ids"),
        "history_routes": ("schemas", "handlers", "ids"),
        "batch_routes": (
            *("batch_schemas", "schemas", "fields", "phone", "twins", "bulk", "writer", "model"),
        ),
        "phone_routes": ("store", "phone"),
        "converters": (),
        "batch_schemas": (),
        "bulk": ("handlers", "writer", "alias_store", "store", "model"),
        "handlers": ("writer", "listeners", "alias_store", "store", "model"),
        "twins": ("alias_store", "model", "phone"),
        "alias_store": ("store",),
        "writer": ("listeners", "alias_store", "store", "model", "values"),
        "values": ("model",),
        "sweeps": ("listeners", "store", "model"),
        "listeners": ("store", "model"),
        "store": ("index_rows", "model"),
        "index_rows": ("model",),
        "schemas": ("model", "fields"),
        "fields": ("model", "phone"),
        "ids": ("phone",),
        "model": (),
        "national": ("phone", "numbering"),
        "phone": ("numbering",),
        "numbering": (),
    },
    "app.search": {
        "routes": ("schemas", "handlers", "store", "planner", "filters", "paging", "views"),
        "handlers": ("resolve", "matching", "filters", "store"),
        "matching": ("conditions", "filters", "operands"),
        "resolve": ("dates", "filters", "operands", "store"),
        "dates": (),
        "store": ("views",),
        "planner": (
            *("conditions", "index_sources", "page_queries", "resolve", "filters"),
            *("paging", "views"),
        ),
        "page_queries": ("conditions", "filters", "index_sources", "paging", "views"),
        "index_sources": ("conditions", "filters", "operands"),
        "conditions": ("filters", "operands"),
        "schemas": ("filters", "grammar", "paging", "operands"),
        "paging": ("filters",),
        "grammar": ("filters", "operands"),
        "filters": ("dates",),
        "operands": ("dates",),
        "views": (),
    },
    "app.segments": {
        "routes": ("schemas", "handlers", "store", "model"),
        "schemas": ("filters", "model"),
        "handlers": ("build", "filters", "store", "model"),
        "follower": ("build", "moves", "watched", "filters", "store"),
        "passing_time": ("build", "moves", "watched", "store"),
        "build": ("batch", "moves", "watched", "store"),
        "batch": ("moments", "watched", "store"),
        "moves": ("watched", "filters", "moments", "store"),
        "watched": ("filters", "store", "model"),
        "moments": (),
        "store": ("model",),
        "filters": (),
        "model": (),
    },
    "app.tags": {
        "routes": ("schemas", "handlers", "store"),
        "handlers": ("store", "model"),
        "store": ("model",),
        "schemas": (),
        "model": (),
    },
    "app.custom_fields": {
        "routes": ("schemas", "handlers", "conversion", "store"),
        "conversion": ("store", "model"),
        "handlers": ("store", "model"),
        "store": ("model",),
        "schemas": (),
        "model": (),
    },
    "app.metrics": {
        "routes": ("collection", "exposition"),
        "collection": ("store", "exposition"),
        "exposition": (),
        "store": (),
    },
    "app.transfer": {
        "routes": ("responses",),
        "responses": (
            *("schemas", "exporter", "encodings", "formats", "intake", "preview", "readers"),
            "report",
        ),
        "schemas": ("encodings", "formats", "mapping", "options", "readers"),
        "preview": ("intake", "importer"),
        "intake": (
            *("columns", "conversion", "findings", "importer", "mapping", "misread"),
            *("near_names", "numbers", "options", "phone_cells", "readers", "report", "rows"),
        ),
        "importer": (*("drafts", "findings", "options", "phone_cells", "report", "rows", "twins"),),
        "drafts": ("mapping", "numbers", "options", "phone_cells", "report", "rows"),
        "twins": ("rows",),
        "numbers": ("conversion", "phone_cells", "profiles", "rows"),
        "conversion": (
            *("cells", "columns", "custom_columns", "damage", "emails", "findings", "names"),
            *("phone_cells", "phone_columns", "rows"),
        ),
        "custom_columns": ("cells", "columns", "mapping"),
        "emails": ("phone_cells",),
        "findings": ("columns", "mapping", "report"),
        "phone_columns": ("cells", "columns", "phone_cells", "profiles", "rows"),
        "phone_cells": ("damage", "rows"),
        "exporter": ("cells", "mapping", "vcard_writer", "xlsx_writer"),
        "vcard_writer": ("cells", "mapping"),
        "xlsx_writer": (),
        "readers": (
            *("columns", "csv_table", "encodings", "formats", "json_lines", "lines", "profiles"),
            *("rejected", "rows", "titles", "vcard_reader", "xlsx_reader"),
        ),
        "csv_table": ("lines", "rows", "titles"),
        "json_lines": ("lines", "mapping", "rows"),
        "misread": ("encodings", "latin"),
        "columns": ("mapping", "near_names", "profiles", "rows"),
        "near_names": ("mapping", "profiles"),
        "titles": ("mapping", "profiles"),
        "rejected": ("rows", "xlsx_writer"),
        "mapping": (),
        "profiles": (),
        "names": (),
        "options": (),
        "cells": (),
        "damage": (),
        "encodings": ("latin",),
        "latin": (),
        "formats": (),
        "vcard_reader": ("cells", "encodings", "lines", "vcard_lines"),
        "vcard_lines": ("encodings", "lines"),
        "xlsx_reader": ("xlsx_cells", "xlsx_texts", "xlsx_xml"),
        "xlsx_cells": ("damage", "xlsx_texts", "xlsx_xml"),
        "xlsx_texts": ("xlsx_xml",),
        "xlsx_xml": (),
        "lines": (),
        "report": (),
        "rows": (),
    },
    "app.console": {"routes": ()},
    # The description of a feature imports no other feature's description.
    "app.api_docs": {
        "routes": ("document", "viewer"),
        "document": (
            *("operation", "responses", "errors", "features", "fields", "examples", "received"),
        ),
        "features": (
            *("contacts", "phone", "find", "bulk", "transfer", "tags", "custom_fields"),
            *("segments", "journal", "webhooks", "api_keys", "service"),
        ),
        "responses": ("operation", "errors"),
        "contacts": ("json_schema", "operation"),
        "find": ("json_schema", "operation"),
        "bulk": ("json_schema", "operation"),
        "phone": ("json_schema", "operation"),
        "transfer": ("json_schema", "operation", "find"),
        "tags": ("json_schema", "operation"),
        "segments": ("json_schema", "operation"),
        "custom_fields": ("json_schema", "operation"),
        "journal": ("json_schema", "operation", "events"),
        "webhooks": ("json_schema", "operation", "events", "received"),
        "received": ("json_schema", "events"),
        "events": ("json_schema",),
        "api_keys": ("json_schema", "operation"),
        "service": ("json_schema", "operation", "viewer"),
        "errors": ("json_schema",),
        "fields": ("json_schema",),
        "examples": (),
        "operation": (),
        "json_schema": (),
        "viewer": (),
    },
}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imports(module: str) -> frozenset[str]:
    """Return what a module imports: modules of ours by full name, packages by their name."""
    return frozenset(_imports(tree(module)))


def _imports(parsed: ast.Module) -> Iterator[str]:
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from (_known(each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, "imports are absolute"
            yield from (_known(f"{node.module}.{each.name}") for each in node.names)


def _known(name: str) -> str:
    if name.partition(".")[0] != "app":
        return name.partition(".")[0]
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in packages)


def modules_in(packages: tuple[str, ...]) -> list[str]:
    return [module for module in MODULES if within(module, packages)]


def other_imports(module: str, *allowed: str) -> list[str]:
    """Return what a module imports beyond the standard library and `allowed`."""
    return [
        each
        for each in imports(module)
        if each not in sys.stdlib_module_names and not within(each, allowed)
    ]


def functions(module: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno
            yield f"{module}.{node.name}", node.end_lineno - node.lineno + 1


def feature(module: str) -> str:
    return next(each for each in FEATURES if within(module, (each,)))


def test_every_module_is_on_a_floor() -> None:
    floors = (*FLOOR_0, *DATABASE, *WEB, *FEATURES, *TOP[1:])
    assert [each for each in MODULES if not within(each, floors)] == ["app"]


@pytest.mark.parametrize("module", FLOOR_0)
def test_floor_0_imports_only_the_standard_library(module: str) -> None:
    assert other_imports(module, *FLOOR_0) == []


@pytest.mark.parametrize("module", modules_in(DATABASE))
def test_database_imports_only_floor_0_and_psycopg(module: str) -> None:
    assert other_imports(module, *FLOOR_0, *DATABASE, "psycopg") == []


@pytest.mark.parametrize("module", modules_in(WEB))
def test_web_imports_no_feature(module: str) -> None:
    allowed = (*FLOOR_0, *DATABASE, *WEB, *FLASK, "marshmallow")
    assert other_imports(module, *allowed) == []


@pytest.mark.parametrize("module", modules_in(FEATURES))
def test_features_import_nothing_above(module: str) -> None:
    packages = (
        *FLASK,
        *("marshmallow", "phonenumbers", "apispec", "urllib3", "charset_normalizer"),
    )
    assert other_imports(module, *FLOOR_0, *DATABASE, *WEB, *FEATURES, *packages) == []


@pytest.mark.parametrize("module", modules_in(FEATURES))
def test_features_import_no_store_or_routes_of_others(module: str) -> None:
    others = tuple(each for each in FEATURES if each != feature(module))
    found = [each for each in imports(module) if within(each, others)]
    assert [each for each in found if each.endswith((".store", ".routes"))] == []


@pytest.mark.parametrize("name", FEATURES)
def test_features_import_only_features_below(name: str) -> None:
    above = FEATURES[FEATURES.index(name) + 1 :]
    found = {each for module in modules_in((name,)) for each in imports(module)}
    assert [each for each in found if within(each, above)] == []


@pytest.mark.parametrize("module", modules_in(FEATURES))
def test_modules_import_only_what_the_table_of_their_feature_allows(module: str) -> None:
    home = feature(module)
    name = module.removeprefix(home).removeprefix(".")
    if name:
        allowed = tuple(f"{home}.{each}" for each in INSIDE[home][name])
        own = [each for each in imports(module) if within(each, (home,))]
        assert [each for each in own if each not in allowed] == []


def test_the_table_of_each_feature_names_its_modules() -> None:
    named = {f"{home}.{name}" for home, inside in INSIDE.items() for name in inside}
    assert named == {each for each in modules_in(FEATURES) if each not in FEATURES}


@pytest.mark.parametrize("module", MODULES)
def test_handlers_stores_and_models_do_not_import_flask(module: str) -> None:
    if module.endswith(
        (
            *(".importer", ".exporter", ".readers", ".csv_table", ".json_lines"),
            *(".handlers", ".store", ".planner", ".model", ".phone", ".schemas", ".filters"),
            *(".writer", ".sweeps", ".bulk", ".index_rows", ".delivery_store"),
        )
    ):
        assert not imports(module) & {*FLASK, "app.web", "app.web.requests", "app.web.responses"}


@pytest.mark.parametrize(
    ("package", "homes"),
    [
        ("sqlite3", ("app.database.sqlite", "app.database.scratch")),
        ("psycopg", ("app.database",)),
        ("mmap", ("app.database.shared_words",)),
        (
            "phonenumbers",
            ("app.contacts.phone", "app.contacts.national", "app.contacts.numbering"),
        ),
        ("click", ("app.cli",)),
        ("urllib3", ("app.webhooks.sender", "app.conformance.api")),
        ("gunicorn", ("app.serving",)),
        ("apispec", ("app.api_docs",)),
    ],
)
def test_a_package_is_imported_only_where_it_belongs(package: str, homes: tuple[str, ...]) -> None:
    users = [module for module in MODULES if package in imports(module)]
    assert users and [each for each in users if not within(each, homes)] == []


def test_a_normal_server_never_loads_the_stand_in() -> None:
    users = {module for module in MODULES if within_any(imports(module), "app.standin")}
    outside = {module for module in users if not within(module, ("app.standin",))}
    assert outside == {"app.cli.stand_in", "app.cli.keys"}
    script = (
        "import sys, app, app.cli, app.serving.server, app.webhooks; app.create_app(prepared=True);"
        "print([name for name in sys.modules if 'standin' in name or 'stand_in' in name])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def within_any(modules: frozenset[str], package: str) -> bool:
    return any(within(module, (package,)) for module in modules)


def test_settings_alone_read_the_environment() -> None:
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    }
    assert readers == {"app.settings"}


def test_sql_stays_in_stores_and_database() -> None:
    homes = (
        *("app.contacts.store", "app.contacts.alias_store"),
        *("app.contacts.index_rows", "app.contacts.sweeps"),
        *("app.search.store", "app.search.planner", "app.search.page_queries"),
        *("app.search.conditions", "app.search.index_sources"),
        *("app.tags.store", "app.custom_fields.store", "app.segments.store"),
        *("app.api_keys.store", "app.metrics.store", "app.journal.store"),
        *(
            "app.webhooks.store",
            "app.webhooks.delivery_store",
            "app.web.health",
            "app.web.rate_limit",
        ),
        *DATABASE,
        "app.maintenance",
    )
    verbs = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ")
    found = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and str(node.value).lstrip().startswith(verbs)
    }
    assert found and [each for each in found if not within(each, homes)] == []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_docstring(module: str) -> None:
    docstring = ast.get_docstring(tree(module))
    assert docstring and docstring.splitlines()[0].endswith(".")


@pytest.mark.parametrize("module", MODULES)
def test_files_stay_short(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES)
def test_functions_stay_short(module: str) -> None:
    assert [each for each in functions(module) if each[1] > MAX_FUNCTION] == []


def test_most_functions_are_shorter() -> None:
    lengths = [length for module in MODULES for _, length in functions(module)]
    assert statistics.median(lengths) < MEDIAN_FUNCTION


def test_every_route_is_guarded(app: Flask) -> None:
    scopes = {
        rule.rule: getattr(app.view_functions[rule.endpoint], "scope", None)
        for rule in app.url_map.iter_rules()
    }
    assert {rule for rule, scope in scopes.items() if scope is None} == PUBLIC
    assert set(scopes.values()) <= {None, "any", "admin", "contacts:read", "contacts:write"}


def test_every_writing_route_needs_the_scope_to_write(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            view = app.view_functions[rule.endpoint]
            reads = rule.rule in READING_BY_POST
            expected = ("contacts:read",) if reads else ("contacts:write", "admin")
            assert getattr(view, "scope", None) in expected, rule


def test_every_setting_is_in_its_page() -> None:
    listed = (ROOT / "docs" / "configuration.md").read_text()
    names = [PREFIX + each.name.upper() for each in fields(Settings)]
    assert [name for name in names if f"`{name}`" not in listed] == []


def test_files_that_start_first_exist() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []
