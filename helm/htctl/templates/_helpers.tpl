{{/* Names and labels of all objects, the image, and what several of them share. */}}

{{/* The release's objects are called so. A CronJob's Job adds 9 characters, and a batch's name, which is the Job's,
     has 40; a digest keeps two long names apart. */}}
{{- define "htctl.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full = default $full .Values.fullnameOverride -}}
{{- if gt (len $full) 31 -}}
{{- $full = printf "%s-%s" ($full | trunc 22 | trimSuffix "-" | trimSuffix ".") ($full | sha256sum | trunc 8) -}}
{{- end -}}
{{- $full -}}
{{- end }}

{{- define "htctl.submitterAccount" -}}
{{- default (printf "%s-submitter" (include "htctl.fullname" .)) .Values.serviceAccounts.submitter.name -}}
{{- end }}

{{- define "htctl.jobsAccount" -}}
{{- default (printf "%s-jobs" (include "htctl.fullname" .)) .Values.serviceAccounts.jobs.name -}}
{{- end }}

{{- define "htctl.batchConfig" -}}
{{- include "htctl.fullname" . }}-batch
{{- end }}

{{- define "htctl.queue" -}}
{{- default (include "htctl.fullname" .) .Values.queue.name -}}
{{- end }}

{{- define "htctl.cacheClaim" -}}
{{- if .Values.cache.create }}{{ include "htctl.fullname" . }}-cache{{ else }}{{ .Values.cache.existingClaim }}{{ end -}}
{{- end }}

{{- define "htctl.image" -}}
{{- $tag := printf ":%s" (default .Chart.AppVersion .Values.image.tag) -}}
{{- .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}{{ $tag }}{{ end -}}
{{- end }}

{{/* What tells this release's objects and Pods from others; never changes, as Pod templates of Jobs cannot. */}}
{{- define "htctl.selectorLabels" -}}
app.kubernetes.io/name: htctl
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The metadata of an object: (list . NAME COMPONENT [ANNOTATIONS] [LABELS]). */}}
{{- define "htctl.metadata" -}}
{{- $root := index . 0 -}}
{{- $annotations := dict -}}
{{- if gt (len .) 3 }}{{ $annotations = index . 3 }}{{ end -}}
{{- $more := dict -}}
{{- if gt (len .) 4 }}{{ $more = index . 4 }}{{ end -}}
name: {{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "htctl.selectorLabels" $root | nindent 2 }}
  app.kubernetes.io/component: {{ index . 2 }}
  app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  app.kubernetes.io/part-of: htctl
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") }}
  {{- with merge (dict) $more $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) $annotations $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
