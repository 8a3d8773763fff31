{{/*
The Deployments that take the requests for a mount, as {"all": [{name, suffix, port, mount}]}: those of `apis` that do not serve core, which
everything else goes to.
*/}}
{{- define "headrace.routed" -}}
{{- $all := list -}}
{{- range (include "headrace.apis" . | fromJson).all }}
{{- $api := . }}
{{- if and .name (not (has "core" .values.mounts)) }}
{{- range .values.mounts }}{{ $all = append $all (dict "name" $api.name "suffix" $api.suffix "port" $api.values.service.port "mount" .) }}{{ end }}
{{- end }}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end }}

{{/*
The HTTPRoute. What the server would fill in stands here, or those who compare what is with what was said would see a difference for ever.
*/}}
{{- define "headrace.httpRoute" -}}
{{- $route := .Values.api.httpRoute -}}
{{- $mounts := .Files.Get "files/mounts.yaml" | fromYaml -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ include "headrace.nameOf" (dict "root" . "suffix" "api") | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels: {{- include "headrace.labels" (dict "root" . "component" "api") | nindent 4 }}
  {{- with $route.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs:
    {{- range $route.parentRefs }}
    - {{ mergeOverwrite (dict "group" "gateway.networking.k8s.io" "kind" "Gateway") . | toJson }}
    {{- end }}
  {{- with $route.hostnames }}
  hostnames: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range (include "headrace.routed" . | fromJson).all }}
    {{- $mount := get $mounts .mount }}
    {{- $matches := $mount.matches }}
    {{- if and $route.regularExpressions $mount.regularExpressions }}{{ $matches = concat $matches $mount.regularExpressions }}{{ end }}
    - {{ include "headrace.httpRoute.rule" (dict "root" $ "matches" $matches "suffix" .suffix "port" .port) | indent 6 | trim }}
    {{- end }}
    - {{ include "headrace.httpRoute.rule" (dict "root" $ "matches" (list (dict "path" (dict "type" "PathPrefix" "value" "/")))
        "suffix" "api" "port" .Values.api.service.port) | indent 6 | trim }}
{{- end }}

{{/* A rule of the HTTPRoute. Arguments: root, matches, suffix, port. */}}
{{- define "headrace.httpRoute.rule" -}}
matches: {{- toYaml .matches | nindent 2 }}
backendRefs:
  - {group: "", kind: Service, name: {{ include "headrace.nameOf" . | quote }}, port: {{ .port }}, weight: 1}
{{- with .root.Values.api.httpRoute.timeout }}
timeouts: {request: {{ . }}, backendRequest: {{ . }}}
{{- end }}
{{- end }}

{{/* The Ingress. */}}
{{- define "headrace.ingress" -}}
{{- $mounts := .Files.Get "files/mounts.yaml" | fromYaml -}}
{{- $ingress := .Values.api.ingress -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "headrace.nameOf" (dict "root" . "suffix" "api") | quote }}
  namespace: {{ .Release.Namespace | quote }}
  labels: {{- include "headrace.labels" (dict "root" . "component" "api") | nindent 4 }}
  {{- with $ingress.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $ingress.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  {{- with $ingress.tls }}
  tls: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range $ingress.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          {{- range (include "headrace.routed" $ | fromJson).all }}
          {{- $service := include "headrace.nameOf" (dict "root" $ "suffix" .suffix) }}
          {{- range (get $mounts .mount).prefixes }}
          - {path: {{ . }}, pathType: Prefix, backend: {service: {name: {{ $service | quote }}, port: {name: http}}}}
          {{- end }}
          {{- end }}
          - {path: /, pathType: Prefix, backend: {service: {name: {{ include "headrace.nameOf" (dict "root" $ "suffix" "api") | quote }}, port: {name: http}}}}
    {{- end }}
{{- end }}
