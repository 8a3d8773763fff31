{{/*
A container of a process. Arguments: root, name, values (of the process), args (a list), computed (its environment, a map), ports (a map
from names to numbers), hasProbes, account, needs and files (its secrets, see headrace.secretFiles).
*/}}
{{- define "headrace.container" -}}
{{- $values := .values -}}
{{- $image := mergeOverwrite (deepCopy .root.Values.image) (.values.image | default dict) -}}
name: {{ .name }}
image: {{ include "headrace.image" (dict "root" .root "image" .values.image) | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
args: {{- toYaml .args | nindent 2 }}
env: {{- include "headrace.env" . | trim | nindent 2 }}
{{- with concat (.root.Values.extraEnvFrom | default list) (.values.extraEnvFrom | default list) }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .ports }}
ports:
  {{- range $name, $number := . }}
  - {name: {{ $name }}, containerPort: {{ $number }}, protocol: TCP}
  {{- end }}
{{- end }}
{{- if .hasProbes }}
{{- range $name, $kind := dict "startupProbe" "startup" "livenessProbe" "live" "readinessProbe" "ready" }}
{{ $name }}:
  httpGet: {path: /health/{{ eq $kind "ready" | ternary "ready" "live" }}, port: ops, scheme: HTTP}
  successThreshold: 1
  {{- toYaml (get $values.probes $kind) | nindent 2 }}
{{- end }}
{{- end }}
resources: {{- toYaml .values.resources | nindent 2 }}
securityContext: {{- toYaml .root.Values.securityContext | nindent 2 }}
terminationMessagePath: /dev/termination-log
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if include "headrace.secretFiles" . | trim }}
  - {name: secrets, mountPath: /run/secrets/headrace, readOnly: true}
  {{- end }}
  {{- with .values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
The spec of a pod. Arguments: root, component, part, values (of the process), restartPolicy, grace (seconds), serviceAccount, containers
and initContainers (lists of YAML), account, needs and files (see headrace.secretFiles).
*/}}
{{- define "headrace.podSpec" -}}
{{- $secrets := include "headrace.secretFiles" . | trim -}}
{{- $merge := .values.merge | default dict -}}
{{- $all := dict "containers" list "initContainers" list -}}
{{- range $name := list "containers" "initContainers" }}
{{- range get $ $name | default list }}{{ $_ := set $all $name (append (get $all $name) (mergeOverwrite (fromYaml .) (deepCopy ($merge.container | default dict)))) }}{{ end }}
{{- end -}}
{{- $spec := include "headrace.podSpec.plain" . | fromYaml -}}
{{- if hasKey $spec "Error" }}{{ fail $spec.Error }}{{ end -}}
{{- $_ := set $spec "containers" (concat $all.containers (.values.extraContainers | default list)) -}}
{{- with concat (.values.initContainers | default list) $all.initContainers }}{{ $_ := set $spec "initContainers" . }}{{ end -}}
{{- $volumes := list (dict "name" "tmp" "emptyDir" (dict "sizeLimit" .values.scratchSize)) -}}
{{- if $secrets }}
{{- $volumes = append $volumes (dict "name" "secrets" "projected" (dict "defaultMode" 420 "sources" (fromYamlArray $secrets))) }}
{{- end -}}
{{- $_ := set $spec "volumes" (concat $volumes (.values.extraVolumes | default list)) -}}
{{- mergeOverwrite $spec (deepCopy ($merge.pod | default dict)) | toYaml -}}
{{- end }}

{{/* The same without containers and volumes. */}}
{{- define "headrace.podSpec.plain" -}}
automountServiceAccountToken: false
# A Service of a release named headrace would put HEADRACE_API_PORT and others among our own settings.
enableServiceLinks: false
serviceAccountName: {{ .serviceAccount | quote }}
restartPolicy: {{ .restartPolicy }}
terminationGracePeriodSeconds: {{ .grace }}
dnsPolicy: ClusterFirst
schedulerName: default-scheduler
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with concat (.root.Values.imagePullSecrets | default list) ((.root.Values.global | default dict).imagePullSecrets | default list) }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") . | quote }}}
  {{- end }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .values.topologySpread }}
topologySpreadConstraints:
  {{- range . }}
  - {{ mergeOverwrite (dict "labelSelector" (dict "matchLabels" (include "headrace.selector" $ | fromYaml)) "matchLabelKeys" (list "pod-template-hash")) . | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The labels of pods: those of selectors win over all others. Arguments: root, component, part, values. */}}
{{- define "headrace.podLabels" -}}
{{- $own := mergeOverwrite (include "headrace.selector" . | fromYaml) (dict "app.kubernetes.io/part-of" "headrace") -}}
{{- mergeOverwrite (deepCopy (.root.Values.commonLabels | default dict)) (deepCopy (.values.podLabels | default dict)) $own | toYaml -}}
{{- end }}

{{/* The annotations of pods, or nothing. Arguments: root, values. */}}
{{- define "headrace.podAnnotations" -}}
{{- with mergeOverwrite (deepCopy (.root.Values.commonAnnotations | default dict)) (deepCopy (.values.podAnnotations | default dict)) -}}
{{- toYaml . -}}
{{- end -}}
{{- end }}

{{/* The service account of the processes. */}}
{{- define "headrace.serviceAccountName" -}}
{{- with .Values.serviceAccount -}}
{{- .name | default (.create | ternary (include "headrace.fullname" $) "default") -}}
{{- end -}}
{{- end }}
