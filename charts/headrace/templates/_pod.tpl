{{/*
The spec of a pod. Arguments: root, component, part, values (of the process), restartPolicy, grace (seconds), containers and
initContainers (YAML), account, needs (the secrets, see headrace.secretFiles).
*/}}
{{- define "headrace.podSpec" -}}
{{- $secrets := include "headrace.secretFiles" . | trim -}}
automountServiceAccountToken: false
# A Service of a release named headrace would put HEADRACE_API_PORT and others among our own settings.
enableServiceLinks: false
serviceAccountName: default
restartPolicy: {{ .restartPolicy }}
terminationGracePeriodSeconds: {{ .grace }}
dnsPolicy: ClusterFirst
schedulerName: default-scheduler
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- with .initContainers }}
initContainers: {{- . | nindent 2 }}
{{- end }}
containers: {{- .containers | nindent 2 }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: {{ .values.scratchSize }}}
{{- if $secrets }}
  - name: secrets
    projected:
      defaultMode: 420
      sources: {{- $secrets | nindent 8 }}
{{- end }}
{{- end }}

{{/*
A container of a process. Arguments: root, name, values (of the process), args (a list), computed (the environment, a map), ports (a map
from names to numbers), probed (whether the operations port has probes), hasSecrets.
*/}}
{{- define "headrace.container" -}}
- name: {{ .name }}
  image: {{ include "headrace.image" (dict "root" .root "image" .values.image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: {{- toYaml .args | nindent 4 }}
  env: {{- include "headrace.env" . | trim | nindent 4 }}
  {{- with .ports }}
  ports:
    {{- range $name, $number := . }}
    - {name: {{ $name }}, containerPort: {{ $number }}, protocol: TCP}
    {{- end }}
  {{- end }}
  {{- if .probed }}
  {{- include "headrace.probes" . | nindent 2 }}
  {{- end }}
  resources: {{- toYaml .values.resources | nindent 4 }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- if .hasSecrets }}
    - {name: secrets, mountPath: /run/secrets/headrace, readOnly: true}
    {{- end }}
{{- end }}

{{/* Liveness asks neither NATS nor Postgres: a restart would mend neither. */}}
{{- define "headrace.probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: ops, scheme: HTTP}
  periodSeconds: 2
  failureThreshold: 60
  successThreshold: 1
  timeoutSeconds: 2
livenessProbe:
  httpGet: {path: /health/live, port: ops, scheme: HTTP}
  periodSeconds: 10
  failureThreshold: 6
  successThreshold: 1
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /health/ready, port: ops, scheme: HTTP}
  periodSeconds: 5
  failureThreshold: 2
  successThreshold: 1
  timeoutSeconds: 4
{{- end }}

{{/* A Deployment. Arguments: those of headrace.podSpec, replicas, strategy (YAML). */}}
{{- define "headrace.deployment" -}}
{{- $suffix := .part | empty | ternary .component (printf "%s-%s" .component .part) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "headrace.nameOf" (dict "root" .root "suffix" (.suffix | default $suffix)) }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "headrace.labels" . | nindent 4 }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 10
  progressDeadlineSeconds: 600
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: {{ .maxUnavailable | default 0 }}, maxSurge: 1}
  selector:
    matchLabels: {{- include "headrace.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "headrace.selector" . | nindent 8 }}
        app.kubernetes.io/part-of: headrace
    spec: {{- include "headrace.podSpec" . | nindent 6 }}
{{- end }}
