{{/* What the Pod Security level `restricted` asks of a container; numeric, since kubelet cannot look up names. */}}
{{- define "todo-app.restricted" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "todo-app.image" -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- end -}}

{{/* The container of a job that runs our image: {root, name, command, env, resources}. */}}
{{- define "todo-app.job.container" -}}
- name: {{ .name }}
  image: {{ include "todo-app.image" .root }}
  command: {{ toJson .command }}
  {{- with .env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml .root.Values.jobResources | nindent 4 }}
  securityContext:
    readOnlyRootFilesystem: true
    {{- include "todo-app.restricted" .root | nindent 4 }}
{{- end -}}

{{/* Of the hook objects that exist before the release does: {root, weight}. */}}
{{- define "todo-app.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: {{ .delete | default "before-hook-creation" }}
{{- end -}}
