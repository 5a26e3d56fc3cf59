{{/* Names, labels and the few expressions that several templates share. */}}

{{- define "vigie.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 44 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects: never changes between versions. Call with (list $ "api"). */}}
{{- define "vigie.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "vigie.labels" -}}
{{- $root := index . 0 -}}
{{ include "vigie.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "vigie.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "vigie.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}{{ include "vigie.fullname" . }}{{- else -}}{{ .Values.serviceAccount.name }}{{- end -}}
{{- end -}}

{{/* "https://host:port" → "host" */}}
{{- define "vigie.host" -}}
{{- regexReplaceAll "^https://([^/:]+).*$" . "${1}" -}}
{{- end -}}

{{/* The settings that are no secret, as one YAML map. The ConfigMap, its checksum and the migration job share it. */}}
{{- define "vigie.config" -}}
{{- $config := .Values.config -}}
VIGIE_PUBLIC_URL: {{ $config.publicUrl | quote }}
VIGIE_AGENT_URLS: {{ $config.agentUrls | toJson | quote }}
VIGIE_TRUSTED_PROXIES: {{ $config.trustedProxies | toJson | quote }}
VIGIE_LOG_LEVEL: {{ $config.logLevel | quote }}
VIGIE_DATABASE_FORM: {{ $config.databaseForm | quote }}
VIGIE_TOKEN_LIFETIME_S: {{ $config.tokenLifetimeSeconds | int | quote }}
VIGIE_INTAKE_BATCH: {{ $config.intakeBatch | int | quote }}
VIGIE_INTAKE_QUEUE: {{ $config.intakeQueue | int | quote }}
VIGIE_INTAKE_CONNECTIONS: {{ $config.intakeConnections | int | quote }}
VIGIE_POOL_SIZE: {{ $config.poolSize | int | quote }}
{{- with .Values.database.tls }}
{{- if .mode }}
PGSSLMODE: {{ .mode | quote }}
{{- end }}
{{- if .caSecret }}
PGSSLROOTCERT: /etc/vigie/database/ca.crt
{{- end }}
{{- end }}
{{- with .Values.mail }}
{{- if .host }}
VIGIE_SMTP_HOST: {{ .host | quote }}
VIGIE_SMTP_PORT: {{ .port | int | quote }}
VIGIE_SMTP_TLS: {{ .tls | quote }}
VIGIE_SMTP_SENDER: {{ .sender | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := $config.extra }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Peers of a network policy from our short form. Call with the list. */}}
{{- define "vigie.peers" -}}
{{- range . }}
{{- if .cidr }}
- ipBlock:
    cidr: {{ .cidr | quote }}
{{- else }}
- namespaceSelector:
    matchLabels: {{- toYaml (.namespaceLabels | default dict) | nindent 6 }}
  {{- with .podLabels }}
  podSelector:
    matchLabels: {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
