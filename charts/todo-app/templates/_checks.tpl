{{/* Values that name something which does not exist. Schemas cannot say this: the manifests know the names. */}}

{{- define "todo-app.checks" -}}
{{- $services := include "todo-app.services" . | fromJson -}}
{{- $names := keys $services | sortAlpha -}}
{{- range $name, $_ := .Values.functions -}}
{{- if not (has $name $names) -}}
{{- fail (printf "functions.%s names no function; there are: %s" $name (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- $public := (include "todo-app.public" . | fromJson).names | sortAlpha -}}
{{- range $name, $host := .Values.hosts -}}
{{- if not (has $name $public) -}}
{{- fail (printf "hosts.%s names no function that people can reach; there are: %s" $name (join ", " $public)) -}}
{{- end -}}
{{- end -}}
{{- if .Values.domains.enabled -}}
{{- range $name := $public -}}
{{- if not (get $.Values.hosts $name) -}}
{{- fail (printf "hosts.%s is missing: set it to the public host name of %s, e.g. --set hosts.%s=%s.your.domain, or set domains.enabled=false" $name $name $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $hosts := list -}}
{{- range $name, $host := .Values.hosts -}}
{{- if has $host $hosts -}}
{{- fail (printf "hosts.%s is %s, which another function has already: every function needs a host of its own" $name $host) -}}
{{- end -}}
{{- $hosts = append $hosts $host -}}
{{- end -}}
{{- include "todo-app.checks.kafka" . -}}
{{- end -}}

{{- define "todo-app.checks.kafka" -}}
{{- $kafka := .Values.kafka -}}
{{- if and (eq $kafka.topics.manage "strimzi") (not $kafka.strimzi.enabled) -}}
{{- fail "kafka.topics.manage is strimzi but kafka.strimzi.enabled is false: set kafka.topics.manage=job, or none if somebody else declares the topics" -}}
{{- end -}}
{{- if and (eq $kafka.topics.manage "job") $kafka.strimzi.enabled -}}
{{- fail "kafka.topics.manage is job but the Kafka is installed by this very release, after the job: set kafka.topics.manage=strimzi" -}}
{{- end -}}
{{- if and $kafka.strimzi.enabled (gt (int $kafka.replicationFactor) (int $kafka.strimzi.replicas)) -}}
{{- fail (printf "kafka.replicationFactor is %d but kafka.strimzi.replicas is %d: a copy needs a broker of its own" (int $kafka.replicationFactor) (int $kafka.strimzi.replicas)) -}}
{{- end -}}
{{- if gt (int $kafka.minInsyncReplicas) (int $kafka.replicationFactor) -}}
{{- fail (printf "kafka.minInsyncReplicas is %d but kafka.replicationFactor is %d: nothing could be written" (int $kafka.minInsyncReplicas) (int $kafka.replicationFactor)) -}}
{{- end -}}
{{- if and $kafka.strimzi.enabled (ne $kafka.auth.protocol "PLAINTEXT") (ne $kafka.auth.mechanism "SCRAM-SHA-512") -}}
{{- fail "kafka.auth.mechanism must be SCRAM-SHA-512 with kafka.strimzi.enabled: Strimzi has no other password mechanism" -}}
{{- end -}}
{{- if and $kafka.strimzi.enabled (eq $kafka.auth.protocol "SASL_SSL") (not $kafka.auth.privateCa) -}}
{{- fail "kafka.auth.privateCa must be true with SASL_SSL and kafka.strimzi.enabled: Strimzi's certificates come from an authority of its own" -}}
{{- end -}}
{{- end -}}
