{{/*
The environment of a container: a list. Later ones win: what the chart computes, `settings`, `extraEnv`, and the same two of the process;
null takes one away. A value may have $(NAME) of one that stands before it, so sources come first and such values last, each sorted by
name. Arguments: root, values (of the process), computed (a map from names to texts and sources).
*/}}
{{- define "headrace.env" -}}
{{- $all := dict -}}
{{- range $name, $value := .computed }}
{{- if kindIs "map" $value }}{{ $_ := set $all $name (dict "valueFrom" $value) }}
{{- else if ne (toString $value) "" }}{{ $_ := set $all $name (dict "value" (include "headrace.text" $value)) }}{{ end }}
{{- end -}}
{{- range $settings := list .root.Values.settings .values.settings }}
{{- range $name, $value := $settings }}
{{- $variable := printf "HEADRACE_%s" $name }}
{{- if kindIs "invalid" $value }}{{ $_ := unset $all $variable }}
{{- else }}{{ $_ := set $all $variable (dict "value" (include "headrace.text" $value)) }}{{ end }}
{{- end }}
{{- end -}}
{{- range $extra := list .root.Values.extraEnv .values.extraEnv }}
{{- range $name, $value := $extra }}
{{- if kindIs "map" $value }}{{ $_ := set $all $name (dict "valueFrom" (include "headrace.source" $value | fromYaml)) }}
{{- else if kindIs "invalid" $value }}{{ $_ := unset $all $name }}
{{- else }}{{ $_ := set $all $name (dict "value" (include "headrace.text" $value)) }}{{ end }}
{{- end }}
{{- end -}}
{{- range $rank := list "source" "plain" "referring" }}
{{- range $name, $value := $all }}
{{- if eq $rank (ternary "source" (contains "$(" ($value.value | default "") | ternary "referring" "plain") (hasKey $value "valueFrom")) }}
- {{ mergeOverwrite (dict "name" $name) $value | toJson }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A value as text. Helm reads every number as a float, which would write 8589934592 as 8.589934592e+09; of 19 digits are no integers. */}}
{{- define "headrace.text" -}}
{{- if and (kindIs "float64" .) (lt . 9e18) (gt . -9e18) (eq (floor .) .) }}{{ printf "%d" (int64 .) }}{{ else if not (kindIs "invalid" .) }}{{ toString . }}{{ end -}}
{{- end }}

{{/* Where a variable comes from, with what Kubernetes would fill in. */}}
{{- define "headrace.source" -}}
{{- $source := deepCopy . -}}
{{- with $source.fieldRef }}{{ $_ := set $source "fieldRef" (mergeOverwrite (dict "apiVersion" "v1") .) }}{{ end -}}
{{- with $source.resourceFieldRef }}{{ $_ := set $source "resourceFieldRef" (mergeOverwrite (dict "divisor" "0") .) }}{{ end -}}
{{- toYaml $source -}}
{{- end }}

{{/*
The settings of a process, computed. Arguments: root, account (the user of docs/nats-accounts.conf), needs (of nats, database, api,
objects, tracing).
*/}}
{{- define "headrace.env.computed" -}}
HEADRACE_ENV: {{ .root.Values.env }}
{{- range .needs }}
{{- if ne . "api" }}
{{ include (printf "headrace.env.%s" .) $ }}
{{- end }}
{{- end }}
{{- end }}

{{/* How NATS is reached. */}}
{{- define "headrace.env.nats" -}}
{{- with .root.Values.nats -}}
HEADRACE_NATS_URL: {{ .url | quote }}
HEADRACE_NATS_SYNC: {{ .sync | quote }}
HEADRACE_NATS_MONITOR: {{ .monitor | quote }}
HEADRACE_STREAM_REPLICAS: {{ .replicas | toString | quote }}
{{- if .auth.existingSecret }}
{{- if eq .auth.method "token" }}
HEADRACE_NATS_TOKEN_FILE: /run/secrets/headrace/nats/token
{{- else if eq .auth.method "credentials" }}
HEADRACE_NATS_CREDENTIALS: /run/secrets/headrace/nats/nats.creds
{{- else }}
HEADRACE_NATS_USER: {{ eq .auth.method "accounts" | ternary $.account .auth.user | quote }}
HEADRACE_NATS_PASSWORD_FILE: /run/secrets/headrace/nats/password
{{- end }}
{{- end }}
{{- include "headrace.env.tls" (dict "tls" .tls "server" "nats") }}
{{- end }}
{{- end }}

{{/* How Postgres is reached. */}}
{{- define "headrace.env.database" -}}
{{- with .root.Values.database -}}
{{- if .host -}}
HEADRACE_DATABASE_HOST: {{ .host | quote }}
HEADRACE_DATABASE_PORT: {{ .port | toString | quote }}
HEADRACE_DATABASE_NAME: {{ .name | quote }}
HEADRACE_DATABASE_USER: {{ .user | quote }}
HEADRACE_DATABASE_PASSWORD_FILE: /run/secrets/headrace/database/password
{{- else -}}
HEADRACE_DATABASE_URL_FILE: /run/secrets/headrace/database/url
{{- end }}
HEADRACE_DATABASE_SSLMODE: {{ .sslmode | quote }}
{{- include "headrace.env.tls" (dict "tls" .tls "server" "database") }}
{{- end }}
{{- end }}

{{/* The certificates for a server. Arguments: tls, server. */}}
{{- define "headrace.env.tls" -}}
{{- $prefix := printf "HEADRACE_%s" (upper .server) -}}
{{- $directory := printf "/run/secrets/headrace/%s" .server -}}
{{- if .tls.caSecret }}
{{ $prefix }}_CA: {{ $directory }}/ca.crt
{{- end }}
{{- if .tls.certSecret }}
{{ $prefix }}_CERT: {{ $directory }}/tls.crt
{{ $prefix }}_KEY: {{ $directory }}/tls.key
{{- end }}
{{- end }}

{{/* Where files are. The libraries of the clouds read their credentials from variables of their own, and from no file of ours. */}}
{{- define "headrace.env.objects" -}}
{{- with .root.Values.objects -}}
HEADRACE_OBJECTS_URL: {{ .url | quote }}
HEADRACE_OBJECTS_ENDPOINT: {{ .endpoint | quote }}
HEADRACE_OBJECTS_PUBLIC_ENDPOINT: {{ .publicEndpoint | quote }}
HEADRACE_OBJECTS_REGION: {{ .region | quote }}
HEADRACE_OBJECTS_DOWNLOAD_URL: {{ .downloadUrl | quote }}
{{- if and .url .existingSecret }}
{{- $secret := .existingSecret }}
{{- range $name, $key := .secretEnv }}
{{- if $key }}
{{ $name | quote }}: {secretKeyRef: {name: {{ $secret | quote }}, key: {{ $key | quote }}}}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := .extraEnv }}
{{- if kindIs "map" $value }}
{{ $name | quote }}: {{ include "headrace.source" $value | fromYaml | toJson }}
{{- else if not (kindIs "invalid" $value) }}
{{ $name | quote }}: {{ include "headrace.text" $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where traces go. */}}
{{- define "headrace.env.tracing" -}}
{{- with .root.Values.tracing -}}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .endpoint | quote }}
OTEL_TRACES_SAMPLER: {{ .endpoint | empty | ternary "" "parentbased_traceidratio" | quote }}
OTEL_TRACES_SAMPLER_ARG: {{ .endpoint | empty | ternary "" (toString .sampleRatio) | quote }}
{{- end }}
{{- end }}
