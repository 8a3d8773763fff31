{{/*
What no schema can say: keys that are elsewhere, what is missing, and what does not go together. Each is a line; all are said at once.
*/}}
{{- define "headrace.refusals" -}}
{{- range $path, $instead := .Files.Get "files/instead.yaml" | fromYaml }}
{{- if include "headrace.isGiven" (dict "values" $.Values "path" (splitList "." $path)) }}
{{ $path }}: {{ $instead }}
{{- end }}
{{- end }}
{{- $nulls := include "headrace.refusals.nulls" . }}
{{- $nulls }}
{{- if not ($nulls | trim) }}
{{- include "headrace.refusals.names" . }}
{{- include "headrace.refusals.servers" . }}
{{- include "headrace.refusals.api" . }}
{{- include "headrace.refusals.routes" . }}
{{- range $name, $values := dict "projector" .Values.projector "workerDefaults" .Values.workerDefaults }}
{{- include "headrace.refusals.budget" (dict "path" $name "values" $values) }}
{{- end }}
{{- include "headrace.refusals.workers" . }}
{{- include "headrace.refusals.secrets" . }}
{{- include "headrace.refusals.rules" . }}
{{- end }}
{{- end }}

{{/* null takes a default away. Where there has to be something, nothing else could be said about it. */}}
{{- define "headrace.refusals.nulls" -}}
{{- $defaults := .Files.Get "files/sections.yaml" | fromYaml }}
{{- range $path := $defaults.sections }}
{{- if not (include "headrace.isGiven" (dict "values" $.Values "path" (splitList "." $path))) }}
{{ $path }}: is null; leave it out to have its default, or say what differs
{{- end }}
{{- end }}
{{- end }}

{{/* A schema would say no more of names than that they do not match a pattern, and not even where. */}}
{{- define "headrace.refusals.names" -}}
{{- range $map := list "apis" "workers" }}
{{- range $name, $_ := get $.Values $map | default dict }}
{{- if not (regexMatch "^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$" $name) }}
{{ $map }}.{{ $name }}: a name has 20 lower-case letters, digits and - at most, and begins with a letter: it is part of the names of objects
{{- end }}
{{- end }}
{{- end }}
{{- if hasKey (.Values.apis | default dict) "main" }}
apis.main: `api` has this name in the labels by which its pods are selected; choose another one
{{- end }}
{{- end }}

{{/* All maps of variables, by their paths. */}}
{{- define "headrace.variables" -}}
{{- $values := .Values -}}
{{- $all := dict "extraEnv" $values.extraEnv "objects.extraEnv" $values.objects.extraEnv "objects.secretEnv" $values.objects.secretEnv -}}
{{- range $process := list "api" "projector" "workerDefaults" "migrations" }}{{ $_ := set $all (printf "%s.extraEnv" $process) (get $values $process).extraEnv }}{{ end -}}
{{- range $map := list "apis" "workers" }}
{{- range $name, $entry := get $values $map | default dict }}{{ $_ := set $all (printf "%s.%s.extraEnv" $map $name) ($entry | default dict).extraEnv }}{{ end }}
{{- end -}}
{{- toJson $all -}}
{{- end }}

{{/* The lists of variables that are merged into containers, by their paths, as maps. */}}
{{- define "headrace.variables.merged" -}}
{{- $values := .Values -}}
{{- $merges := dict -}}
{{- range $process := list "api" "projector" "workerDefaults" "migrations" }}{{ $_ := set $merges $process (get $values $process).merge }}{{ end -}}
{{- range $map := list "apis" "workers" }}
{{- range $name, $entry := get $values $map | default dict }}{{ $_ := set $merges (printf "%s.%s" $map $name) ($entry | default dict).merge }}{{ end }}
{{- end -}}
{{- $all := dict -}}
{{- range $path, $merge := $merges }}
{{- $variables := dict }}
{{- range ((($merge | default dict).container | default dict).env | default list) }}
{{- if kindIs "map" . }}{{ $_ := set $variables (toString .name) .value }}{{ end }}
{{- end }}
{{- $_ := set $all (printf "%s.merge.container.env" $path) $variables }}
{{- end -}}
{{- toJson $all -}}
{{- end }}

