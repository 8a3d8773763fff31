{{/*
Every object of the chart passes here: one that is no list gets the common labels and annotations, and what `merge` says at last.
Arguments: root, object (YAML), merge (a map, or nothing).
*/}}
{{- define "headrace.object" -}}
{{- $object := fromYaml .object -}}
{{- if hasKey $object "Error" }}{{ fail (printf "%s in:\n%s" $object.Error .object) }}{{ end -}}
{{- with $object.metadata }}
{{- $metadata := . -}}
{{- $labels := mergeOverwrite (deepCopy ($.root.Values.commonLabels | default dict)) ($metadata.labels | default dict) -}}
{{- if $labels }}{{ $_ := set $metadata "labels" $labels }}{{ end -}}
{{- $annotations := mergeOverwrite (deepCopy ($.root.Values.commonAnnotations | default dict)) ($metadata.annotations | default dict) -}}
{{- if $annotations }}{{ $_ := set $metadata "annotations" $annotations }}{{ end -}}
{{- end -}}
{{- with .merge }}{{ $object = mergeOverwrite $object (deepCopy .) }}{{ end -}}
---
{{ toYaml $object }}
{{ end }}
