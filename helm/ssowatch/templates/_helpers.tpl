{{- define "ssowatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ssowatch.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "ssowatch.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "ssowatch.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ssowatch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ssowatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ssowatch.labels" -}}
{{ include "ssowatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Takes out what is null: so a later file of values takes out what an earlier one has, and ssowatch wants no key without a value. */}}
{{- define "ssowatch.prune" -}}
{{- range $key, $value := . }}
{{- if kindIs "invalid" $value }}
{{- $_ := unset $ $key }}
{{- else if kindIs "map" $value }}
{{- include "ssowatch.prune" $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the journal is on NATS, so that no volume is needed. */}}
{{- define "ssowatch.nats" -}}
{{- if kindIs "map" (get (default dict .Values.config.journal) "nats") }}true{{ end }}
{{- end }}

{{/* The keys that the secret must have: a line for each file in it that the configuration names. */}}
{{- define "ssowatch.secretKeys" -}}
{{- range $value := . }}
{{- if or (kindIs "map" $value) (kindIs "slice" $value) }}
{{- include "ssowatch.secretKeys" $value }}
{{- else if and (kindIs "string" $value) (hasPrefix "/run/secrets/ssowatch/" (toString $value)) }}
{{- trimPrefix "/run/secrets/ssowatch/" $value }}{{ "\n" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ssowatch.pod" -}}
metadata:
  labels:
    {{- include "ssowatch.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Another configuration is another pod.
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "ssowatch.fullname" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: ssowatch
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: ["--log-format", "json", "run", "--config", "/etc/ssowatch/ssowatch.yaml"]
      env:
        - name: RUST_LOG
          value: {{ .Values.logLevel | quote }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: admin
          containerPort: {{ include "ssowatch.port" .Values.config.http.admin }}
        - name: intake
          containerPort: {{ include "ssowatch.port" .Values.config.http.intake }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
      # A start reads the journal: ready when that is done, alive all the time.
      startupProbe:
        {{- include "ssowatch.probe" (dict "admin" .Values.config.http.admin "path" "/-/healthy") | nindent 8 }}
        periodSeconds: 2
        failureThreshold: 30
      livenessProbe:
        {{- include "ssowatch.probe" (dict "admin" .Values.config.http.admin "path" "/-/healthy") | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        {{- include "ssowatch.probe" (dict "admin" .Values.config.http.admin "path" "/-/ready") | nindent 8 }}
        periodSeconds: 5
        timeoutSeconds: 5
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - { name: config, mountPath: /etc/ssowatch, readOnly: true }
        - { name: secrets, mountPath: /run/secrets/ssowatch, readOnly: true }
        - { name: data, mountPath: {{ .Values.config.data_dir }} }
  volumes:
    - name: config
      configMap:
        name: {{ include "ssowatch.fullname" . }}
    - name: secrets
      secret:
        secretName: {{ required "set existingSecret to the secret that holds the tokens; NOTES.txt says how to make one" .Values.existingSecret }}
        defaultMode: 0440
    {{- if include "ssowatch.nats" . }}
    - name: data
      emptyDir:
        sizeLimit: {{ .Values.persistence.size }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if include "ssowatch.nats" . }}
  topologySpreadConstraints:
    # A node that is gone shall take one pod along; on a cluster of fewer nodes than pods they share.
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "ssowatch.selectorLabels" . | nindent 10 }}
  {{- end }}
{{- end }}

{{/* The port that a listener of the configuration has. */}}
{{- define "ssowatch.port" -}}
{{- regexFind "[0-9]+$" .listen -}}
{{- end -}}

{{/* What a probe asks. Where callers need a certificate, the kubelet has none, and only sees whether somebody listens. */}}
{{- define "ssowatch.probe" -}}
{{- $tls := .admin.tls | default dict -}}
{{- if $tls.client_ca_file -}}
tcpSocket: { port: admin }
{{- else -}}
httpGet: { path: {{ .path }}, port: admin{{ if $tls }}, scheme: HTTPS{{ end }} }
{{- end -}}
{{- end -}}