{{/* What has the name of a secret, or is an address with a password in it, shows to everybody who may see a Deployment. */}}
{{- define "headrace.refusals.secrets" -}}
{{- range $path, $variables := include "headrace.variables" . | fromJson }}
{{- range $name, $value := $variables }}
{{- if not (regexMatch "^[A-Za-z_][A-Za-z0-9_]*$" $name) }}
{{ $path }}.{{ $name }}: the name of a variable has letters, digits and _, and begins with no digit
{{- end }}
{{- if and (ne $path "objects.secretEnv") (include "headrace.isSecret" (list $name $value)) }}
{{ $path }}.{{ $name }}: a secret is never a value; say {secretKeyRef: {name: …, key: …}}
{{- end }}
{{- end }}
{{- end }}
{{- range $path, $variables := include "headrace.variables.merged" . | fromJson }}
{{- range $name, $value := $variables }}
{{- if include "headrace.isSecret" (list $name $value) }}
{{ $path }}.{{ $name }}: a secret is never a value; say valueFrom: {secretKeyRef: {name: …, key: …}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether a variable has a secret as its value. Arguments: a list of name and value. */}}
{{- define "headrace.isSecret" -}}
{{- $name := index . 0 -}}
{{- $value := index . 1 -}}
{{- $isText := and (or (kindIs "string" $value) (kindIs "float64" $value)) (ne (toString $value) "") -}}
{{- $isNamed := regexMatch "(?i)(PASSWORD|PASSWD|PASSPHRASE|TOKEN|SECRETS?|(ACCESS|ACCOUNT|API|PRIVATE|STATUS|STORAGE|STORAGE_ACCOUNT)_?KEY)$" $name -}}
{{- if and $isText (or $isNamed (regexMatch "://[^/@\\s]*:[^/@\\s]+@" (toString $value))) }}yes{{ end -}}
{{- end }}

{{/* Whether a key is among the values. Arguments: values, path (a list). */}}
{{- define "headrace.isGiven" -}}
{{- if and (kindIs "map" .values) (hasKey .values (first .path)) -}}
{{- if eq (len .path) 1 -}}yes{{- else -}}{{ include "headrace.isGiven" (dict "values" (get .values (first .path)) "path" (rest .path)) }}{{- end -}}
{{- end -}}
{{- end }}

{{- define "headrace.refusals.servers" -}}
{{- $isProduction := eq .Values.env "production" }}
{{- if and $isProduction (not .Values.nats.auth.existingSecret) }}
nats.auth.existingSecret: is missing; make a Secret with the passwords of api, worker, projector and provisioner, the users of docs/nats-accounts.conf, or choose another nats.auth.method
{{- end }}
{{- if contains "@" .Values.nats.url }}
nats.url: has a user or a password; a secret is never a value: put it into a Secret, and name that in nats.auth.existingSecret
{{- end }}
{{- if and $isProduction (not .Values.nats.sync) }}
nats.sync: is missing; set `sync_interval: always` in the jetstream block of every nats-server, then say always here
{{- end }}
{{- if and $isProduction (lt (int .Values.nats.replicas) 3) }}
nats.replicas: is {{ .Values.nats.replicas }}, and production wants three copies of the log; run three nats-servers, or say env: staging
{{- end }}
{{- if not .Values.database.existingSecret }}
database.existingSecret: is missing; name the Secret with the URL of the database, as <cluster>-app of CloudNativePG
{{- end }}
{{- if and .Values.objects.existingSecret (not .Values.objects.url) }}
objects.existingSecret: is for a bucket, and objects.url names none
{{- end }}
{{- end }}

{{- define "headrace.refusals.api" -}}
{{- with .Values.api }}
{{- if not .existingSecret }}
api.existingSecret: is missing; `headrace secret` prints a secret: kubectl create secret generic headrace-api --from-literal=secrets="$(headrace secret)"
{{- end }}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) }}
api.httpRoute.parentRefs: is missing; name the Gateway: [{name: public, namespace: gateways}]
{{- end }}
{{- if and .ingress.enabled (not .ingress.hosts) }}
api.ingress.hosts: is missing; name the hosts: [headrace.example.com]
{{- end }}
{{- end }}
{{- range (include "headrace.apis" . | fromJson).all }}
{{- $path := .name | empty | ternary "api" (printf "apis.%s" .name) }}
{{- include "headrace.refusals.budget" (dict "path" $path "values" .values) }}
{{- if not .values.mounts }}
{{ $path }}.mounts: is missing; say which parts of the API it serves, as [streams]
{{- end }}
{{- with .values.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
{{ $path }}.autoscaling: minReplicas is more than maxReplicas
{{- end }}
{{- end }}
{{- with .values.service }}
{{- if and (eq .type "ClusterIP") (eq (int .port) 9090) }}
{{ $path }}.service.port: 9090 is the port for operations, which the same Service has; choose another one
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $entry := .Values.apis }}
{{- if and (kindIs "map" $entry) (not (hasKey ($entry | default dict) "mounts")) }}
apis.{{ $name }}.mounts: is missing; say which parts of the API it serves, as [streams]
{{- end }}
{{- end }}
{{- end }}

