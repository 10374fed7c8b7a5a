{{/* A KafkaTopic with the values over it, as JSON. */}}
{{- define "todo-app.topic" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $spec := .object.spec -}}
{{- $hours := ternary $kafka.topics.deadLetterRetentionHours $kafka.topics.retentionHours (hasSuffix "-dlq" .object.metadata.name) -}}
{{- $config := mergeOverwrite (dict) ($spec.config | default dict) (dict "min.insync.replicas" (int $kafka.minInsyncReplicas)) -}}
{{- if $hours -}}{{- $_ := set $config "retention.ms" (mul (int64 $hours) 3600000) -}}{{- end -}}
{{- $_ := set $spec "partitions" (int $kafka.partitions) -}}
{{- $_ := set $spec "replicas" (int $kafka.replicationFactor) -}}
{{- $_ := set $spec "config" $config -}}
{{- include "todo-app.own" (dict "root" .root "object" .object) -}}
{{- $_ := set .object.metadata.labels "strimzi.io/cluster" "taskflow-kafka" -}}
{{- toJson .object -}}
{{- end -}}

{{/* The names of the topics, as JSON {events: [...], deadLetters: [...]}. */}}
{{- define "todo-app.topics" -}}
{{- $events := list -}}
{{- $dead := list -}}
{{- range (include "todo-app.eventing" (dict "root" . "kind" "KafkaTopic") | fromJson).items -}}
{{- if hasSuffix "-dlq" .metadata.name -}}{{- $dead = append $dead .metadata.name -}}
{{- else -}}{{- $events = append $events .metadata.name -}}{{- end -}}
{{- end -}}
{{- toJson (dict "events" $events "deadLetters" $dead) -}}
{{- end -}}
