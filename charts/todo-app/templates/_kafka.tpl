{{/* How functions and the data planes reach Kafka. */}}

{{- define "todo-app.kafka.address" -}}
{{- if .Values.kafka.strimzi.enabled -}}
{{- printf "taskflow-kafka-kafka-bootstrap.%s.svc.%s:9092" .Release.Namespace .Values.clusterDomain -}}
{{- else -}}
{{- .Values.kafka.bootstrapServers -}}
{{- end -}}
{{- end -}}

{{/* How a process of ours proves who it is: {Values, secret}. */}}
{{- define "todo-app.kafka.env" -}}
- name: KAFKA_SECURITY_PROTOCOL
  value: {{ .Values.kafka.auth.protocol }}
- name: KAFKA_SASL_MECHANISM
  value: {{ .Values.kafka.auth.mechanism }}
- name: KAFKA_USER
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: user}}
- name: KAFKA_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: password}}
{{- if .Values.kafka.auth.privateCa }}
- name: KAFKA_CA
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: ca.crt}}
{{- end }}
{{- end -}}

{{/* `net` of a KafkaSource. */}}
{{- define "todo-app.kafka.net" -}}
sasl:
  enable: true
  type: {secretKeyRef: {name: taskflow-kafka-eventing, key: sasl.mechanism}}
  user: {secretKeyRef: {name: taskflow-kafka-eventing, key: user}}
  password: {secretKeyRef: {name: taskflow-kafka-eventing, key: password}}
{{- if eq .Values.kafka.auth.protocol "SASL_SSL" }}
tls:
  enable: true
  {{- if .Values.kafka.auth.privateCa }}
  caCert: {secretKeyRef: {name: taskflow-kafka-eventing, key: ca.crt}}
  {{- end }}
{{- end }}
{{- end -}}

{{/* An object of eventing/ with the values over it, as JSON. */}}
{{- define "todo-app.wired" -}}
{{- $root := .root -}}
{{- $object := .object -}}
{{- $kafka := $root.Values.kafka -}}
{{- $secured := ne $kafka.auth.protocol "PLAINTEXT" -}}
{{- if eq $object.kind "ConfigMap" -}}
{{- $_ := set $object.data "bootstrap.servers" (include "todo-app.kafka.address" $root) -}}
{{- $_ := set $object.data "default.topic.partitions" ($kafka.partitions | int | toString) -}}
{{- $_ := set $object.data "default.topic.replication.factor" ($kafka.replicationFactor | int | toString) -}}
{{- if $secured -}}{{- $_ := set $object.data "auth.secret.ref.name" "taskflow-kafka-eventing" -}}{{- end -}}
{{- else if eq $object.kind "Broker" -}}
{{- $_ := set $object.spec.config "namespace" $root.Release.Namespace -}}
{{- else if eq $object.kind "KafkaSource" -}}
{{- $_ := set $object.spec "bootstrapServers" (splitList "," (include "todo-app.kafka.address" $root)) -}}
{{- if $secured -}}{{- $_ := set $object.spec "net" (include "todo-app.kafka.net" $root | fromYaml) -}}{{- end -}}
{{- else if eq $object.kind "KafkaSink" -}}
{{- $_ := set $object.spec "bootstrapServers" (splitList "," (include "todo-app.kafka.address" $root)) -}}
{{- $_ := set $object.spec "numPartitions" (int $kafka.partitions) -}}
{{- $_ := set $object.spec "replicationFactor" (int $kafka.replicationFactor) -}}
{{- if $secured -}}{{- $_ := set $object.spec "auth" (dict "secret" (dict "ref" (dict "name" "taskflow-kafka-eventing"))) -}}{{- end -}}
{{- end -}}
{{- include "todo-app.own" (dict "root" $root "object" $object) -}}
{{- toJson $object -}}
{{- end -}}