{{/* Each request has to go to who serves it. A route sends what it tells apart to one Deployment of `apis`, and all else to `api`. */}}
{{- define "headrace.refusals.routes" -}}
{{- $api := .Values.api }}
{{- $tellsApart := and $api.httpRoute.enabled $api.httpRoute.regularExpressions (not $api.ingress.enabled) }}
{{- if or $api.httpRoute.enabled $api.ingress.enabled }}
{{- $taken := dict }}
{{- range (include "headrace.routed" . | fromJson).all }}
{{- if hasKey $taken .mount }}
apis.{{ .name }}.mounts: {{ .mount }} is served by apis.{{ get $taken .mount }} already, and a route sends it to one of them; leave it to one
{{- end }}
{{- $_ := set $taken .mount .name }}
{{- end }}
{{- range (include "headrace.apis" . | fromJson).all }}
{{- range .values.mounts }}
{{- if not (or (has . $api.mounts) (hasKey $taken .)) }}
api.mounts: {{ . }} is missing, and a route sends its requests to `api`: what serves core, too, has no route of its own; add it
{{- end }}
{{- end }}
{{- end }}
{{- if not $tellsApart }}
{{- range (include "headrace.routed" . | fromJson).all }}
{{- if not (has .mount $api.mounts) }}
api.mounts: {{ .mount }} is missing, and no route without regular expressions sends all of its requests to another Deployment; add it, or say api.httpRoute.regularExpressions: true
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Arguments: path, values (of a process). */}}
{{- define "headrace.refusals.budget" -}}
{{- with .values.podDisruptionBudget }}
{{- if and .enabled (eq (empty (include "headrace.text" .minAvailable)) (empty (include "headrace.text" .maxUnavailable))) }}
{{ $.path }}.podDisruptionBudget: say minAvailable or maxUnavailable, and leave the other one empty (""); Kubernetes takes one of them
{{- end }}
{{- end }}
{{- end }}

{{- define "headrace.refusals.workers" -}}
{{- range $name, $entry := .Values.workers }}
{{- if $entry | kindIs "map" }}
{{- with mergeOverwrite (deepCopy $.Values.workerDefaults) (deepCopy ($entry | default dict)) }}
{{- $path := printf "workers.%s" $name }}
{{- if and $entry $entry.podDisruptionBudget }}{{ include "headrace.refusals.budget" (dict "path" $path "values" .) }}{{ end }}
{{- with .autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
{{ $path }}.autoscaling: minReplicas is more than maxReplicas
{{- end }}
{{- end }}
{{- if and .autoscaling.enabled (eq .autoscaling.trigger "nats-jetstream") }}
{{- if not (or .kinds .autoscaling.natsConsumers) }}
{{ $path }}.kinds: is missing; nats-jetstream scales by the consumers of kinds that are named, metrics-api by all
{{- end }}
{{- if not $.Values.nats.monitor }}
nats.monitor: is missing; nats-jetstream asks the monitoring port of the servers: http://nats-headless.nats:8222
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "headrace.refusals.rules" -}}
{{- with .Values.metrics.rules.disabled }}
{{- $alerts := list }}
{{- range $path, $_ := $.Files.Glob "files/rules/*.yaml" }}{{ range ($.Files.Get $path | fromYaml).groups }}{{ range .rules }}{{ $alerts = append $alerts .alert }}{{ end }}{{ end }}{{ end }}
{{- range . }}
{{- if not (has . $alerts) }}
metrics.rules.disabled: there is no alert {{ . }}; there are {{ $alerts | uniq | sortAlpha | join ", " }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
