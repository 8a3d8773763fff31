{{/* A pod of `helm test`. Arguments: root, name, suffix, account, needs, files, args, computed. */}}
{{- define "headrace.test" -}}
{{- $selected := dict "root" .root "component" "test" "suffix" .suffix -}}
{{- $values := pick .root.Values.migrations "resources" "scratchSize" "nodeSelector" "tolerations" -}}
{{- $pod := mergeOverwrite (dict "component" "test" "values" $values "restartPolicy" "Never" "grace" 30
  "serviceAccount" (include "headrace.serviceAccountName" .root)) . -}}
{{- $computed := mergeOverwrite (include "headrace.env.computed" . | fromYaml) (.computed | default dict) -}}
{{- $container := include "headrace.container" (mergeOverwrite (omit $pod "computed") (dict "computed" $computed)) -}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "headrace.nameOf" $selected | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- mergeOverwrite (include "headrace.labels" $selected | fromYaml) (include "headrace.podLabels" $pod | fromYaml) | toYaml | nindent 4 }}
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation
spec: {{- include "headrace.podSpec" (mergeOverwrite $pod (dict "containers" (list $container))) | nindent 2 }}
{{- end }}
