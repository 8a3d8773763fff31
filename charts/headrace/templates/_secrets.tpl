{{/*
The files below /run/secrets/headrace, from Secrets that are there already, as the sources of a projected volume. A file shows in no
list of processes and their environments, and a new certificate is there without a restart. Arguments: root, account, needs.
*/}}
{{- define "headrace.secretFiles" -}}
{{- $values := .root.Values -}}
{{- if has "nats" .needs }}
{{- with $values.nats.auth }}
{{- if .existingSecret }}
{{- $file := get (dict "token" "token" "credentials" "nats.creds") .method | default "password" }}
{{- $key := eq .method "accounts" | ternary $.account (.key | default $file) }}
{{ include "headrace.secretFile" (list .existingSecret $key (printf "nats/%s" $file)) }}
{{- end }}
{{- end }}
{{- include "headrace.certificateFiles" (dict "tls" $values.nats.tls "server" "nats") }}
{{- end }}
{{- if has "database" .needs }}
{{- with $values.database }}
{{- if .existingSecret }}
{{ include "headrace.secretFile" (.host | empty | ternary (list .existingSecret .urlKey "database/url") (list .existingSecret .passwordKey "database/password")) }}
{{- end }}
{{- end }}
{{- include "headrace.certificateFiles" (dict "tls" $values.database.tls "server" "database") }}
{{- end }}
{{- if and (has "api" .needs) $values.api.existingSecret }}
{{ include "headrace.secretFile" (list $values.api.existingSecret $values.api.secretsKey "api/secrets") }}
{{- with $values.api.followSecretsKey }}
{{ include "headrace.secretFile" (list $values.api.existingSecret . "api/follow-secrets") }}
{{- end }}
{{- end }}
{{- range .files }}
{{ include "headrace.secretFile" . }}
{{- end }}
{{- end }}

{{/* One key of a Secret as a file. Arguments: a list of secret, key and path. */}}
{{- define "headrace.secretFile" -}}
- secret: {name: {{ index . 0 | quote }}, items: [{key: {{ index . 1 | quote }}, path: {{ index . 2 }}}]}
{{- end }}

{{/* The certificates for a server, as files. Arguments: tls, server. */}}
{{- define "headrace.certificateFiles" -}}
{{- if .tls.caSecret }}
{{ include "headrace.secretFile" (list .tls.caSecret .tls.caKey (printf "%s/ca.crt" .server)) }}
{{- end }}
{{- if .tls.certSecret }}
{{ include "headrace.secretFile" (list .tls.certSecret "tls.crt" (printf "%s/tls.crt" .server)) }}
{{ include "headrace.secretFile" (list .tls.certSecret "tls.key" (printf "%s/tls.key" .server)) }}
{{- end }}
{{- end }}
