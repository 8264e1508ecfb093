{{- /*
Everything that the operator may do, in four parts. Which of them stand in a ClusterRole and which in Roles is said in rbac.yaml. A list can't be
limited by label, so what the operator reads is more than what it made; it writes only what bears its label and its owner.
*/ -}}

{{- /* In namespaces that are followed. */ -}}
{{- define "postern.rules.follow" -}}
# What relays are to be.
- apiGroups: [postern.dev]
  resources: [smtprelays, accepteddomains]
  verbs: [list, watch]
# What became of that, and nothing else of these resources.
- apiGroups: [postern.dev]
  resources: [smtprelays/status, accepteddomains/status]
  verbs: [patch]
# CAs, lists of recipients and mail servers that resources refer to; and what is already there of relays.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch]
# Who the pods of relays are, and which pods there are, with what they run.
- apiGroups: [""]
  resources: [serviceaccounts, pods]
  verbs: [list, watch]
# The workloads of relays, and how far a rollout is.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [list, watch]
# Who may reach relays.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch]
# How many pods of relays a drain of nodes may take.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch]
# Which references to other namespaces are granted, where the Gateway API is installed.
- apiGroups: [gateway.networking.k8s.io]
  resources: [referencegrants]
  verbs: [list, watch]
# What happened to a resource, for whoever describes it.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.certManager.enabled }}
# Certificates that cert-manager makes for relays.
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [list, watch]
{{- end }}
{{- end -}}

{{- /* In namespaces in which relays run. */ -}}
{{- define "postern.rules.relays" -}}
# Certificates and passwords that resources refer to; and the keys that relays are given.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
# The configuration of relays, and the Services in front of them.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [create, patch, delete]
# Who the pods of relays are: nobody, with no token.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, create, patch, delete]
# The annotation that has a pod read its new configuration at once. The subresource keeps the image and all else that a pod runs out of reach.
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
# The workloads of relays.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, create, patch, delete]
# Which volumes stay when a relay that has some is scaled down or deleted. They are never written: mail may be in them.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list]
# Who may reach relays, and whom they may reach.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create, patch, delete]
# How many pods of relays a drain of nodes may take.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, create, patch, delete]
{{- if .Values.certManager.enabled }}
# Certificates that cert-manager is to make for relays.
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, create, patch, delete]
{{- end }}
{{- end -}}

{{- /* What belongs to no namespace. */ -}}
{{- define "postern.rules.cluster" -}}
# The labels of namespaces, by which a relay says whose domains it takes.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
# The addresses of nodes and their pods, which are not those of clients.
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
# The addresses of Services, likewise.
- apiGroups: [networking.k8s.io]
  resources: [servicecidrs]
  verbs: [list, watch]
{{- end -}}

{{- /* In the operator's own namespace. */ -}}
{{- define "postern.rules.own" -}}
# The lease by which the replicas agree on one that writes. A name can't be asked for before there is an object of that name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
# Its renewal.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [postern-operator]
  verbs: [get, update]
{{- if include "postern.runsRelays" (list . .Release.Namespace) }}
# The operator's own CAs, when they are renewed. It may make and read them as it may those of relays, which run here too.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [postern-ca, postern-identity]
  verbs: [update]
{{- else }}
# The operator's own CAs, when there are none yet.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
# The operator's own CAs.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [postern-ca, postern-identity]
  verbs: [get, update]
{{- end }}
{{- end -}}
