# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml and the running tenant-control agree, both ways.  tests/lib/control.py holds
every reply of all tests to the document; here each request of it is sent once."""
import re

import pytest

from tests.lib import api
from tests.lib.control import Control, table

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SITE = "api.example"
# A value for each parameter of a path, and for each field of a body: by its name, or by its type.
OPERANDS = {"site": SITE, "plan": "small"}
FIELDS = {"name": "own", "parent": "default", "class": "abuse",
          "BodyHOST": "new.example", "BodyHOSTS": ["www.new.example"], "BodyWORD": "small",
          "BodyWORDS": ["id"],
          "BodyTEXT": "a reason", "BodyOPTIONS": {"memory_max": "256M", "env.COLOUR": "red"}}
# What must be true before a request can be done, where a living site is not enough.
BEFORE = {"restore": lambda c: c.delete(SITE),
          "resume": lambda c: c.post(f"/v1/tenants/{SITE}/suspend")}
# Requests that the played supervisor cannot answer; tests/trips has them done.
NOT_HERE = {("GET", "/v1/tenants/{site}/jail"), ("GET", "/v1/tenants/{site}/logs"),
            ("POST", "/v1/tenants/{site}/exec")}


@pytest.fixture(scope="module")
def c():
    with Control() as control:
        yield control


@pytest.fixture
def site(c):
    assert c.add(SITE).result in ("done", "unchanged")
    yield SITE
    for row in c.get("/v1/tenants").data["tenants"]:
        assert c.delete(row["site"]).result == "done"
    for plan in c.get("/v1/plans").data["plans"]:
        if plan["name"] not in ("default", "small"):
            assert c.request("DELETE", f"/v1/plans/{plan['name']}").result == "done"


def fill(path):
    return re.sub(r"\{(\w+)\}", lambda m: OPERANDS[m.group(1)], path)


def body_of(operation):
    """A body with every field that the document knows."""
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["additionalProperties"] is False
    return {name: FIELDS.get(name) or FIELDS[field["$ref"].rsplit("/", 1)[1]]
            for name, field in schema.get("properties", {}).items()}


def test_form():
    document = api.DOCUMENT
    assert document["openapi"].startswith("3.1.") and document["info"]["version"]
    names = [operation["operationId"] for _, _, operation in api.operations()]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"[a-z_]+", n) for n in names)
    for _, path, operation in api.operations():
        told = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert told == set(re.findall(r"\{(\w+)\}", path)) and operation["summary"]
    text = str(document)
    for target in re.findall(r"'\$ref': '([^']+)'", text):
        api.resolve({"$ref": target})


def test_errors_are_all_there():
    want = {row[1]: int(row[4]) for row in table("schema/errors.def", "ERR")}
    responses = api.DOCUMENT["components"]["responses"]
    told = {}
    for name, response in responses.items():
        schema = response["content"]["application/json"]["schema"]
        for code in schema["properties"]["data"]["properties"]["code"]["enum"]:
            told[code] = int(name.removeprefix("Failed"))
    assert told == want
    for _, _, operation in api.operations():
        told = {int(s) for s in operation["responses"]}
        assert told - set(want.values()) in ({200}, {101}) and told >= set(want.values())


def test_options_are_all_there():
    schemas = api.DOCUMENT["components"]["schemas"]
    rows = table("schema/options.def", "OPT")
    plain = {row[0] for row in rows if row[1] != "KEYED"}
    for name in ("OptionValues", "BodyOPTIONS"):
        assert set(schemas[name]["properties"]) == plain
        pattern, = schemas[name]["patternProperties"]
        for row in rows:
            assert bool(re.search(pattern, row[0] + ".X")) == (row[1] == "KEYED")


@pytest.mark.parametrize("method, path", [
    (m, p) for m, p, _ in api.operations() if (m, p) not in NOT_HERE])
def test_each_request_answers_as_told(c, site, method, path):
    operation = api.find(method, fill(path))
    if operation["operationId"] in BEFORE:
        BEFORE[operation["operationId"]](c)
    body = body_of(operation)
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query" and parameter["schema"].get("enum") == ["yes"]:
            query = f"{fill(path)}?{parameter['name']}=yes"
            sent = None if body is None else api.dumps(body)
            assert c.request(method, query, sent).status == 200, query
    answer = c.request(method, fill(path), None if body is None else api.dumps(body))
    assert answer.status == 200, answer.text
    if body:
        # Each field that is not told is refused, by its name.
        answer = c.request(method, fill(path), api.dumps({**body, "uid": 0}))
        assert (answer.code, answer.field) == ("bad_json", "uid")


def test_each_route_of_the_server_is_told(c):
    """Whatever method a path does not have in the document, the server does not know, and the
    header Allow is the document's list."""
    for path in api.DOCUMENT["paths"]:
        told = {m for m, p, _ in api.operations() if p == path}
        for method in METHODS:
            if method in told:
                continue
            answer = c.request(method, fill(path))
            assert answer.code == "bad_method", (method, path)
            assert set(answer.headers["Allow"].split(", ")) == told


def test_each_route_of_the_tables_is_told():
    routes = {(row[2], row[3]) for row in table("schema/commands.def", "COMMAND")}
    routes |= {("GET", row[2]) for row in table("schema/reads.def", "READ")}
    assert routes - {("", "")} == {(m, p) for m, p, _ in api.operations()}


def test_what_is_not_told_is_seen(c):
    """The checks above can fail."""
    root = c.get("/v1/status").root
    root["data"]["tenants"]["lost"] = 1
    with pytest.raises(AssertionError, match="lost"):
        api.check("GET", "/v1/status", 200, root)
    with pytest.raises(AssertionError, match="418"):
        api.check("GET", "/v1/status", 418, root)
