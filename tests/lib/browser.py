# SPDX-License-Identifier: Apache-2.0
"""What a person with a browser does to an application: cookies, forms, uploads, redirects.

    reader = Browser(system, "blog.example")
    reader.post("/login", {"user": "me"}).see("Dashboard")

Every answer that is not as wanted is told whole: address, status, the body, the site's logs."""
import json
import re
import urllib.parse
import uuid

LIMIT_S = 300       # per request: an installer in an emulated machine under load


class Page:
    """An answer, after redirects."""

    def __init__(self, browser, path, answer):
        self.browser, self.path, self.status = browser, path, answer.status
        self.headers, self.body = answer.headers, answer.body
        self.text = answer.body.decode(errors="replace")

    def told(self, problem):
        """The text of a failure."""
        return (f"{self.browser.site}{self.path}: {problem}; status {self.status}, "
                f"{len(self.text)} bytes:\n{self.text[:1500]}\n...\n{self.text[-1500:]}\n"
                f"{self.browser.system.logs()}")

    def see(self, *texts):
        """Fails unless the page holds all these texts."""
        for text in texts:
            assert text in self.text, self.told(f"no {text!r} on the page")
        return self

    def find(self, pattern):
        """The first group of a regular expression that the page must match."""
        found = re.search(pattern, self.text)
        assert found, self.told(f"nothing like {pattern!r} on the page")
        return found.group(1)

    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            raise AssertionError(self.told("not JSON")) from None


class Browser:
    """One visitor of one site."""

    def __init__(self, system, site):
        self.system, self.site, self.cookies = system, site, {}

    def get(self, path, **more):
        return self.ask(path, **more)

    def post(self, path, fields, **more):
        return self.ask(path, "POST", urllib.parse.urlencode(fields).encode(),
                        {"Content-Type": "application/x-www-form-urlencoded"}, **more)

    def send(self, path, data, headers, status=200):
        """Posts what is not a form: a dict goes as JSON."""
        if isinstance(data, dict):
            data, headers = json.dumps(data).encode(), {"Content-Type": "application/json",
                                                        **headers}
        return self.ask(path, "POST", data, headers, status)

    def upload(self, path, fields, name, file, kind, data):
        """A form with a file in its field NAME."""
        edge = uuid.uuid4().hex
        parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}'.encode()
                 for key, value in fields.items()]
        parts.append(f'Content-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
                     f"Content-Type: {kind}\r\n\r\n".encode() + data)
        body = b"".join(b"--%s\r\n%s\r\n" % (edge.encode(), each) for each in parts)
        return self.ask(path, "POST", body + b"--%s--\r\n" % edge.encode(),
                        {"Content-Type": f"multipart/form-data; boundary={edge}"})

    def ask(self, path, method="GET", body=None, headers=None, status=200):
        """A request and the redirects that follow; the last answer must have this status."""
        for _ in range(6):
            answer = self.system.http(self.site, path, method, body, dict(
                headers or {}, Cookie="; ".join(f"{k}={v}" for k, v in self.cookies.items())),
                timeout=LIMIT_S)
            for line in answer.headers.get_all("Set-Cookie", []):
                key, _, value = line.split(";", 1)[0].partition("=")
                self.cookies[key] = value
            if answer.status not in (301, 302, 303):
                break
            there = urllib.parse.urlsplit(urllib.parse.urljoin(
                f"http://{self.site}{path}", answer.headers["Location"]))
            path = there.path + (f"?{there.query}" if there.query else "")
            method, body, headers = "GET", None, None
        page = Page(self, path, answer)
        assert page.status == status, page.told(f"wanted status {status}")
        return page
