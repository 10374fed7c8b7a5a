{{/* What only the owner of an installation knows. Each fails with a sentence that names the value and the fix. */}}

{{- define "todo-app.image" -}}
{{- $repository := required "image.repository is missing: set it to where the image was pushed, without a tag, e.g. --set image.repository=ghcr.io/your-name/taskflow" .Values.image.repository -}}
{{- $digest := required "image.digest is missing: set it to the digest of the pushed image, e.g. --set image.digest=sha256:…; tags are not accepted" .Values.image.digest -}}
{{- if regexMatch "^sha256:0+$" $digest -}}
{{- fail "image.digest is the placeholder of the manifests: set it to the digest of the pushed image" -}}
{{- end -}}
{{- printf "%s@%s" $repository $digest -}}
{{- end -}}

{{- define "todo-app.kafka.address" -}}
{{- $kafka := .Values.kafka -}}
{{- if and $kafka.strimzi.enabled $kafka.bootstrapServers -}}
{{- fail "kafka.bootstrapServers and kafka.strimzi.enabled exclude each other: a Kafka of our own has its address already; remove one of them" -}}
{{- end -}}
{{- if $kafka.strimzi.enabled -}}
{{- printf "taskflow-kafka-kafka-bootstrap.%s.svc.%s:9092" .Release.Namespace .Values.clusterDomain -}}
{{- else -}}
{{- required "kafka.bootstrapServers is missing: set it to host:port of your Kafka, or set kafka.strimzi.enabled=true to run one here" $kafka.bootstrapServers -}}
{{- end -}}
{{- end -}}

{{- define "todo-app.issuer" -}}
{{- required "auth.issuer is missing: set it to the `iss` of the tokens to accept, e.g. https://your.domain" .Values.auth.issuer -}}
{{- end -}}

{{- define "todo-app.audience" -}}
{{- required "auth.audience is missing: set it to the `aud` of the tokens to accept, e.g. https://api.your.domain" .Values.auth.audience -}}
{{- end -}}

{{- define "todo-app.jwksUrl" -}}
{{- required "auth.jwksUrl is missing: set it to where the issuer publishes its keys, e.g. https://your.domain/api/auth/jwks" .Values.auth.jwksUrl -}}
{{- end -}}

{{- define "todo-app.origins" -}}
{{- if not .Values.cors.allowedOrigins -}}
{{- fail "cors.allowedOrigins is missing: set it to the origins whose pages may call the API, e.g. [https://your.domain]" -}}
{{- end -}}
{{- join "," .Values.cors.allowedOrigins -}}
{{- end -}}
