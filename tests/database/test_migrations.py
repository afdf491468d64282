"""Migrations are append-only: an edit reaches no database that has run the file before."""

from hashlib import sha256
from pathlib import Path

from app import database

FOLDER = Path(database.__file__).parent
# A new file gets a line. A line that is here is never changed: write another migration instead.
FILES = {
    "postgres/migrations/0006_initial.sql": (
        "b74731a43679661682b1eb4716bba21ac825594e213e8c20bad8a19f731f6e2f"
    ),
    "postgres/migrations/0007_actors.sql": (
        "8c5871694e17dc1458f5546d9e53a0fd8cf51ebee39b1d3617aaaca5ffd317bf"
    ),
    "postgres/migrations/0008_pinned_types.sql": (
        "17501087d205018404e771ca65843853fa7e81b7ef3052422ecf58be5a10b17c"
    ),
    "postgres/migrations/0009_segments.sql": (
        "1325b1e6a46588905f54e34c5abe6ea8a0a8f44e5a9403e2fef4f44d36942f31"
    ),
    "postgres/migrations/0010_program.sql": (
        "57e64541600e088f68f6713ff1ec374817e29911fcdb227c934fbccf40fc4947"
    ),
    "postgres/migrations/0011_limits.sql": (
        "413fdfb644a4ba4bc4bd99959a65430d371adedaf3c4bbc4d94985b45932ff16"
    ),
    "postgres/migrations/0012_precise_updates.sql": (
        "17221293cb2294dd4a86093a99bf81ffa119c7c1843f41ef88d7be1a6943d1e2"
    ),
    "postgres/migrations/late_0006.sql": (
        "9147e92779ff5545c34ec71736c4cea0c7730d69b7c60c78a1b81150405c4842"
    ),
    "sqlite/migrations/0001_initial.sql": (
        "60a22ae1a66b1419648e8809b13c162641c7c4d81520e1f7832097bb5a3afae0"
    ),
    "sqlite/migrations/0002_aliases.sql": (
        "c5867052396f5ef2d8dbbbbaceb005b7cbfb2409a42bfa7d2764e25997c27297"
    ),
    "sqlite/migrations/0003_search.sql": (
        "3b214e846d3a69369bdb8d4f2ff717dcb18cfbf32258bf3bc6137cfcc51ff326"
    ),
    "sqlite/migrations/0004_tags_and_fields.sql": (
        "b8ced9fc90805b602a902fde5e30b974d6250a72696d62b17eb139d386eea25c"
    ),
    "sqlite/migrations/0005_journal.sql": (
        "133fc10d0b1ecbe4b03086241afb189a13a79e385634d53dca6a68c7ee59723c"
    ),
    "sqlite/migrations/0006_webhooks.sql": (
        "78fc08430c9f335745c31c1de091a36e03c6c45ba6dfda18f76e67dcbad0dd89"
    ),
    "sqlite/migrations/0007_actors.sql": (
        "8c563030598787c411b531b0f2ef57b813cde7cc784bfb3c676e4d95167aff27"
    ),
    "sqlite/migrations/0008_pinned_types.sql": (
        "e23501accc99bf46553ee5747ab249af58e64436674150e465aacce71ca78d43"
    ),
    "sqlite/migrations/0009_segments.sql": (
        "83aa64e5584556bae2d750325d182b02d610839993253d07285af28b93efd2f1"
    ),
    "sqlite/migrations/0010_program.sql": (
        "7b7425e420f0e132b938ec149e5f8c01aa2dcc0c1c127d164bf77a66bb97be6f"
    ),
    "sqlite/migrations/0011_limits.sql": (
        "940e6828c8c3ba738345b8c458bb41dab3c88f82d0f7fc0b3d3f6fe94f93864e"
    ),
    "sqlite/migrations/0012_precise_updates.sql": (
        "17221293cb2294dd4a86093a99bf81ffa119c7c1843f41ef88d7be1a6943d1e2"
    ),
}


def test_no_migration_is_edited() -> None:
    found = {
        str(path.relative_to(FOLDER)): sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.glob("*/migrations/*.sql")
    }
    assert found == FILES
