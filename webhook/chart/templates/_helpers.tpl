{{- define "elfgate.labels" -}}
app.kubernetes.io/name: elfgate
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "elfgate.selector" -}}
app.kubernetes.io/name: elfgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "elfgate.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "elfgate.certificateSecret" -}}
{{- if eq .Values.certificates.mode "existing" -}}
{{ .Values.certificates.existingSecret }}
{{- else -}}
{{ .Release.Name }}-certificate
{{- end -}}
{{- end }}

{{/* Nothing of a container can gain rights, or write anywhere but into its own empty directories. */}}
{{- define "elfgate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "elfgate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "elfgate.directories" -}}
- { name: XDG_CACHE_HOME, value: /var/cache/elfgate }
- { name: TMPDIR, value: /tmp }
{{- end }}

{{- define "elfgate.directoryMounts" -}}
- { name: config, mountPath: /etc/elfgate, readOnly: true }
- { name: cache, mountPath: /var/cache/elfgate }
- { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "elfgate.directoryVolumes" -}}
- name: config
  configMap: { name: {{ .Release.Name }} }
- name: cache
  emptyDir: { sizeLimit: 4Gi }
- name: tmp
  emptyDir: { sizeLimit: 16Gi }
{{- end }}

{{/* The API server does not ask about these: a cluster has to be able to start without this webhook. */}}
{{- define "elfgate.namespaceSelector" -}}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ concat (list "kube-system" "kube-public" "kube-node-lease" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq | toJson }}
{{- end }}

{{- define "elfgate.webhookRules" -}}
- apiGroups: ['']
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers]
  scope: Namespaced
- apiGroups: [apps]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [deployments, replicasets, daemonsets, statefulsets]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [jobs, cronjobs]
  scope: Namespaced
{{- with .Values.webhook.extraRules }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "elfgate.clientConfig" -}}
service:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
  port: 443
  path: {{ .path }}
{{- if eq .Values.certificates.mode "existing" }}
caBundle: {{ .Values.certificates.caBundle }}
{{- end }}
{{- end }}
