{{/* The hosts that the API answers for: those of its routes, those that are named, and its Service's inside the cluster. */}}
{{- define "headrace.api.hosts" -}}
{{- $service := include "headrace.nameOf" (dict "root" . "suffix" "api") -}}
{{- $inside := list -}}
{{- range $end := list "" ".svc" ".svc.cluster.local" }}{{- $inside = append $inside (printf "%s.%s%s" $service $.Release.Namespace $end) }}{{- end -}}
{{- concat (.Values.api.hosts | default list) $inside | uniq | join "," -}}
{{- end }}

{{/* Whom to believe about who the client is. */}}
{{- define "headrace.api.trustedProxies" -}}
{{- .Values.api.trustedProxies | default (list "127.0.0.1") | join "," -}}
{{- end }}

{{/* The Service of an API. The operations port is for Prometheus and KEDA. Arguments: root, name, values. */}}
{{- define "headrace.api.service" -}}
{{- $labels := dict "root" .root "component" "api" "part" (.name | default "main") -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "headrace.nameOf" (dict "root" .root "suffix" (.name | empty | ternary "api" (printf "api-%s" .name))) }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "headrace.labels" $labels | nindent 4 }}
spec:
  type: {{ .values.service.type }}
  ipFamilyPolicy: PreferDualStack
  sessionAffinity: None
  selector: {{- include "headrace.selector" $labels | nindent 4 }}
  ports:
    - {name: http, port: {{ .values.service.port }}, targetPort: http, protocol: TCP, appProtocol: http}
    - {name: ops, port: 9090, targetPort: ops, protocol: TCP, appProtocol: http}
{{- end }}
