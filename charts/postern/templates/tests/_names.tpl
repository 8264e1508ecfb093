{{- /* All that the test makes has this name. One that begins with a letter, as a relay's must, and leaves room for the names of what a relay consists of. */ -}}
{{- define "postern.test" -}}
test-{{ include "postern.fullname" . | trunc 35 | trimSuffix "-" }}
{{- end -}}

{{- /* A domain that nobody has (RFC 2606 section 2). */ -}}
{{- define "postern.test.domain" -}}
postern-test.example
{{- end -}}

{{- /* The port of the mail server in the test's pod, which no privilege is needed for. */ -}}
{{- define "postern.test.port" -}}
10025
{{- end -}}

{{- define "postern.test.selector" -}}
app.kubernetes.io/name: postern-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The metadata of what the test makes. Takes the root and the weight: what is lighter is there first. */ -}}
{{- define "postern.test.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "postern.test" $root }}
namespace: {{ include "postern.firstRelayNamespace" $root }}
labels:
  {{- include "postern.test.selector" $root | nindent 2 }}
  app.kubernetes.io/part-of: postern
annotations:
  helm.sh/hook: test
  helm.sh/hook-weight: {{ index . 1 | quote }}
  # What is done goes; the pod of a test that failed stays until the next one, with its log.
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
