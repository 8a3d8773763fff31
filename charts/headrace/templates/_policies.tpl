{{/* A NetworkPolicy. Arguments: root, component, part, suffix, ingress and egress (lists of rules, YAML; empty is nobody). */}}
{{- define "headrace.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "headrace.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress: {{- .ingress | default "[]" | trim | nindent 4 }}
  egress: {{- .egress | default "[]" | trim | nindent 4 }}
{{- end }}

{{/* Who may reach the operations port. The kubelet may always. */}}
{{- define "headrace.ingress.ops" -}}
{{- with .Values.networkPolicy.monitoringFrom }}
- from: {{- toYaml . | nindent 4 }}
{{- else }}
- from: [{namespaceSelector: {}}]
{{- end }}
  ports: [{port: 9090, protocol: TCP}]
{{- end }}

{{/* Who may reach the API: everybody, or those that are named and the pods of `helm test`. */}}
{{- define "headrace.ingress.api" -}}
- ports: [{port: 8080, protocol: TCP}]
{{- with .Values.networkPolicy.ingressFrom }}
  from: {{- toYaml . | nindent 4 }}
    - podSelector:
        matchLabels: {{- include "headrace.selector" (dict "root" $ "component" "test") | nindent 10 }}
{{- end }}
{{ include "headrace.ingress.ops" . }}
{{- end }}

{{/* A rule for ports. Arguments: ports (JSON), to (peers; anywhere when empty). */}}
{{- define "headrace.egress.ports" -}}
- ports:
  {{- range fromJsonArray .ports }}
    - {port: {{ . }}, protocol: TCP}
  {{- end }}
{{- with .to }}
  to: {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{/* The ports of addresses, as JSON. Arguments: urls (separated by commas), defaults (the port of each scheme; 80, and 443 of https). */}}
{{- define "headrace.portsOf" -}}
{{- $defaults := mergeOverwrite (dict "http" 80 "https" 443) (.defaults | default dict) -}}
{{- $ports := list -}}
{{- range splitList "," .urls }}
{{- $place := urlParse . }}
{{- $ports = append $ports (regexFind ":[0-9]+$" $place.host | trimPrefix ":" | default (get $defaults $place.scheme) | int) }}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end }}

{{/* Names: 53, and 5353, where the DNS pods of OpenShift listen. */}}
{{- define "headrace.egress.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
    - {port: 5353, protocol: UDP}
    - {port: 5353, protocol: TCP}
{{- end }}

{{/* What a process has to reach. Arguments: root, needs, extra (further rules). */}}
{{- define "headrace.egress" -}}
{{- $values := .root.Values -}}
{{- $policy := $values.networkPolicy -}}
{{- include "headrace.egress.dns" . }}
{{- if has "nats" .needs }}
{{- $ports := include "headrace.portsOf" (dict "urls" $values.nats.url "defaults" (dict "nats" 4222 "tls" 4222 "ws" 4222 "wss" 4222)) }}
{{- with $policy.natsPort }}{{ $ports = list (int .) | toJson }}{{ end }}
{{ include "headrace.egress.ports" (dict "ports" $ports "to" $policy.natsTo) }}
{{- with $values.nats.monitor }}
{{ include "headrace.egress.ports" (dict "ports" (include "headrace.portsOf" (dict "urls" .)) "to" $policy.natsTo) }}
{{- end }}
{{- end }}
{{- if has "database" .needs }}
{{ include "headrace.egress.ports" (dict "ports" (list ($policy.databasePort | default $values.database.port | int) | toJson) "to" $policy.databaseTo) }}
{{- end }}
{{- if and (has "objects" .needs) $values.objects.url }}
{{- $ports := include "headrace.portsOf" (dict "urls" ($values.objects.endpoint | default "https://")) }}
{{- with $policy.objectsPort }}{{ $ports = list (int .) | toJson }}{{ end }}
{{ include "headrace.egress.ports" (dict "ports" $ports) }}
{{- end }}
{{- if and (has "tracing" .needs) $values.tracing.endpoint }}
{{ include "headrace.egress.ports" (dict "ports" (include "headrace.portsOf" (dict "urls" $values.tracing.endpoint))) }}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end }}
