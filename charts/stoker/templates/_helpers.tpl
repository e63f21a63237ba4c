{{/* The chart's name, or the user's for it. */}}
{{- define "stoker.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The stem of all names: 40 characters, so that -controller fits in 63. */}}
{{- define "stoker.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "stoker.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "stoker.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "stoker.controller" -}}
{{ include "stoker.fullname" . }}-controller
{{- end }}

{{/* What a selector may hold: nothing that an upgrade changes. */}}
{{- define "stoker.selectorLabels" -}}
app.kubernetes.io/name: {{ include "stoker.name" . }}-controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "stoker.labels" -}}
{{ include "stoker.selectorLabels" . }}
app.kubernetes.io/part-of: stoker
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "stoker.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "stoker.controller" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name the account to use, for serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "stoker.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* Flags beside those that every installation has. A default is not written: the program has the same. */}}
{{- define "stoker.flags" -}}
{{- $flags := list }}
{{- range .Values.namespaces }}
{{- $flags = append $flags (printf "--namespace=%s" .) }}
{{- end }}
{{- if ne (include "stoker.controller" .) "stoker-controller" }}
{{- $flags = append $flags (printf "--lease-name=%s" (include "stoker.controller" .)) }}
{{- end }}
{{- if ne .Values.image.pullPolicy "IfNotPresent" }}
{{- $flags = append $flags (printf "--worker-image-pull-policy=%s" .Values.image.pullPolicy) }}
{{- end }}
{{- if ne .Values.logLevel "info" }}
{{- $flags = append $flags (printf "--log-level=%s" .Values.logLevel) }}
{{- end }}
{{- if ne .Values.logFormat "json" }}
{{- $flags = append $flags (printf "--log-format=%s" .Values.logFormat) }}
{{- end }}
{{- if ne (int .Values.inProcess.runs) 4 }}
{{- $flags = append $flags (printf "--in-process-runs=%d" (int .Values.inProcess.runs)) }}
{{- end }}
{{- if ne (int .Values.inProcess.loops) 0 }}
{{- $flags = append $flags (printf "--loops=%d" (int .Values.inProcess.loops)) }}
{{- end }}
{{- range .Values.inProcess.egressDeny }}
{{- $flags = append $flags (printf "--in-process-egress-deny=%s" .) }}
{{- end }}
{{- range .Values.inProcess.egressAllow }}
{{- $flags = append $flags (printf "--in-process-egress-allow=%s" .) }}
{{- end }}
{{- with .Values.leaderElection }}
{{- if ne .leaseDuration "15s" }}
{{- $flags = append $flags (printf "--lease-duration=%s" .leaseDuration) }}
{{- end }}
{{- if ne .renewDeadline "10s" }}
{{- $flags = append $flags (printf "--lease-renew-deadline=%s" .renewDeadline) }}
{{- end }}
{{- if ne .retryPeriod "2s" }}
{{- $flags = append $flags (printf "--lease-retry-period=%s" .retryPeriod) }}
{{- end }}
{{- end }}
{{- $flags = concat $flags .Values.extraArgs }}
{{- if $flags }}{{ toYaml $flags }}{{ end }}
{{- end }}

{{/* What the controller may do, in the whole cluster or in each of its namespaces: manifests/base/rbac.yaml, which a
     test compares. A Role cannot watch namespaces, so each is read by name. */}}
{{- define "stoker.rules" -}}
# The informers of both kinds. Never written: a spec belongs to users.
- apiGroups: [stoker.dev]
  resources: [warmingpolicies, prewarmschedules]
  verbs: [list, watch]
# The live policy behind a Job or a slot, before it is believed.
- apiGroups: [stoker.dev]
  resources: [warmingpolicies]
  verbs: [get]
# What happened, written as fenced patches.
- apiGroups: [stoker.dev]
  resources: [warmingpolicies/status, prewarmschedules/status]
  verbs: [patch]
# Runs: watched by label; made for a policy; ttlSecondsAfterFinished and attempts patched; history deleted.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# An in-process run's Job has no other controller than Stoker.
- apiGroups: [batch]
  resources: [jobs/status]
  verbs: [patch]
# Workers of a run, whose /progress is read and whose termination messages are its report; and the pods of
# workloads that spec.triggers.rollouts names.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Workloads that spec.triggers.rollouts names, one by one. Never listed, never watched.
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get]
# Key lists that a policy names are read; plans, pinned copies and checkpoints are made, replaced and deleted.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, create, update, delete]
# Credentials that a policy names, one by one when a run starts. Never listed, never watched.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
# Whether an administrator labelled the namespace for in-process runs.
- apiGroups: [""]
  resources: [namespaces]
  verbs: {{ ternary "[get]" "[list, watch]" (not (empty .Values.namespaces)) }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
