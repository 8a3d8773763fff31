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

{{/* A rule for one port. Arguments: port, to (peers; anywhere when empty). */}}
{{- define "headrace.egress.port" -}}
- ports: [{port: {{ .port }}, protocol: TCP}]
{{- with .to }}
  to: {{- toYaml . | nindent 4 }}
{{- end }}
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
{{- $port := $policy.natsPort | default (regexFind ":[0-9]+" (last (splitList "//" $values.nats.url)) | trimPrefix ":" | default "4222") }}
{{ include "headrace.egress.port" (dict "port" $port "to" $policy.natsTo) }}
{{- with $values.nats.monitor }}
{{ include "headrace.egress.port" (dict "port" (regexFind ":[0-9]+" (last (splitList "//" .)) | trimPrefix ":" | default "8222") "to" $policy.natsTo) }}
{{- end }}
{{- end }}
{{- if has "database" .needs }}
{{ include "headrace.egress.port" (dict "port" ($policy.databasePort | default $values.database.port) "to" $policy.databaseTo) }}
{{- end }}
{{- if and (has "objects" .needs) $values.objects.url }}
{{ include "headrace.egress.port" (dict "port" $policy.objectsPort) }}
{{- end }}
{{- if and (has "tracing" .needs) $values.tracing.endpoint }}
{{- $place := urlParse $values.tracing.endpoint }}
{{- $port := regexFind ":[0-9]+$" $place.host | trimPrefix ":" | default (eq $place.scheme "https" | ternary "443" "80") }}
{{ include "headrace.egress.port" (dict "port" $port) }}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end }}
