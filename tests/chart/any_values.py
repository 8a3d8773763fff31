"""Values that people may have, made at random: valid ones, with odd names, and with what is rarely together."""

from __future__ import annotations

from functools import reduce
from typing import Any

from hypothesis import strategies as st

from tests.chart.rendering import Values, merge, values_of

# Each is a name that Kubernetes takes; YAML reads many of them as something else.
NAMES = st.sampled_from(
    ["app", "123", "1e6", "0x1f", "null", "true", "on", "a.b", "1.5", "x" * 63, "a-b-c", "2026-11-28"]
)
LABEL_VALUES = st.sampled_from(["", "123", "1e6", "true", "null", "on", "a_b.c", "x" * 63])
# The names of workers and of further APIs: those of other objects, and the longest.
PARTS = st.sampled_from(
    [
        "default",
        "api",
        "ops",
        "a-ops",
        "a",
        "no",
        "null",
        "main",
        "test",
        "y",
        "migrate",
        "projector-of-twentyxx"[:20],
        "z" * 20,
    ]
)
TEXTS = st.sampled_from(["", "a", "1e6", "010", "true", "null", "~", "{{ .Values }}", 'a "b"', "it's", "a: b # c", "two\nlines", " x ", "- a", "ü€😀", "$(HOME)", "\t", "*", "&x", "%", "@", "`"])  # fmt: skip
Strategies = dict[str, st.SearchStrategy[Any]]

MOUNTS = ["core", "member", "admin", "streams"]
PORTS = st.sampled_from([80, 443, 8080, 65_535, 1])
BUDGETS: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"enabled": False},
        {"maxUnavailable": 0},
        {"maxUnavailable": "25%"},
        {"minAvailable": 1, "maxUnavailable": ""},
        {"minAvailable": "50%", "maxUnavailable": ""},
        {"minAvailable": 0, "maxUnavailable": ""},
    ]
)
ENVIRONMENT: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["A", "Z_9", "_x", "NO", "null", "HTTPS_PROXY", "on"]),
    st.one_of(
        TEXTS,
        st.booleans(),
        st.sampled_from([0, 1, -1, 1_000_000, 17_179_869_184, 2**53, 0.05, 1e-7, 1.5, 1e300]),
        st.none(),
        st.fixed_dictionaries(
            {"secretKeyRef": st.fixed_dictionaries({"name": NAMES, "key": st.sampled_from(["k", "1", "true"])})}
        ),
        st.just({"fieldRef": {"fieldPath": "status.podIP"}}),
    ),
    max_size=3,
)
LABELS = st.dictionaries(
    st.sampled_from(["a", "example.com/a", "app.kubernetes.io/name", "headrace/worker"]), LABEL_VALUES, max_size=2
)
ANNOTATIONS = st.dictionaries(st.sampled_from(["a", "example.com/a"]), TEXTS, max_size=2)
PEERS: st.SearchStrategy[Any] = st.lists(
    st.sampled_from(
        [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "fd00::/8"}}, {"podSelector": {"matchLabels": {"a": "1"}}}]
    ),
    max_size=2,
)


def sometimes(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Values]:
    """Maps with any of these keys."""
    return st.fixed_dictionaries({}, optional=strategies)


