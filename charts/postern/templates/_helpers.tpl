{{- /* The name of the release's objects: that of the release, with the chart's where it isn't in it. */ -}}
{{- define "postern.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* The operator's objects. */ -}}
{{- define "postern.operator" -}}
{{ include "postern.fullname" . }}-operator
{{- end -}}

{{- /* Objects that belong to no namespace: two releases may have one name in two namespaces. */ -}}
{{- define "postern.clusterName" -}}
{{ include "postern.operator" . }}-{{ .Release.Namespace }}
{{- end -}}

{{- /* What a selector finds the operator's pods by. The relays' NetworkPolicies know the first. */ -}}
{{- define "postern.selector" -}}
app.kubernetes.io/name: postern-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "postern.labels" -}}
{{ include "postern.selector" . }}
app.kubernetes.io/part-of: postern
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "postern.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- /* A number, or `cluster`. Large numbers come as floats. */ -}}
{{- define "postern.user" -}}
{{- if eq (toString .Values.runAsUser) "cluster" -}}
cluster
{{- else -}}
{{ int64 .Values.runAsUser }}
{{- end -}}
{{- end -}}

{{- /* Who a process is: never root, and a number unless the cluster says which. */ -}}
{{- define "postern.podSecurity" -}}
{{- $user := include "postern.user" . -}}
runAsNonRoot: true
{{- if ne $user "cluster" }}
runAsUser: {{ $user }}
runAsGroup: {{ $user }}
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "postern.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Namespaces in which relays run, as a JSON list; `*` for all that are followed. */ -}}
{{- define "postern.relayNamespaces" -}}
{{- if .Values.secretNamespaces -}}
{{- range .Values.secretNamespaces -}}
{{- if and $.Values.watchNamespaces (ne . "*") (not (has . $.Values.watchNamespaces)) -}}
{{- fail (printf "secretNamespaces has %s, which watchNamespaces has not: no relay is followed there; add it to watchNamespaces, or remove it here" .) -}}
{{- end -}}
{{- end -}}
{{- toJson .Values.secretNamespaces -}}
{{- else if .Values.watchNamespaces -}}
{{- toJson .Values.watchNamespaces -}}
{{- else -}}
{{- list .Release.Namespace | toJson -}}
{{- end -}}
{{- end -}}

{{- /* One of them, for what is made as an example: the release's, if it is among them. */ -}}
{{- define "postern.firstRelayNamespace" -}}
{{- $relays := include "postern.relayNamespaces" . | fromJsonArray -}}
{{- if include "postern.runsRelays" (list . .Release.Namespace) -}}
{{ .Release.Namespace }}
{{- else -}}
{{- first (has "*" $relays | ternary .Values.watchNamespaces $relays) -}}
{{- end -}}
{{- end -}}

{{- /* Whether relays run in a namespace: "true" or nothing. Takes the root and the namespace. */ -}}
{{- define "postern.runsRelays" -}}
{{- $root := index . 0 -}}
{{- $namespace := index . 1 -}}
{{- $relays := include "postern.relayNamespaces" $root | fromJsonArray -}}
{{- $follows := or (empty $root.Values.watchNamespaces) (has $namespace $root.Values.watchNamespaces) -}}
{{- if and $follows (or (has "*" $relays) (has $namespace $relays)) -}}
true
{{- end -}}
{{- end -}}
