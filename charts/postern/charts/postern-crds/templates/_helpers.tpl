{{- /* What every definition bears beside its own metadata. */ -}}
{{- define "postern-crds.metadata" -}}
labels:
  app.kubernetes.io/name: postern-crds
  app.kubernetes.io/instance: {{ .Release.Name }}
  app.kubernetes.io/part-of: postern
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  {{- with .Values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .Values.keep .Values.annotations }}
annotations:
  {{- if .Values.keep }}
  helm.sh/resource-policy: keep
  {{- end }}
  {{- with .Values.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}
