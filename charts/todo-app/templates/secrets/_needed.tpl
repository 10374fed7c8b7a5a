{{/* Every Secret that this release reads: name → keys, as JSON. What the manifests refer to, and the jobs' own. */}}
{{- define "todo-app.secrets" -}}
{{- $found := dict -}}
{{- range $_, $service := include "todo-app.services" . | fromJson -}}
{{- range (first $service.spec.template.spec.containers).env -}}
{{- if .valueFrom -}}
{{- $ref := .valueFrom.secretKeyRef -}}
{{- $_ := set $found $ref.name (append (get $found $ref.name | default list) $ref.key | uniq | sortAlpha) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $auth := .Values.kafka.auth -}}
{{- if ne $auth.protocol "PLAINTEXT" -}}
{{- $ca := ternary (list "ca.crt") (list) $auth.privateCa -}}
{{- $_ := set $found "taskflow-kafka-functions" (concat (list "user" "password") $ca) -}}
{{- if eq .Values.kafka.topics.manage "job" -}}
{{- $_ := set $found "taskflow-kafka-topics" (concat (list "user" "password") $ca) -}}
{{- end -}}
{{- $_ := set $found "taskflow-kafka-eventing" (concat (list "protocol" "sasl.mechanism" "user" "password") $ca) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The same for what exists before the release. */}}
{{- define "todo-app.secrets.early" -}}
{{- $found := dict -}}
{{- if or .Values.migrations.enabled .Values.backup.enabled -}}
{{- $_ := set $found .Values.migrations.secret (ternary (list "owner" "admin" "roles.json") (list "owner") .Values.migrations.bootstrap) -}}
{{- end -}}
{{- if eq .Values.kafka.topics.manage "job" -}}
{{- range $name, $keys := include "todo-app.secrets" . | fromJson -}}
{{- if eq $name "taskflow-kafka-topics" -}}{{- $_ := set $found $name $keys -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.backup.enabled .Values.backup.upload -}}
{{- $_ := set $found "taskflow-backup" (list "upload-url") -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
