{{/* The labels of what is for monitoring. Arguments: root, labels (further ones). */}}
{{- define "headrace.monitoring.labels" -}}
{{- mergeOverwrite (deepCopy (.labels | default dict)) (include "headrace.labels" (dict "root" .root "component" "monitoring") | fromYaml) | toYaml -}}
{{- end }}

{{/* One PodMonitor for all processes. */}}
{{- define "headrace.podMonitor" -}}
{{- with .Values.metrics.podMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "headrace.fullname" $ | quote }}
  namespace: {{ $.Release.Namespace | quote }}
  labels: {{- include "headrace.monitoring.labels" (dict "root" $ "labels" .labels) | nindent 4 }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ include "headrace.name" $ | quote }}
      app.kubernetes.io/instance: {{ $.Release.Name | quote }}
      app.kubernetes.io/part-of: headrace
  podMetricsEndpoints:
    - port: ops
      path: /metrics
      scheme: http
      interval: {{ .interval }}
      {{- with .relabelings }}
      relabelings: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .metricRelabelings }}
      metricRelabelings: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}

{{/* The groups of alerts in files/rules, as {"all": […]}, without those that are disabled. */}}
{{- define "headrace.rules" -}}
{{- $values := .Values.metrics.rules -}}
{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "files/rules/*.yaml" }}
{{- range ($.Files.Get $path | fromYaml).groups }}
{{- $rules := list }}
{{- range .rules }}
{{- if not (has .alert $values.disabled) }}
{{- $annotations := deepCopy .annotations }}
{{- if $values.runbookUrl }}{{ $_ := set $annotations "runbook_url" (printf "%s#%s" $values.runbookUrl (lower .alert)) }}{{ end }}
{{- $rules = append $rules (mergeOverwrite . (dict "annotations" $annotations)) }}
{{- end }}
{{- end }}
{{- if $rules }}{{ $groups = append $groups (mergeOverwrite . (dict "rules" $rules)) }}{{ end }}
{{- end }}
{{- end -}}
{{- dict "all" $groups | toJson -}}
{{- end }}

{{/* The alerts, which promtool reads from the same files. */}}
{{- define "headrace.prometheusRule" -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ include "headrace.fullname" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels: {{- include "headrace.monitoring.labels" (dict "root" . "labels" .Values.metrics.rules.labels) | nindent 4 }}
spec:
  groups: {{- (include "headrace.rules" . | fromJson).all | toYaml | nindent 4 }}
{{- end }}

{{/* The dashboards, for the sidecar of Grafana. */}}
{{- define "headrace.dashboards" -}}
{{- with .Values.metrics.dashboards -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "headrace.nameOf" (dict "root" $ "suffix" "dashboards") | quote }}
  namespace: {{ $.Release.Namespace | quote }}
  labels: {{- include "headrace.monitoring.labels" (dict "root" $ "labels" .labels) | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  {{- range $path, $content := $.Files.Glob "files/dashboards/*.json" }}
  headrace-{{ base $path }}: {{ $content | toString | toJson }}
  {{- end }}
{{- end }}
{{- end }}
