{{/* What cannot be: each in one line that says what to change. The form of single values is the schema's. */}}

{{- define "htctl.checks" -}}
{{- include "htctl.checkAccounts" . -}}
{{- if .Values.batch.groups }}{{ include "htctl.checkBatch" . }}{{ else if .Values.batch.once -}}
{{- fail "batch.once: there is nothing to submit; write batch.groups" -}}
{{- else if .Values.tests.probe -}}
{{- fail "tests.probe: the probe is a Pod like the batch's; write batch.groups" -}}
{{- end -}}
{{- include "htctl.checkExtras" . -}}
{{- end }}

{{- define "htctl.checkAccounts" -}}
{{- range $which, $given := .Values.serviceAccounts -}}
{{- if not (or $given.create $given.name) -}}
{{- fail (printf "serviceAccounts.%s: create is false, so name the account that is there" $which) -}}
{{- end -}}
{{- end -}}
{{- if eq (include "htctl.submitterAccount" .) (include "htctl.jobsAccount" .) -}}
{{- fail "serviceAccounts: jobs must not have the submitter's account, which may make Jobs; give two names" -}}
{{- end -}}
{{- with .Values.store -}}
{{- if and .existingSecret .workloadIdentity -}}
{{- fail "store: existingSecret and workloadIdentity are two ways to one thing; empty one" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "htctl.checkBatch" -}}
{{- if not .Values.store.address -}}
{{- fail "store.address: a batch needs a store that its Pods reach, such as s3://bots/prefix" -}}
{{- end -}}
{{- if not (or .Values.store.existingSecret .Values.store.workloadIdentity) -}}
{{- fail "store: name the Secret with its keys (store.existingSecret), or set store.workloadIdentity" -}}
{{- end -}}
{{- if and .Values.batch.posts.configMap .Values.batch.posts.claim -}}
{{- fail "batch.posts: configMap and claim are two places for one thing; empty one" -}}
{{- end -}}
{{- if and .Values.submitter.maxInFlight (not .Values.submitter.wait) -}}
{{- fail "submitter.maxInFlight: the rest is sent as others end, so it needs submitter.wait" -}}
{{- end -}}
{{- $given := default dict .Values.batch.defaults.kubernetes -}}
{{- $instead := dict "namespace" "install into it (--namespace)" "image" "write image.repository and image.tag" -}}
{{- $_ := set $instead "service_account" "write serviceAccounts.jobs.name" -}}
{{- $_ := set $instead "pull_policy" "write image.pullPolicy" -}}
{{- range $key, $what := $instead -}}
{{- if hasKey $given $key -}}
{{- fail (printf "batch.defaults.kubernetes.%s: is the chart's; %s" $key $what) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "htctl.checkExtras" -}}
{{- $found := .Capabilities.APIVersions -}}
{{- if .Values.queue.create -}}
{{- if not .Values.queue.clusterQueue }}{{ fail "queue.clusterQueue: name the ClusterQueue behind the LocalQueue" }}{{ end -}}
{{- if not .Values.rbac.kueue }}{{ fail "rbac.kueue: a batch in a queue needs it; set it, or queue.create to false" }}{{ end -}}
{{- if not ($found.Has "kueue.x-k8s.io/v1beta1/LocalQueue") -}}
{{- fail "queue.create: the cluster has no Kueue (helm template: --api-versions kueue.x-k8s.io/v1beta1/LocalQueue)" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.podMonitor.create (not ($found.Has "monitoring.coreos.com/v1/PodMonitor")) -}}
{{- fail "podMonitor.create: the cluster has no Prometheus operator (helm template: --api-versions monitoring.coreos.com/v1/PodMonitor)" -}}
{{- end -}}
{{- if and .Values.cache.create .Values.cache.existingClaim -}}
{{- fail "cache: create and existingClaim are two ways to one thing; empty one" -}}
{{- end -}}
{{- end }}
