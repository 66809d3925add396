{{/* Rules that the NetworkPolicies share. */}}

{{/* The Pods of htctl's Jobs that policies are about; what they are labelled with is in k8s/names.py. */}}
{{- define "htctl.jobsLabels" -}}
app.kubernetes.io/name: htctl
app.kubernetes.io/managed-by: htctl
{{- if eq .Values.networkPolicy.jobs "release" }}
htctl-release: {{ .Release.Name }}
{{- end }}
{{- end }}

{{- define "htctl.toDns" -}}
{{- with .Values.networkPolicy.dns -}}
- to:
    - namespaceSelector:
        matchLabels:
          {{- toYaml .namespaceLabels | nindent 10 }}
      podSelector:
        matchLabels:
          {{- toYaml .podLabels | nindent 10 }}
    {{- range .cidrs }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end -}}
{{- end }}

{{/* One rule: (list CIDRS PORTS DENIED). Only from everything can a denied address be taken out: of another range,
     whether it lies in it is for who wrote it to know. */}}
{{- define "htctl.toRanges" -}}
{{- $denied := index . 2 -}}
- to:
    {{- range index . 0 }}
    - ipBlock:
        cidr: {{ . | quote }}
        {{- $out := list -}}
        {{- if has . (list "0.0.0.0/0" "::/0") -}}
        {{- $six := contains ":" . -}}
        {{- range $denied }}{{ if eq $six (contains ":" .) }}{{ $out = append $out . }}{{ end }}{{ end -}}
        {{- end -}}
        {{- with $out }}
        except: {{ toJson . }}
        {{- end }}
    {{- end }}
  ports:
    {{- range index . 1 }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
