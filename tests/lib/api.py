# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.yaml, and whether a reply is one that it tells of."""
import functools
import json
import pathlib
import re

import jsonschema
import yaml

DOCUMENT = yaml.safe_load((pathlib.Path(__file__).resolve().parents[2] /
                           "docs/openapi.yaml").read_text())
dumps = json.dumps
METHODS = ("get", "post", "put", "patch", "delete")


def operations():
    """(method, path, operation) of the whole document."""
    return [(method.upper(), path, item[method]) for path, item in DOCUMENT["paths"].items()
            for method in METHODS if method in item]


def resolve(node):
    """The node, or what its $ref leads to."""
    while "$ref" in node:
        target = DOCUMENT
        for word in node["$ref"].removeprefix("#/").split("/"):
            target = target[word]
        node = target
    return node


@functools.lru_cache(None)
def find(method, path):
    """The operation that a request is, or None."""
    for name, template, operation in operations():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if name == method and re.fullmatch(pattern, path):
            return operation
    return None


@functools.lru_cache(None)
def validator(method, path, status):
    operation = find(method, path)
    responses = operation["responses"] if operation else \
        DOCUMENT["paths"]["/v1/status"]["get"]["responses"]     # failures are the same everywhere
    assert str(status) in responses, f"{method} {path} answers {status}, which is not documented"
    content = resolve(responses[str(status)])["content"]
    assert list(content) == ["application/json"], (method, path)
    schema = content["application/json"]["schema"]
    # References lead into the document, so the schema goes there.
    return jsonschema.Draft202012Validator({**DOCUMENT, **schema})


def check(method, path, status, root):
    """The reply, as parsed JSON, is one that the document tells of."""
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
              for e in validator(method, path.partition("?")[0], status).iter_errors(root)]
    assert not errors, f"{method} {path} {status}: " + "; ".join(errors[:5])
