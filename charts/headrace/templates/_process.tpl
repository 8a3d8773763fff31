{{/*
A process that goes on running: its Deployment, its PodDisruptionBudget and its NetworkPolicy. Arguments: root, component, part, suffix
(of the names), values, args, computed (what it has beside headrace.env.computed), ports, account, needs, replicas, scales (whether
something else writes the number of replicas), grace, ingress and egress (rules of the policy, YAML).
*/}}
{{- define "headrace.process" -}}
{{- $merge := .values.merge -}}
{{- $process := mergeOverwrite (dict "serviceAccount" (include "headrace.serviceAccountName" .root) "restartPolicy" "Always") . -}}
{{- $computed := mergeOverwrite (include "headrace.env.computed" . | fromYaml) .computed -}}
{{- $container := include "headrace.container" (mergeOverwrite (omit . "computed") (dict "name" .component "hasProbes" true "computed" $computed)) -}}
{{- $_ := set $process "containers" (list $container) -}}
{{ include "headrace.object" (dict "root" .root "object" (include "headrace.deployment" $process) "merge" $merge.deployment) }}
{{- if .values.podDisruptionBudget.enabled }}
{{ include "headrace.object" (dict "root" .root "object" (include "headrace.podDisruptionBudget" .) "merge" $merge.podDisruptionBudget) }}
{{- end }}
{{- if .root.Values.networkPolicy.enabled }}
{{ include "headrace.object" (dict "root" .root "object" (include "headrace.networkPolicy" .) "merge" $merge.networkPolicy) }}
{{- end }}
{{- end }}

{{/* The Deployment of a process. */}}
{{- define "headrace.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" . | nindent 4 }}
spec:
  {{- if not (or .scales (kindIs "invalid" .replicas)) }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: {{ .values.revisionHistoryLimit }}
  progressDeadlineSeconds: 600
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "headrace.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "headrace.podLabels" . | nindent 8 }}
      {{- with include "headrace.podAnnotations" . }}
      annotations: {{- . | nindent 8 }}
      {{- end }}
    spec: {{- include "headrace.podSpec" . | nindent 6 }}
{{- end }}

{{/* The PodDisruptionBudget of a process. */}}
{{- define "headrace.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" . | nindent 4 }}
spec:
  {{- with .values.podDisruptionBudget }}
  {{- if include "headrace.text" .minAvailable }}
  minAvailable: {{ include "headrace.text" .minAvailable }}
  {{- else }}
  maxUnavailable: {{ include "headrace.text" .maxUnavailable }}
  {{- end }}
  {{- end }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "headrace.selector" . | nindent 6 }}
{{- end }}
