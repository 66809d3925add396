{{/* The batch file that is submitted: the values' batch, and under `kubernetes` what the chart knows besides. */}}

{{/* Environment from one key of a Secret, as a batch file writes it: (list NAME SECRET KEY). */}}
{{- define "htctl.fromSecret" -}}
{{- if and (index . 1) (index . 2) -}}
{{ index . 0 }}: {secretKeyRef: {name: {{ index . 1 | quote }}, key: {{ index . 2 | quote }}}}
{{- end -}}
{{- end }}

{{/* The keys to the store, for the Jobs and for who submits. */}}
{{- define "htctl.storeKeys" -}}
{{- with .Values.store -}}
{{ include "htctl.fromSecret" (list "AWS_ACCESS_KEY_ID" .existingSecret .accessKeyIdKey) }}
{{ include "htctl.fromSecret" (list "AWS_SECRET_ACCESS_KEY" .existingSecret .secretAccessKeyKey) }}
{{ include "htctl.fromSecret" (list "AWS_SESSION_TOKEN" .existingSecret .sessionTokenKey) }}
{{- if .caConfigMap }}
AWS_CA_BUNDLE: /etc/htctl-store/{{ .caKey }}
{{- end }}
{{- end -}}
{{- end }}

{{- define "htctl.jobsEnvironment" -}}
{{ include "htctl.storeKeys" . }}
{{- with .Values.secrets }}
{{ include "htctl.fromSecret" (list "X_BEARER_TOKEN" .x.name .x.key) }}
{{ include "htctl.fromSecret" (list "WANDB_API_KEY" .tracker.name .tracker.key) }}
{{ include "htctl.fromSecret" (list "HF_TOKEN" .hub.name .hub.key) }}
{{- end }}
{{- if include "htctl.cacheClaim" . }}
HF_HOME: {{ .Values.cache.mountPath }}/huggingface
{{- end }}
{{- end }}

{{/* What stands under `defaults.kubernetes` before the values' own. */}}
{{- define "htctl.jobsSettings" -}}
image: {{ include "htctl.image" . }}
pull_policy: {{ .Values.image.pullPolicy }}
service_account: {{ include "htctl.jobsAccount" . }}
labels:
  htctl-release: {{ .Release.Name }}
env: {{ include "htctl.jobsEnvironment" . | fromYaml | toJson }}
{{- if .Values.queue.create }}
queue: {{ include "htctl.queue" . }}
{{- end }}
{{- with .Values.submitter.podSecurityContext.fsGroup }}
{{- if include "htctl.cacheClaim" $ }}
pod:
  securityContext: {fsGroup: {{ . | int64 }}}
{{- end }}
{{- end }}
{{- end }}

{{/* JSON, which is YAML: as YAML, large whole numbers would come out as 1e+06. */}}
{{- define "htctl.batch" -}}
{{- $defaults := dict "kubernetes" (include "htctl.jobsSettings" . | fromYaml) -}}
{{- with .Values.batch.posts -}}
{{- if or .configMap .claim -}}{{- $_ := set $defaults "posts" (printf "%s/{handle}.jsonl" .folder) -}}{{- end -}}
{{- end -}}
{{- $defaults = mergeOverwrite $defaults (deepCopy .Values.batch.defaults) -}}
{{- $own := $defaults.kubernetes -}}
{{- with .Values.image.pullSecrets -}}
{{- $_ := set $own "pull_secrets" (concat . (default list $own.pull_secrets) | uniq) -}}
{{- end -}}
{{- with .Values.store.caConfigMap -}}
{{- $ca := dict "name" "store-ca" "mountPath" "/etc/htctl-store" "configMap" (dict "name" .) -}}
{{- $_ := set $own "volumes" (prepend (default list $own.volumes) $ca) -}}
{{- end -}}
{{- with include "htctl.cacheClaim" . -}}
{{- $claim := dict "persistentVolumeClaim" (dict "claimName" .) -}}
{{- $cache := merge (dict "name" "cache" "mountPath" $.Values.cache.mountPath) $claim -}}
{{- $_ := set $own "volumes" (prepend (default list $own.volumes) $cache) -}}
{{- end -}}
{{- dict "store" .Values.store.address "defaults" $defaults "groups" .Values.batch.groups | toPrettyJson -}}
{{- end }}
