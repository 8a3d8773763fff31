{{/* The name of the chart, or what nameOverride says. It is part of selectors, which never change. */}}
{{- define "headrace.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/*
The beginning of all names: that of the release, with the chart's unless it is in it. The longest suffix, "-worker-" and 20 letters,
leaves 35 letters of a name of 63. The name of a Service begins with a letter and has no dot, as that of a release may. What is longer,
or would be changed, has a checksum at its end, so that two releases never share it.
*/}}
{{- define "headrace.fullname" -}}
{{- $whole := .Values.fullnameOverride -}}
{{- if not $whole -}}
{{- $name := include "headrace.name" . -}}
{{- $whole = ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- end -}}
{{- $plain := $whole | replace "." "-" -}}
{{- if not (regexMatch "^[a-z]" $plain) }}{{ $plain = printf "%s-%s" .Chart.Name $plain }}{{ end -}}
{{- if or (gt (len $plain) 35) (ne $plain $whole) -}}
{{- printf "%s-%s" ($plain | trunc 26 | trimSuffix "-") ($whole | sha256sum | trunc 8) -}}
{{- else -}}
{{- $whole -}}
{{- end -}}
{{- end }}

{{/* The name of an object. Arguments: root, suffix. */}}
{{- define "headrace.nameOf" -}}
{{- printf "%s-%s" (include "headrace.fullname" .root) .suffix -}}
{{- end }}

{{/* What tells the pods of a component from all others. Nothing here may ever change: selectors are immutable. Arguments: root, component, part. */}}
{{- define "headrace.selector" -}}
app.kubernetes.io/name: {{ include "headrace.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- with .part }}
headrace/{{ $.component }}: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The labels of an object. Arguments: as of headrace.selector. */}}
{{- define "headrace.labels" -}}
{{ include "headrace.selector" . }}
app.kubernetes.io/part-of: headrace
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The image: a digest before a tag before the chart's appVersion. Another repository or tag is another image, which has another digest.
Arguments: root, image (what differs from the chart's).
*/}}
{{- define "headrace.image" -}}
{{- $image := mergeOverwrite (deepCopy .root.Values.image) (.image | default dict) -}}
{{- with .image }}
{{- if or .repository .tag }}{{ $_ := set $image "digest" .digest }}{{ end }}
{{- end -}}
{{- $registry := (.image | default dict).registry | default (.root.Values.global | default dict).imageRegistry | default $image.registry -}}
{{- $place := $registry | empty | ternary $image.repository (printf "%s/%s" $registry $image.repository) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $place $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $place ($image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}
