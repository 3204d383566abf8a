{{/* Name of the service, and of all objects. */}}
{{- define "outrigger.name" -}}
{{- .Values.name | default .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* Of the ConfigMap, the Role and the RoleBinding. */}}
{{- define "outrigger.ownName" -}}
{{- include "outrigger.name" . }}-outrigger
{{- end -}}

{{- define "outrigger.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "outrigger.name" .) -}}
{{- end -}}

{{/* Labels by which the pods are found. */}}
{{- define "outrigger.podLabels" -}}
{{- .Values.podLabels | default (dict "app" (include "outrigger.name" .)) | toYaml -}}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "outrigger.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: {{ include "outrigger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "outrigger.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/*
The sidecar: an item of initContainers, first of all, as `outrigger inject` adds it. In a chart that depends on this one:

  initContainers:
    {{- include "outrigger.sidecar" .Subcharts.outrigger | nindent 4 }}
  volumes:
    {{- include "outrigger.volume" .Subcharts.outrigger | nindent 4 }}
*/}}
{{- define "outrigger.sidecar" -}}
- name: outrigger
  image: {{ include "outrigger.image" . }}
  {{- with .Values.image.pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  restartPolicy: Always
  args: [run, --config, /etc/outrigger/outrigger.yaml, --watch]
  env:
    # The kubelet and Prometheus cannot reach loopback; the page and every change stay there.
    - { name: OUTRIGGER_ADMIN_PROBES, value: {{ printf (contains ":" .Values.host | ternary "[%s]:15020" "%s:15020") .Values.host | quote }} }
    {{- with .Values.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports: [{ name: outrigger, containerPort: 15020 }]
  startupProbe: { httpGet: { path: /ready, port: outrigger }, periodSeconds: 1, failureThreshold: 120 }
  readinessProbe: { httpGet: { path: "/ready?usable=inbound", port: outrigger }, periodSeconds: 2 }
  livenessProbe: { httpGet: { path: /live, port: outrigger }, periodSeconds: 10 }
  lifecycle: { preStop: { exec: { command: [outrigger, drain, --inbound] } } }
  resources: {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    readOnlyRootFilesystem: true
    allowPrivilegeEscalation: false
    capabilities: { drop: [ALL] }
    seccompProfile: { type: RuntimeDefault }
  volumeMounts: [{ name: outrigger-config, mountPath: /etc/outrigger, readOnly: true }]
{{- end -}}

{{/* An item of volumes: the configuration of the sidecar. */}}
{{- define "outrigger.volume" -}}
- name: outrigger-config
  configMap: { name: {{ include "outrigger.ownName" . }} }
{{- end -}}
