{{/* All Deployments of the API: `api` and each of `apis`, as {"all": [{name, suffix, part, values}]}. */}}
{{- define "headrace.apis" -}}
{{- $all := list (dict "name" "" "suffix" "api" "part" "main" "values" .Values.api) -}}
{{- range $name, $entry := .Values.apis }}
{{- if not (kindIs "invalid" $entry) }}
{{- $values := mergeOverwrite (deepCopy $.Values.api) (deepCopy $entry) }}
{{- $all = append $all (dict "name" $name "suffix" (printf "api-%s" $name) "part" $name "values" $values) }}
{{- end }}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end }}

{{/* The hosts that the API answers for: what is named, those of its routes, and those of its Services in the cluster. */}}
{{- define "headrace.api.hosts" -}}
{{- $hosts := .Values.api.hosts | default list -}}
{{- with .Values.api.httpRoute }}{{ if .enabled }}{{ $hosts = concat $hosts (.hostnames | default list) }}{{ end }}{{ end -}}
{{- with .Values.api.ingress }}{{ if .enabled }}{{ $hosts = concat $hosts (.hosts | default list) }}{{ end }}{{ end -}}
{{- range (include "headrace.apis" . | fromJson).all }}
{{- $service := include "headrace.nameOf" (dict "root" $ "suffix" .suffix) }}
{{- range list "" ".svc" ".svc.cluster.local" }}{{ $hosts = append $hosts (printf "%s.%s%s" $service $.Release.Namespace .) }}{{ end }}
{{- end -}}
{{- $hosts | uniq | join "," -}}
{{- end }}

{{/* The proxies that say who the client is: behind a route they are pods or nodes, with private addresses. */}}
{{- define "headrace.api.trustedProxies" -}}
{{- with .Values.api -}}
{{- $private := list "10.0.0.0/8" "100.64.0.0/10" "172.16.0.0/12" "192.168.0.0/16" "fc00::/7" -}}
{{- $default := or .httpRoute.enabled .ingress.enabled | ternary $private (list "127.0.0.1") -}}
{{- .trustedProxies | default $default | join "," -}}
{{- end -}}
{{- end }}

{{/* The Service of an API. Its operations port is for Prometheus and KEDA. Arguments: root, suffix, part, values. */}}
{{- define "headrace.api.service" -}}
{{- $selected := mergeOverwrite (dict "component" "api") . -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" $selected | nindent 4 }}
  {{- with .values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .values.service.type }}
  ipFamilyPolicy: {{ .values.service.ipFamilyPolicy }}
  internalTrafficPolicy: Cluster
  sessionAffinity: None
  {{- if ne .values.service.type "ClusterIP" }}
  externalTrafficPolicy: Cluster
  {{- end }}
  {{- if eq .values.service.type "LoadBalancer" }}
  allocateLoadBalancerNodePorts: true
  {{- end }}
  selector: {{- include "headrace.selector" $selected | nindent 4 }}
  ports:
    - {name: http, port: {{ .values.service.port }}, targetPort: http, protocol: TCP, appProtocol: http}
    {{- if eq .values.service.type "ClusterIP" }}
    - {name: ops, port: 9090, targetPort: ops, protocol: TCP, appProtocol: http}
    {{- end }}
{{- end }}

{{/* The name of that Service, which is none of those that `apis` makes. Arguments: suffix (of the API). */}}
{{- define "headrace.api.opsSuffix" -}}
ops{{ .suffix | trimPrefix "api" }}
{{- end }}

{{/* The operations port asks nobody who they are, so a Service that the world can reach does not have it, and another one does. */}}
{{- define "headrace.api.opsService" -}}
{{- $selected := mergeOverwrite (dict "component" "api") . -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "headrace.nameOf" (dict "root" .root "suffix" (include "headrace.api.opsSuffix" .)) | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" $selected | nindent 4 }}
spec:
  type: ClusterIP
  ipFamilyPolicy: {{ .values.service.ipFamilyPolicy }}
  internalTrafficPolicy: Cluster
  sessionAffinity: None
  selector: {{- include "headrace.selector" $selected | nindent 4 }}
  ports:
    - {name: ops, port: 9090, targetPort: ops, protocol: TCP, appProtocol: http}
{{- end }}

{{/* The HorizontalPodAutoscaler of an API. */}}
{{- define "headrace.api.horizontalPodAutoscaler" -}}
{{- $selected := mergeOverwrite (dict "component" "api") . -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "headrace.nameOf" . | quote }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "headrace.labels" $selected | nindent 4 }}
spec:
  {{- with .values.autoscaling }}
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "headrace.nameOf" $ | quote }}}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: ContainerResource
      containerResource: {name: cpu, container: api, target: {type: Utilization, averageUtilization: {{ .cpu }}}}
    {{- with .metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .behavior }}
  behavior: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}
