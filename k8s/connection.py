"""The connection to an API server: the kubernetes client's own, asked for plain JSON; the only file that imports it.

The client's typed models are not used: they cost several times what the requests do.
"""

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from k8s.errors import ClusterError, refusal
from pipeline.errors import ConfigError

TIMEOUT = (10, 60)  # seconds to connect, and to answer
PATIENCE_S = 120  # how long a server that is busy or away is asked again
FIRST_S = 15  # ... where it has not answered once: nothing has begun, and somebody waits
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0
WEBHOOK_S = 20  # a webhook that is away is more often broken than starting
JSON = "application/json"
HEAD = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"  # of an object the metadata alone
HEADS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"  # of a list
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"  # of a list what kubectl prints
AGAIN = (429, 500, 502, 503, 504)
CONNECTIONS = 104  # kept alive; more at once are made and closed
IN_A_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

Query = Mapping[str, str]


class Connection:
    """Requests and their answers; what can be asked again is, the rest becomes an error of one line."""

    def __init__(self, client: Any, namespace: str, patience: float = PATIENCE_S) -> None:
        self.namespace, self.patience = namespace, patience
        self.host = str(client.configuration.host)
        self._client, self._heard = client, False
        client.user_agent = "htctl"  # by which the server also names who manages the fields that it sends

    def ask(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Any = None,
        *,
        kind: str = JSON,
        accept: str = JSON,
    ) -> dict[str, Any]:
        """A JSON answer. A server that is busy (429), away or in trouble is asked again, when it says so itself.

        A POST whose answer was lost may have been heard: it then ends with AlreadyThereError.
        """
        import urllib3

        started, pause, webhook_away = time.monotonic(), FIRST_PAUSE_S, 0.0  # since when the server says that one is
        while True:
            wait, until = "", started + (self.patience if self._heard else min(self.patience, FIRST_S))
            try:
                answer = self._send(method, path, query, body, kind, accept)
                self._heard, until = True, started + self.patience
                status, found = answer.status, _object(answer.data)
                if status < 300:
                    return found
                error: ClusterError = refusal(status, _name(path, body), found, self.host)
                wait = answer.headers.get("Retry-After", "")
                asked_again = status in AGAIN
                if "failed calling webhook" in str(error):
                    if not webhook_away:
                        webhook_away, pause = time.monotonic(), FIRST_PAUSE_S
                    until = min(until, webhook_away + WEBHOOK_S)
            except urllib3.exceptions.HTTPError as fault:
                error, asked_again, webhook_away = self._no_answer(fault), True, 0.0
            pause = min(2 * pause, LONGEST_PAUSE_S)
            seconds = float(wait) if wait.isdigit() else random.uniform(0.5, 1) * pause
            if not asked_again or time.monotonic() + seconds > until:
                raise error
            time.sleep(seconds)

    def lines(self, path: str, query: Query, silence: float) -> Iterator[bytes]:
        """The lines of an answer that does not end by itself; ends when the server does or is silent for too long."""
        import urllib3

        try:
            answer = self._send("GET", path, query, None, JSON, JSON, silence)
        except urllib3.exceptions.HTTPError as fault:
            raise self._no_answer(fault) from None
        try:
            if answer.status >= 300:
                raise refusal(answer.status, _name(path, None), _object(answer.data), self.host)
            rest = b""
            for chunk in answer.stream(1 << 16):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest
        except urllib3.exceptions.ReadTimeoutError:
            return
        except urllib3.exceptions.HTTPError as fault:
            raise self._no_answer(fault) from None
        finally:
            answer.close()
            answer.release_conn()

    def _send(
        self, method: str, path: str, query: Query | None, body: Any, kind: str, accept: str, silence: float = 0
    ) -> Any:
        """The answer, whole; with `silence`, which a stream may keep for so long, as it comes."""
        import urllib3

        # The client adds credentials here, renewed where they have run out.
        _, url, headers, *_ = self._client.param_serialize(
            method, path, query_params=list((query or {}).items()), auth_settings=["BearerToken"]
        )
        headers = {**headers, "Content-Type": kind, "Accept": accept}
        return self._client.rest_client.pool_manager.request(
            method,
            url,
            body=None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
            headers=headers,
            timeout=urllib3.Timeout(connect=TIMEOUT[0], read=silence or TIMEOUT[1]),
            retries=False,
            preload_content=not silence,
        )

    def _no_answer(self, fault: Exception) -> ClusterError:
        reason = getattr(fault, "reason", None) or fault
        return ClusterError(f"the cluster at {self.host} gives no answer: {reason}")


def connect(context: str = "", patience: float = PATIENCE_S) -> Connection:
    """The cluster of kubectl's current context or another one; inside a Pod without a kubeconfig, its own."""
    import yaml
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        if not context and "KUBECONFIG" not in os.environ and IN_A_POD.exists():
            config.load_incluster_config(configuration)
            namespace = IN_A_POD.read_text(encoding="utf-8").strip()
        else:
            config.load_kube_config(context=context or None, client_configuration=configuration)
            namespace = _namespace(config.list_kube_config_contexts(), context)
    except (config.ConfigException, yaml.YAMLError, OSError, AttributeError, TypeError) as error:
        text = " ".join(str(error).split())
        if isinstance(error, AttributeError | TypeError):  # the client's own, of YAML that is no mapping
            text = f"{os.environ.get('KUBECONFIG') or '~/.kube/config'} holds no clusters, contexts and users"
        raise ConfigError(f"no cluster: {text} (kubectl's configuration; KUBECONFIG names another)") from None
    configuration.connection_pool_maxsize = CONNECTIONS
    if not configuration.verify_ssl:  # the kubeconfig says so: no warning with every request
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return Connection(client.ApiClient(configuration), namespace, patience)


def _namespace(contexts: tuple[list[dict[str, Any]], dict[str, Any]], name: str) -> str:
    """The namespace of a context by name, or of the active one."""
    every, active = contexts
    chosen = next((context for context in every if context["name"] == name), active)
    return str(chosen["context"].get("namespace") or "default")


def _name(path: str, body: Any) -> str:
    """What a request was about, for a person: namespace and name."""
    parts = path.split("/")
    where = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
    name = body.get("metadata", {}).get("name", "") if isinstance(body, Mapping) else ""
    return "/".join(part for part in (where, name or parts[-1]) if part)


def _object(body: bytes) -> dict[str, Any]:
    """A JSON object; what a proxy answers instead becomes its message."""
    try:
        return dict(json.loads(body))
    except (ValueError, TypeError):
        return {"message": body.decode(errors="replace").strip()[:300]}
