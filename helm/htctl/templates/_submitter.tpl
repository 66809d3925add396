{{/* The Pod that runs htctl in the cluster: of the CronJob, of the one Job, and of `helm test`. */}}

{{/* Its template: (list . COMPONENT ARGUMENTS). The batch's name is the Job's: new for each, the same for its retries. */}}
{{- define "htctl.submitterTemplate" -}}
{{- $root := index . 0 -}}
metadata:
  labels:
    {{- include "htctl.selectorLabels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ index . 1 }}
    {{- with $root.Values.submitter.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $root.Values.submitter.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "htctl.submitterPod" (list $root (index . 2)) | nindent 2 }}
{{- end }}

{{/* Its spec: (list . ARGUMENTS). The token is mounted for this container alone and renewed every hour. */}}
{{- define "htctl.submitterPod" -}}
{{- $root := index . 0 -}}
{{- $own := $root.Values.submitter -}}
restartPolicy: Never
serviceAccountName: {{ include "htctl.submitterAccount" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: htctl
    image: {{ include "htctl.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: {{ index . 1 | toJson }}
    env:
      {{- include "htctl.submitterEnvironment" $root | nindent 6 }}
    terminationMessagePolicy: FallbackToLogsOnError
    {{- with $own.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $own.securityContext }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
      {{- if $root.Values.batch.groups }}
      - {name: batch, mountPath: /etc/htctl, readOnly: true}
      {{- end }}
      {{- if $root.Values.store.caConfigMap }}
      - {name: store-ca, mountPath: /etc/htctl-store, readOnly: true}
      {{- end }}
      {{- with $root.Values.batch.posts }}
      {{- if or .configMap .claim }}
      - {name: posts, mountPath: {{ .folder | quote }}, readOnly: true}
      {{- end }}
      {{- end }}
volumes:
  {{- include "htctl.submitterVolumes" $root | nindent 2 }}
{{- end }}

{{- define "htctl.submitterEnvironment" -}}
- name: HTCTL_BATCH
  valueFrom: {fieldRef: {fieldPath: "metadata.labels['batch.kubernetes.io/job-name']"}}
{{- range $name, $value := merge (dict) .Values.submitter.env (include "htctl.storeKeys" . | fromYaml) }}
- name: {{ $name }}
  {{- if kindIs "string" $value }}
  value: {{ $value | quote }}
  {{- else }}
  valueFrom: {{ $value | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "htctl.submitterVolumes" -}}
- name: tmp
  emptyDir: {}
- name: token
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- if .Values.batch.groups }}
- name: batch
  configMap: {name: {{ include "htctl.batchConfig" . }}}
{{- end }}
{{- with .Values.store.caConfigMap }}
- name: store-ca
  configMap: {name: {{ . }}}
{{- end }}
{{- with .Values.batch.posts }}
{{- if .configMap }}
- name: posts
  configMap: {name: {{ .configMap }}}
{{- else if .claim }}
- name: posts
  persistentVolumeClaim: {claimName: {{ .claim }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{/* A Job's spec that submits the batch; what is sent already is found there again, so it may be tried again. */}}
{{- define "htctl.submitterJob" -}}
{{- $args := list "htctl" "submit" "-f" "/etc/htctl/bots.yaml" "--batch" "$(HTCTL_BATCH)" -}}
{{- with .Values.submitter -}}
{{- if .scrapeFirst -}}{{- $args = append $args "--scrape-first" -}}{{- end -}}
{{- if .wait -}}
{{- $args = concat $args (list "--wait" "--start-deadline" .startDeadline) -}}
{{- if .maxInFlight -}}{{- $args = concat $args (list "--max-in-flight" (toString .maxInFlight)) -}}{{- end -}}
{{- end -}}
{{- end -}}
backoffLimit: {{ .Values.submitter.backoffLimit }}
podFailurePolicy:
  rules:
    - {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: "True"}]}
    # The batch is wrong, which it stays.
    - {action: FailJob, onExitCodes: {containerName: htctl, operator: In, values: [2]}}
template:
  {{- include "htctl.submitterTemplate" (list . "submitter" $args) | nindent 2 }}
{{- end }}
