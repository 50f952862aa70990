{{/* What the pods of all components have in common. Each takes a dict of root, component and values (of the component). */}}

{{/*
The settings. They stand in the pod and not in a ConfigMap: a change of one then rolls the pods, and the migration has
them before the release's own objects are there.
*/}}
{{- define "tokentide.env" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $clickhouse := .root.Values.clickhouse -}}
{{- $secret := get .root.Values.secrets .component -}}
{{- $own := dict
    "TOKENTIDE_KAFKA" $kafka.bootstrapServers
    "TOKENTIDE_KAFKA_SECURITY_PROTOCOL" $kafka.securityProtocol
    "TOKENTIDE_DATABASE" $clickhouse.database
    "TOKENTIDE_CLUSTER" $clickhouse.cluster -}}
{{- if hasPrefix "SASL" $kafka.securityProtocol -}}
{{- $_ := set $own "TOKENTIDE_KAFKA_SASL_MECHANISM" $kafka.saslMechanism -}}
{{- end -}}
{{- if include "tokentide.hasCa" $kafka.tlsCa -}}
{{- $_ := set $own "TOKENTIDE_KAFKA_TLS_CA" (printf "/etc/tokentide/kafka-ca/%s" $kafka.tlsCa.key) -}}
{{- end -}}
{{- if include "tokentide.hasCa" $clickhouse.tlsCa -}}
{{- $_ := set $own "TOKENTIDE_CLICKHOUSE_TLS_CA" (printf "/etc/tokentide/clickhouse-ca/%s" $clickhouse.tlsCa.key) -}}
{{- end -}}
{{- if eq .component "worker" -}}
{{- $_ := set $own "TOKENTIDE_METRICS_HOST" "0.0.0.0" -}}
{{- $_ := set $own "TOKENTIDE_METRICS_PORT" "8421" -}}
{{- else if eq .component "api" -}}
{{- $_ := set $own "TOKENTIDE_API_HOST" "0.0.0.0" -}}
{{- $_ := set $own "TOKENTIDE_API_PORT" "8420" -}}
{{- end -}}
{{ include "tokentide.secretEnv" (list "TOKENTIDE_CLICKHOUSE" $secret "clickhouse-dsn") }}
{{- range $name, $value := mustMergeOverwrite (dict) .root.Values.settings .values.settings $own }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- if eq .component "worker" }}
- name: TOKENTIDE_GROUP_INSTANCE_ID # a pod that comes back takes its partitions over at once
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- end }}
{{- if hasPrefix "SASL" $kafka.securityProtocol }}
{{ include "tokentide.secretEnv" (list "TOKENTIDE_KAFKA_SASL_USERNAME" $secret "kafka-username") }}
{{ include "tokentide.secretEnv" (list "TOKENTIDE_KAFKA_SASL_PASSWORD" $secret "kafka-password") }}
{{- end }}
{{- if eq .component "api" }}
{{- if .root.Values.secrets.jwt }}
{{ include "tokentide.secretEnv" (list "TOKENTIDE_JWT_SECRET" $secret "jwt-secret") }}
{{- end }}
{{- if .root.Values.secrets.rateLimits }}
{{ include "tokentide.secretEnv" (list "TOKENTIDE_RATE_LIMITS" $secret "rate-limits") }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "tokentide.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom: { secretKeyRef: { name: {{ index . 1 | quote }}, key: {{ index . 2 }} } }
{{- end -}}

{{- define "tokentide.hasCa" -}}
{{- if or .secret .configMap -}}yes{{- end -}}
{{- end -}}

{{/* Read-only but for /tmp, which large requests and TLS may want. */}}
{{- define "tokentide.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if include "tokentide.hasCa" .root.Values.kafka.tlsCa }}
- { name: kafka-ca, mountPath: /etc/tokentide/kafka-ca, readOnly: true }
{{- end }}
{{- if include "tokentide.hasCa" .root.Values.clickhouse.tlsCa }}
- { name: clickhouse-ca, mountPath: /etc/tokentide/clickhouse-ca, readOnly: true }
{{- end }}
{{- end -}}

{{- define "tokentide.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
{{- range $name, $ca := dict "kafka-ca" .root.Values.kafka.tlsCa "clickhouse-ca" .root.Values.clickhouse.tlsCa }}
{{- if $ca.secret }}
- name: {{ $name }}
  secret: { secretName: {{ $ca.secret | quote }}, items: [{ key: {{ $ca.key | quote }}, path: {{ $ca.key | quote }} }] }
{{- else if $ca.configMap }}
- name: {{ $name }}
  configMap: { name: {{ $ca.configMap | quote }}, items: [{ key: {{ $ca.key | quote }}, path: {{ $ca.key | quote }} }] }
{{- end }}
{{- end }}
{{- end -}}

{{- define "tokentide.podMetadata" -}}
metadata:
  labels: {{- include "tokentide.labels" . | nindent 4 }}
  {{- with .values.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "tokentide.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false # else Kubernetes adds variables of its own, among them some that begin with TOKENTIDE_
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
volumes: {{- include "tokentide.volumes" . | nindent 2 }}
{{- end -}}

{{- define "tokentide.spread" -}}
topologySpreadConstraints: # a node that goes away takes one of them
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "tokentide.selector" . | nindent 8 }}
{{- end -}}

{{- define "tokentide.container" -}}
image: {{ include "tokentide.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext: {{- toYaml .root.Values.securityContext | nindent 2 }}
env: {{- include "tokentide.env" . | nindent 2 }}
resources: {{- toYaml .values.resources | nindent 2 }}
volumeMounts: {{- include "tokentide.mounts" . | nindent 2 }}
{{- end -}}

{{/* Alive is asked of the process alone, and ready of what it needs too: a ClickHouse that is away restarts nothing. */}}
{{- define "tokentide.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ .port }} }
  timeoutSeconds: 5
  {{- toYaml .values.startup | nindent 2 }}
livenessProbe:
  httpGet: { path: /healthz, port: {{ .port }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ .port }} }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}
