"""One keep-alive connection to the REST door. Used by one thread."""
import http.client
import json
import urllib.parse


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Rest:
    def __init__(self, address, token=None, timeout_s=30):
        host, _, port = address.rpartition(":")
        self.http = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)
        self.token = token

    def call(self, method, path, body=None, headers=None, token=None):
        sent = {"Authorization": f"Bearer {token or self.token}"} if token or self.token else {}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            sent["Content-Type"] = "application/json"
            body = body.encode() if isinstance(body, str) else body
        sent.update(headers or {})
        try:
            self.http.request(method, path, body, sent)
            answer = self.http.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self.http.close()
            raise

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body, **more):
        return self.call("POST", path, body, **more)

    def close(self):
        self.http.close()


def quoted(text):
    return urllib.parse.quote(text, safe="")
