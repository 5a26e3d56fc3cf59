{{/* What all pods of the chart have in common: who they run as, what they may write, which secrets they see. */}}

{{- define "vigie.podSecurity" -}}
automountServiceAccountToken: false
# A Service named "vigie" would otherwise inject VIGIE_… variables of its own.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "vigie.container" -}}
image: {{ include "vigie.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Where pods of a kind go. Call with (list $ "api" $values). */}}
{{- define "vigie.placement" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index . 2 -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $root.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels: {{- include "vigie.selector" (list $root $component) | nindent 8 }}
    # Old and new pods of a roll-out are spread apart from each other.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* One variable from an existing secret. Call with (list "NAME" "secret" "key"). */}}
{{- define "vigie.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 | quote }}
      key: {{ index . 2 | quote }}
{{- end -}}

{{- define "vigie.secretEnv" -}}
{{- range .Values.secretEnv }}
{{ include "vigie.secretVariable" (list .name .secret .key) }}
{{- end }}
{{- end -}}

{{/* Volumes and mounts: a small scratch directory and, when given, the database's certificate authority. */}}
{{- define "vigie.volumes" -}}
- name: scratch
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.database.tls }}
{{- if .caSecret }}
- name: database-ca
  secret:
    secretName: {{ .caSecret | quote }}
    defaultMode: 0440
    items:
      - key: {{ .caKey | quote }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- define "vigie.mounts" -}}
- name: scratch
  mountPath: /tmp
{{- if .Values.database.tls.caSecret }}
- name: database-ca
  mountPath: /etc/vigie/database
  readOnly: true
{{- end }}
{{- end -}}
