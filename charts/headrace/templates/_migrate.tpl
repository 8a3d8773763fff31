{{/*
What the Job does, one after the other: streams, database, and the first administrator where one is asked for. It runs with a service
account that is there already, its environment is inline and its Secrets are those of others, so that it can be the first of all. It is
the owner of the tables in the database, where that is another role than the one of the processes.
*/}}
{{- define "headrace.migrate.podSpec" -}}
{{- $values := .Values.migrations -}}
{{- $root := . -}}
{{- $owner := dict -}}
{{- range $key, $value := $values.database }}{{ if $value }}{{ $_ := set $owner $key $value }}{{ end }}{{ end -}}
{{- if $owner -}}
{{- $merged := mergeOverwrite (deepCopy .Values) (dict "database" $owner) -}}
{{- $root = dict "Values" $merged "Release" .Release "Chart" .Chart "Template" .Template "Capabilities" .Capabilities "Files" .Files -}}
{{- end -}}
{{- $steps := list -}}
{{- if $values.provision }}{{ $steps = append $steps (dict "name" "provision" "args" (list "provision") "needs" (list "nats")) }}{{ end -}}
{{- $steps = append $steps (dict "name" "migrate" "args" (list "migrate") "needs" (list "database")) -}}
{{- $files := list -}}
{{- with $values.administrator }}
{{- if .existingSecret }}
{{- $files = list (list .existingSecret .passwordKey "admin/password") }}
{{- $computed := dict "HEADRACE_ADMIN_EMAIL" (dict "secretKeyRef" (dict "name" .existingSecret "key" .emailKey)) "HEADRACE_ADMIN_PASSWORD_FILE" "/run/secrets/headrace/admin/password" }}
{{- $steps = append $steps (dict "name" "administrator" "args" (list "admin" "create" "--if-none") "needs" (list "database") "computed" $computed) }}
{{- end }}
{{- end -}}
{{- $needs := include "headrace.migrate.needs" $root | fromJsonArray -}}
{{- $pod := dict "root" $root "component" "migrate" "values" $values "account" "provisioner" "files" $files "needs" $needs -}}
{{- $containers := list -}}
{{- range $steps }}
{{- $computed := include "headrace.env.computed" (dict "root" $root "account" "provisioner" "needs" .needs) | fromYaml }}
{{- $containers = append $containers (include "headrace.container" (mergeOverwrite (omit $pod "needs") . (dict "needs" $needs "computed" (mergeOverwrite $computed (.computed | default dict))))) }}
{{- end -}}
{{- include "headrace.podSpec" (mergeOverwrite (dict "restartPolicy" "Never" "grace" 30 "serviceAccount" $values.serviceAccountName
  "initContainers" (initial $containers) "containers" (list (last $containers))) $pod) -}}
{{- end }}

{{/* What the Job has to reach. */}}
{{- define "headrace.migrate.needs" -}}
{{- .Values.migrations.provision | ternary (list "nats" "database") (list "database") | toJson -}}
{{- end }}

{{/*
The Job. As a hook it has one name and is replaced before the next one; as an ordinary Job, which cannot be changed, its name ends with a
checksum of its pod. Arguments: root, component, suffix, values, spec (of its pod), isHook.
*/}}
{{- define "headrace.migrate.job" -}}
{{- $hook := dict "helm.sh/hook" "pre-install,pre-upgrade" "helm.sh/hook-weight" "0" "helm.sh/hook-delete-policy" "before-hook-creation" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" . | nindent 4 }}
  {{- with mergeOverwrite (.isHook | ternary $hook dict) (deepCopy (.values.annotations | default dict)) }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  backoffLimit: {{ .values.backoffLimit }}
  activeDeadlineSeconds: {{ .values.activeDeadlineSeconds }}
  completions: 1
  parallelism: 1
  completionMode: NonIndexed
  podReplacementPolicy: TerminatingOrFailed
  suspend: false
  template:
    metadata:
      labels: {{- include "headrace.podLabels" . | nindent 8 }}
      {{- with include "headrace.podAnnotations" . }}
      annotations: {{- . | nindent 8 }}
      {{- end }}
    spec: {{- .spec | nindent 6 }}
{{- end }}
