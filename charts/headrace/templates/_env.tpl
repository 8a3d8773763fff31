{{/*
The environment of a container, as a list sorted by name. Later maps win: what the chart computes, `settings`, `extraEnv`, and the same of
the process. Arguments: root, values (of the process), computed (a map from names to strings).
*/}}
{{- define "headrace.env" -}}
{{- $all := dict -}}
{{- range $name, $value := .computed }}{{- if ne (toString $value) "" }}{{- $_ := set $all $name (dict "value" (toString $value)) }}{{- end }}{{- end -}}
{{- range $settings := list .root.Values.settings .values.settings }}
{{- range $name, $value := $settings }}{{- $_ := set $all (printf "HEADRACE_%s" $name) (dict "value" (include "headrace.text" $value)) }}{{- end }}
{{- end -}}
{{- range $extra := list .root.Values.extraEnv .values.extraEnv }}
{{- range $name, $value := $extra }}
{{- if kindIs "map" $value }}{{- $_ := set $all $name (dict "valueFrom" $value) }}
{{- else if not (kindIs "invalid" $value) }}{{- $_ := set $all $name (dict "value" (include "headrace.text" $value)) }}{{- end }}
{{- end }}
{{- end -}}
{{- range $name, $value := $all }}
- {{ mergeOverwrite (dict "name" $name) $value | toJson }}
{{- end }}
{{- end }}

{{/* A value as text. Helm reads every number as a float, which would write 8589934592 as 8.589934592e+09. */}}
{{- define "headrace.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%d" (int64 .) }}{{ else }}{{ toString . }}{{ end -}}
{{- end }}

{{/* What every process has. */}}
{{- define "headrace.env.common" -}}
HEADRACE_ENV: {{ .root.Values.env }}
{{- end }}

{{/* How NATS is reached. Arguments: root, account (the user of docs/nats-accounts.conf). */}}
{{- define "headrace.env.nats" -}}
{{- $nats := .root.Values.nats -}}
HEADRACE_NATS_URL: {{ $nats.url | quote }}
HEADRACE_NATS_SYNC: {{ $nats.sync | quote }}
HEADRACE_NATS_MONITOR: {{ $nats.monitor | quote }}
HEADRACE_STREAM_REPLICAS: {{ $nats.replicas | quote }}
{{- if $nats.auth.existingSecret }}
{{- if eq $nats.auth.method "token" }}
HEADRACE_NATS_TOKEN_FILE: /run/secrets/headrace/nats/token
{{- else if eq $nats.auth.method "credentials" }}
HEADRACE_NATS_CREDENTIALS: /run/secrets/headrace/nats/nats.creds
{{- else }}
HEADRACE_NATS_USER: {{ eq $nats.auth.method "accounts" | ternary .account $nats.auth.user | quote }}
HEADRACE_NATS_PASSWORD_FILE: /run/secrets/headrace/nats/password
{{- end }}
{{- end }}
{{- include "headrace.env.tls" (dict "tls" $nats.tls "server" "nats") }}
{{- end }}

{{/* How Postgres is reached. */}}
{{- define "headrace.env.database" -}}
{{- $database := .root.Values.database -}}
{{- if $database.host -}}
HEADRACE_DATABASE_HOST: {{ $database.host | quote }}
HEADRACE_DATABASE_PORT: {{ $database.port | quote }}
HEADRACE_DATABASE_NAME: {{ $database.name | quote }}
HEADRACE_DATABASE_USER: {{ $database.user | quote }}
HEADRACE_DATABASE_PASSWORD_FILE: /run/secrets/headrace/database/password
{{- else -}}
HEADRACE_DATABASE_URL_FILE: /run/secrets/headrace/database/url
{{- end }}
HEADRACE_DATABASE_SSLMODE: {{ $database.sslmode | quote }}
{{- include "headrace.env.tls" (dict "tls" $database.tls "server" "database") }}
{{- end }}

{{/* The certificates for a server. Arguments: tls, server. */}}
{{- define "headrace.env.tls" -}}
{{- $prefix := printf "HEADRACE_%s_" (upper .server) -}}
{{- $directory := printf "/run/secrets/headrace/%s" .server -}}
{{- if .tls.caSecret }}
{{ $prefix }}CA: {{ $directory }}/ca.crt
{{- end }}
{{- if .tls.certSecret }}
{{ $prefix }}CERT: {{ $directory }}/tls.crt
{{ $prefix }}KEY: {{ $directory }}/tls.key
{{- end }}
{{- end }}

{{/* Where files are. */}}
{{- define "headrace.env.objects" -}}
{{- with .root.Values.objects -}}
HEADRACE_OBJECTS_URL: {{ .url | quote }}
HEADRACE_OBJECTS_ENDPOINT: {{ .endpoint | quote }}
HEADRACE_OBJECTS_PUBLIC_ENDPOINT: {{ .publicEndpoint | quote }}
HEADRACE_OBJECTS_REGION: {{ .region | quote }}
HEADRACE_OBJECTS_DOWNLOAD_URL: {{ .downloadUrl | quote }}
{{- end }}
{{- end }}
