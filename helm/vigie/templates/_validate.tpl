{{/*
Arguments with the operator, in sentences. The schema refuses what has the wrong name or shape; this refuses what is
well formed and still cannot work. All complaints come at once, so that one attempt is enough to learn them.
*/}}

{{- define "vigie.complaints.required" -}}
{{- if not .Values.image.repository }}
- image.repository is empty. No public image exists: build one from the Containerfile, push it to your registry and name it here.
{{- end }}
{{- if eq .Values.image.tag "latest" }}
- image.tag is "latest", which names a different image tomorrow. Give a version, or image.digest.
{{- end }}
{{- if not .Values.config.publicUrl }}
- config.publicUrl is empty. Agents sign the address they call: write the one they will use, such as https://vigie.example.
{{- end }}
{{- if not .Values.database.existingSecret }}
- database.existingSecret is empty. Create a Secret with the PostgreSQL URLs (keys {{ .Values.database.keys.migration }}, {{ .Values.database.keys.app }}, {{ .Values.database.keys.worker }}, {{ .Values.database.keys.intake }}, {{ .Values.database.keys.signin }}) and name it here; the chart never carries a password.
{{- end }}
{{- if not .Values.tokenKey.existingSecret }}
- tokenKey.existingSecret is empty. Create a Secret with the RSA key that signs partners' tokens (key {{ .Values.tokenKey.key }}) and name it here.
{{- end }}
{{- end -}}

{{- define "vigie.complaints.settings" -}}
{{- with .Values.mail }}
{{- if and .host (not .sender) }}
- mail.sender is empty. Say from whom notifications come, such as "Vigie <alerts@example.org>": an address that {{ .host }} may send for.
{{- end }}
{{- end }}
{{- range $url := concat (list .Values.config.publicUrl) .Values.config.agentUrls }}
{{- if and $url (not (regexMatch "^https://[^/]+$" $url)) }}
- {{ $url | quote }} is not of the form https://host. Reports travel over TLS only, and the path belongs to the API.
{{- end }}
{{- end }}
{{- $managed := list "VIGIE_DATABASE_URL" "VIGIE_APP_DATABASE_URL" "VIGIE_WORKER_DATABASE_URL" "VIGIE_INTAKE_DATABASE_URL" "VIGIE_SIGNIN_DATABASE_URL" "VIGIE_TOKEN_KEY_FILE" "VIGIE_TOKEN_KEY_PREVIOUS_FILES" "VIGIE_SEALING_KEY_FILE" "VIGIE_IDENTITY_PROVIDERS_FILE" "VIGIE_PUBLIC_URL" "VIGIE_AGENT_URLS" "VIGIE_TRUSTED_PROXIES" "VIGIE_LOG_LEVEL" "VIGIE_DATABASE_FORM" "VIGIE_TOKEN_LIFETIME_S" "VIGIE_INTAKE_BATCH" "VIGIE_INTAKE_QUEUE" "VIGIE_INTAKE_CONNECTIONS" "VIGIE_POOL_SIZE" "VIGIE_SMTP_HOST" "VIGIE_SMTP_PORT" "VIGIE_SMTP_TLS" "VIGIE_SMTP_SENDER" "VIGIE_SMTP_USER" "VIGIE_SMTP_PASSWORD" }}
{{- range $name, $value := .Values.config.extra }}
{{- if has $name $managed }}
- config.extra.{{ $name }} would contradict a value that the chart sets itself. Use that value instead.
{{- else if or (regexMatch "://[^/]*:[^/]*@" $value) (and (regexMatch "SECRET|PASSWORD|TOKEN|_KEY" $name) (not (regexMatch "_(FILE|S)$|^VIGIE_LIMIT_" $name))) }}
- config.extra.{{ $name }} looks like a secret, and config lands in a ConfigMap that many may read. Put it in a Secret and list it under secretEnv.
{{- end }}
{{- end }}
{{- range .Values.secretEnv }}
{{- if has .name $managed }}
- secretEnv sets {{ .name }}, which the chart sets itself from database, tokenKey, signIn or config. Use those values instead.
{{- end }}
{{- end }}
{{- with .Values.database.tls }}
{{- if and (hasPrefix "verify" .mode) (not .caSecret) }}
- database.tls.mode is {{ .mode }} but database.tls.caSecret is empty, so there is nothing to verify the server against.
{{- end }}
{{- if and .caSecret (not (hasPrefix "verify" .mode)) }}
- database.tls.caSecret is given but database.tls.mode is {{ .mode | quote }}, which does not verify. Set it to verify-full.
{{- end }}
{{- end }}
{{- end -}}

{{- define "vigie.complaints.cluster" -}}
{{- with .Values.api.autoscaling }}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) }}
- api.autoscaling.minReplicas ({{ .minReplicas }}) is above maxReplicas ({{ .maxReplicas }}).
{{- end }}
{{- end }}
{{- with .Values.ingress }}
{{- if and .enabled (not .tls.existingSecret) (not .tls.terminatedElsewhere) }}
- ingress is enabled without TLS. Give ingress.tls.existingSecret, or say ingress.tls.terminatedElsewhere: true if something in front speaks TLS.
{{- end }}
{{- if and .tls.existingSecret .tls.terminatedElsewhere }}
- ingress.tls.existingSecret and ingress.tls.terminatedElsewhere exclude each other: TLS ends in one place.
{{- end }}
{{- end }}
{{- with .Values.networkPolicy }}
{{- if and .enabled (not .apiFrom) }}
- networkPolicy is enabled but networkPolicy.apiFrom is empty, and to Kubernetes an empty list means everybody. Name the ingress controller.
{{- end }}
{{- if and .enabled (not .databaseTo) }}
- networkPolicy is enabled but networkPolicy.databaseTo is empty, and to Kubernetes an empty list means everywhere. Name your PostgreSQL.
{{- end }}
{{- end }}
{{- if and .Values.networkPolicy.enabled .Values.monitoring.serviceMonitor.enabled (not .Values.networkPolicy.metricsFrom) }}
- monitoring.serviceMonitor is enabled but networkPolicy.metricsFrom is empty: Prometheus would be refused. Name it.
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
- serviceAccount.create is false and serviceAccount.name is empty. Name the account that the pods shall use.
{{- end }}
{{- if and .Values.serviceAccount.create .Values.serviceAccount.name }}
- serviceAccount.name is for an account that exists; with serviceAccount.create the chart chooses the name. Drop one of the two.
{{- end }}
{{- end -}}

{{- define "vigie.validate" -}}
{{- $complaints := printf "%s\n%s\n%s" (include "vigie.complaints.required" .) (include "vigie.complaints.settings" .) (include "vigie.complaints.cluster" .) -}}
{{- if trim $complaints -}}
{{- fail (printf "\n\nThese values cannot work:\n%s\n" (regexReplaceAll "\n+" (trim $complaints) "\n")) -}}
{{- end -}}
{{- end -}}
