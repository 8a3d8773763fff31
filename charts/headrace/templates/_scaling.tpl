{{/*
The ScaledObject of a worker. While its trigger does not answer, as for a kind that nobody has ever run, there is one replica at least,
which then announces the kind. Arguments: those of headrace.process.
*/}}
{{- define "headrace.worker.scaledObject" -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "headrace.nameOf" . | quote }}}
  {{- with .values.autoscaling }}
  pollingInterval: {{ .pollingSeconds }}
  cooldownPeriod: {{ .cooldownSeconds }}
  minReplicaCount: {{ .minReplicas }}
  maxReplicaCount: {{ .maxReplicas }}
  fallback: {failureThreshold: 3, replicas: {{ max 1 .minReplicas }}, behavior: currentReplicasIfHigher}
  {{- if or .behavior (eq .trigger "nats-jetstream") }}
  advanced:
    {{- with .behavior }}
    horizontalPodAutoscalerConfig:
      behavior: {{- toYaml . | nindent 8 }}
    {{- end }}
    {{- if eq .trigger "nats-jetstream" }}
    # Several triggers alone would count as the largest of them.
    scalingModifiers: {formula: {{ include "headrace.worker.consumers" $ | fromJson | keys | sortAlpha | join " + " | quote }}, target: {{ include "headrace.text" .tasksPerReplica | quote }}, metricType: AverageValue}
    {{- end }}
  {{- end }}
  triggers:
    {{- if eq .trigger "metrics-api" }}
    - type: metrics-api
      metricType: AverageValue
      metadata:
        url: {{ include "headrace.worker.backlogUrl" $ | quote }}
        valueLocation: backlog
        targetValue: {{ include "headrace.text" .tasksPerReplica | quote }}
    {{- else }}
    {{- $scaling := . }}
    {{- $monitor := urlParse (first (splitList "," $.root.Values.nats.monitor)) }}
    {{- range $name, $consumer := include "headrace.worker.consumers" $ | fromJson }}
    - type: nats-jetstream
      name: {{ $name }}
      metricType: AverageValue
      metadata:
        natsServerMonitoringEndpoint: {{ $monitor.host | quote }}
        useHttps: "{{ eq $monitor.scheme "https" }}"
        account: {{ $scaling.natsAccount | quote }}
        stream: HEADRACE
        consumer: {{ $consumer | quote }}
        lagThreshold: {{ include "headrace.text" $scaling.tasksPerReplica | quote }}
    {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{/* Where the backlog of a worker's kinds is. */}}
{{- define "headrace.worker.backlogUrl" -}}
{{- $suffix := eq .root.Values.api.service.type "ClusterIP" | ternary "api" (include "headrace.api.opsSuffix" (dict "suffix" "api")) -}}
{{- $url := printf "http://%s.%s.svc:9090/backlog" (include "headrace.nameOf" (dict "root" .root "suffix" $suffix)) .root.Release.Namespace -}}
{{- with .values.kinds }}{{ $url = printf "%s?kinds=%s" $url (join "," .) }}{{ end -}}
{{- $url -}}
{{- end }}

{{/* The consumers of a worker on NATS, by the name that each trigger has, as JSON. */}}
{{- define "headrace.worker.consumers" -}}
{{- $consumers := .values.autoscaling.natsConsumers | default list -}}
{{- if not $consumers }}
{{- range $kind := .values.kinds }}{{ range list "high" "normal" "low" }}{{ $consumers = append $consumers (printf "run-%s-%s" $kind .) }}{{ end }}{{ end }}
{{- end -}}
{{- $named := dict -}}
{{- range $index, $consumer := $consumers }}{{ $_ := set $named (printf "t%02d" $index) $consumer }}{{ end -}}
{{- toJson $named -}}
{{- end }}

{{/* Whether there is a worker at any time: one Deployment has a number of replicas, or a scaler with a least one, that is not zero. */}}
{{- define "headrace.workers.areAlwaysThere" -}}
{{- range $_, $entry := .Values.workers }}
{{- if not (kindIs "invalid" $entry) }}
{{- with mergeOverwrite (deepCopy $.Values.workerDefaults) (deepCopy $entry) }}
{{- if .autoscaling.enabled | ternary .autoscaling.minReplicas .replicas | int }}yes{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