POD_OPTIONS: Strategies = {
    "extraEnv": ENVIRONMENT,
    "podLabels": LABELS,
    "podAnnotations": ANNOTATIONS,
    "nodeSelector": LABELS,
    "tolerations": st.sampled_from([[], [{"operator": "Exists"}]]),
    "priorityClassName": NAMES,
    "scratchSize": st.sampled_from(["0", "1Gi", "010", "1.5Gi"]),
    "settings": sometimes(LOG_LEVEL=st.sampled_from(["debug", "error"]), LIMITS_READS=st.sampled_from([10, 1_000_000])),
}
PROCESS: Strategies = POD_OPTIONS | {
    "podDisruptionBudget": BUDGETS,
    "topologySpread": st.sampled_from(
        [[], [{"maxSkew": 2, "topologyKey": "a/b", "whenUnsatisfiable": "DoNotSchedule"}]]
    ),
    "replicas": st.sampled_from([None, 0, 1, 1000]),
    "revisionHistoryLimit": st.sampled_from([0, 100]),
    "graceSeconds": st.sampled_from([1, 86_400]),
}
API_AUTOSCALING: st.SearchStrategy[Any] = st.sampled_from(
    [{"enabled": True}, {"enabled": False}, {"enabled": True, "minReplicas": 10}]
)
SERVICE = sometimes(
    type=st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]),
    port=PORTS,
    ipFamilyPolicy=st.sampled_from(["SingleStack", "RequireDualStack"]),
    annotations=ANNOTATIONS,
)
ONE_API: Strategies = PROCESS | {
    "autoscaling": API_AUTOSCALING,
    "service": SERVICE,
    "drainSeconds": st.sampled_from([0, 3600]),
}
HOSTS = st.lists(st.sampled_from(["a.example", "*.example", "1", "xn--a.b"]), min_size=1, max_size=2, unique=True)
API: Strategies = ONE_API | {
    "followSecretsKey": st.sampled_from(["", "1e6", "follow"]),
    "publicUrl": st.sampled_from(["", "https://a.example/work/", "http://[fd00::1]:8080"]),
    "hosts": st.lists(st.sampled_from(["*", "a_b", "1.2.3.4", "*.x"]), max_size=2),
    "trustedProxies": st.lists(st.sampled_from(["::1", "fd00::/8", "10.0.0.0/8"]), max_size=2),
    "httpRoute": st.fixed_dictionaries(
        {
            "enabled": st.just(True),
            "parentRefs": st.lists(st.fixed_dictionaries({"name": NAMES}), min_size=1, max_size=1),
        },
        optional={
            "hostnames": HOSTS,
            "timeout": st.sampled_from(["", "1h"]),
            "regularExpressions": st.booleans(),
            "annotations": ANNOTATIONS,
        },
    ),
    "ingress": st.fixed_dictionaries(
        {"enabled": st.just(True), "hosts": HOSTS}, optional={"className": NAMES, "annotations": ANNOTATIONS}
    ),
}
IMAGES = sometimes(
    registry=st.sampled_from(["", "localhost:5000", "[fd00::1]:5000"]),
    repository=st.sampled_from(["a", "a/b/c"]),
    tag=st.sampled_from(["1.10", "1e6", "2026"]),
    digest=st.sampled_from(["", f"sha256:{'0' * 64}"]),
    pullPolicy=st.just("Never"),
)
SCALING: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"enabled": st.booleans()},
    optional={
        "trigger": st.sampled_from(["metrics-api", "nats-jetstream"]),
        "minReplicas": st.sampled_from([0, 1, 10]),
        "tasksPerReplica": st.sampled_from([1, 64, 1_000_000]),
        "pollingSeconds": st.sampled_from([1, 86_400]),
        "cooldownSeconds": st.sampled_from([0, 86_400]),
        "natsAccount": st.sampled_from(["$G", "1e6", "A B"]),
        "natsConsumers": st.sampled_from([[], ["run-a"], ["1e6", "true"]]),
    },
)
KINDS = st.lists(st.sampled_from(["a", "null", "on", "text_feedback", "e" * 64]), max_size=3, unique=True)
WORKER: Strategies = PROCESS | {
    "kinds": KINDS,
    "image": IMAGES,
    "consumers": st.sampled_from(["", "a.b", "null"]),
    "autoscaling": SCALING,
    "slots": st.sampled_from([3, 10_000]),
}
NATS = sometimes(
    url=st.sampled_from(
        [
            "nats://nats:4222",
            "nats://nats",
            "tls://[fd00::1]:4333",
            "nats://[fd00::4444]",
            "nats://a:4222,nats://b:4223,tls://c:4333",
            "wss://nats-2.nats:443",
        ]
    ),
    monitor=st.sampled_from(
        [
            "",
            "http://nats:8222",
            "http://[fd00::8]:8222",
            "http://a:8222,http://b:8333",
            "https://nats",
            "http://nats-1/x",
        ]
    ),
    auth=st.fixed_dictionaries(
        {
            "method": st.sampled_from(["accounts", "user", "token", "credentials"]),
            "existingSecret": NAMES,
            "key": st.sampled_from(["", "1e6", "a.b"]),
        }
    ),
    tls=sometimes(caSecret=NAMES, caKey=st.sampled_from(["1", "ca.pem"]), certSecret=NAMES),
)
DATABASE = sometimes(
    existingSecret=NAMES,
    urlKey=st.sampled_from(["1e6", "uri"]),
    host=st.sampled_from(["", "postgres", "fd00::1", "a,b"]),
    port=st.sampled_from([5432, 6432]),
    name=TEXTS.filter(bool),
    user=TEXTS.filter(bool),
    passwordKey=st.sampled_from(["1e6", "p"]),
    sslmode=st.sampled_from(["", "require"]),
    tls=sometimes(caSecret=NAMES, certSecret=NAMES),
)
OBJECTS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"url": st.sampled_from(["s3://b", "gs://b/p", "az://c/p"])},
    optional={
        "endpoint": st.sampled_from(["http://minio:9000", "https://minio", "http://[fd00::1]:9000", "http://minio/x"]),
        "existingSecret": NAMES,
        "secretEnv": st.dictionaries(
            st.sampled_from(["null", "AWS_ACCESS_KEY_ID"]), st.sampled_from(["1e6", "k"]), max_size=2
        ),
        "extraEnv": ENVIRONMENT,
        "region": TEXTS,
    },
)
MIGRATIONS: st.SearchStrategy[Any] = sometimes(
    **POD_OPTIONS,
    mode=st.sampled_from(["hook", "job", "none"]),
    provision=st.booleans(),
    administrator=sometimes(existingSecret=NAMES, emailKey=st.just("1"), passwordKey=st.just("true")),
    annotations=ANNOTATIONS,
    serviceAccountName=NAMES,
)
MONITORING: st.SearchStrategy[Any] = sometimes(
    podMonitor=st.fixed_dictionaries({"enabled": st.booleans()}, optional={"labels": LABELS}),
    rules=st.fixed_dictionaries({"enabled": st.booleans()}, optional={"labels": LABELS, "runbookUrl": st.just("")}),
    dashboards=st.fixed_dictionaries({"enabled": st.booleans()}, optional={"annotations": ANNOTATIONS}),
)
POLICY: st.SearchStrategy[Any] = sometimes(
    enabled=st.booleans(),
    ingressFrom=PEERS,
    monitoringFrom=PEERS,
    natsTo=PEERS,
    databaseTo=PEERS,
    workerEgress=st.sampled_from([[], [{"ports": [{"port": 443, "protocol": "TCP"}]}]]),
)
ANYTHING: st.SearchStrategy[Any] = sometimes(
    nameOverride=st.sampled_from(["", "123", "1e6", "x" * 63]),
    fullnameOverride=st.sampled_from(["", "true", "y" * 35]),
    commonLabels=LABELS,
    commonAnnotations=ANNOTATIONS,
    env=st.sampled_from(["staging", "production"]),
    image=IMAGES,
    imagePullSecrets=st.lists(NAMES, max_size=2),
    nats=NATS,
    database=DATABASE,
    objects=OBJECTS,
    extraEnv=ENVIRONMENT,
    api=sometimes(**API),
    projector=sometimes(**PROCESS),
    workerDefaults=sometimes(**WORKER),
    workers=st.dictionaries(PARTS, st.one_of(st.none(), sometimes(**WORKER)), max_size=3),
    migrations=MIGRATIONS,
    serviceAccount=sometimes(create=st.booleans(), name=NAMES, annotations=ANNOTATIONS),
    networkPolicy=POLICY,
    metrics=MONITORING,
    tracing=sometimes(
        endpoint=st.sampled_from(["", "http://otel:4318", "http://[fd00::1]:4318", "https://otel", "http://[fd00::1]"])
    ),
    tests=sometimes(
        enabled=st.booleans(), existingSecret=NAMES, input=st.dictionaries(st.just("a"), TEXTS, max_size=1)
    ),
    **{
        "global": sometimes(
            imageRegistry=st.sampled_from(["", "mirror:5000"]), imagePullSecrets=st.lists(NAMES, max_size=1)
        )
    },
)


@st.composite
def split(draw: st.DrawFn) -> Values:
    """The parts of the API as Deployments of their own, each mount in one of them."""
    own = draw(st.lists(st.sampled_from(MOUNTS[1:]), unique=True))
    names = draw(st.lists(PARTS, min_size=len(own), max_size=len(own), unique=True))
    apis = {name: draw(sometimes(**ONE_API)) | {"mounts": [mount]} for name, mount in zip(names, own, strict=True)}
    return {"apis": apis}


def any_values() -> st.SearchStrategy[Values]:
    """Values that a release can be made of: the least ones with others merged into them."""
    return st.tuples(st.just(values_of("minimal")), ANYTHING, split()).map(lambda parts: reduce(merge, parts))


RELEASES = st.sampled_from(
    ["headrace", "r", "123", "1e6", "a.b", "on", "true", "x" * 53, "x" * 26 + "." + "y" * 26, "headrace-2.0", "9" * 53]
)
NAMESPACES = st.sampled_from(["apps", "123", "1e6", "null", "n" * 63])
