{{/* What schemas cannot say: values that only the owner of an installation knows, names that the manifests know,
values that exclude one another. All problems at once, each naming the value and the fix. */}}

{{- define "todo-app.checks" -}}
{{- $problems := concat (include "todo-app.checks.missing" . | fromYamlArray) (include "todo-app.checks.names" . | fromYamlArray) (include "todo-app.checks.kafka" . | fromYamlArray) (include "todo-app.checks.tls" . | fromYamlArray) -}}
{{- if $problems -}}
{{- fail (join "; " $problems) -}}
{{- end -}}
{{- end -}}

{{/* One problem of a list in YAML. */}}
{{- define "todo-app.problem" }}
- {{ toJson . }}
{{- end -}}

{{- define "todo-app.checks.missing" -}}
{{- $image := .Values.image -}}
{{- if not $image.repository -}}
{{- include "todo-app.problem" "image.repository is missing: set it to where the image was pushed, without a tag, e.g. --set image.repository=ghcr.io/your-name/taskflow" -}}
{{- end -}}
{{- if not $image.digest -}}
{{- include "todo-app.problem" "image.digest is missing: set it to the digest of the pushed image, e.g. --set image.digest=sha256:…; tags are not accepted" -}}
{{- else if regexMatch "^sha256:0+$" $image.digest -}}
{{- include "todo-app.problem" "image.digest is the placeholder of the manifests: set it to the digest of the pushed image" -}}
{{- end -}}
{{- if not .Values.auth.issuer -}}
{{- include "todo-app.problem" "auth.issuer is missing: set it to the `iss` of the tokens to accept, e.g. https://your.domain" -}}
{{- end -}}
{{- if not .Values.auth.audience -}}
{{- include "todo-app.problem" "auth.audience is missing: set it to the `aud` of the tokens to accept, e.g. https://api.your.domain" -}}
{{- end -}}
{{- if not .Values.auth.jwksUrl -}}
{{- include "todo-app.problem" "auth.jwksUrl is missing: set it to where the issuer publishes its keys, e.g. https://your.domain/api/auth/jwks" -}}
{{- end -}}
{{- if not .Values.cors.allowedOrigins -}}
{{- include "todo-app.problem" "cors.allowedOrigins is missing: set it to the origins whose pages may call the API, e.g. [https://your.domain]" -}}
{{- end -}}
{{- if and (eq .Values.secrets.mode "external") (not .Values.secrets.external.storeName) -}}
{{- include "todo-app.problem" "secrets.external.storeName is missing: set it to the ClusterSecretStore or SecretStore that holds the secrets, or set secrets.mode=existing" -}}
{{- end -}}
{{- end -}}

{{- define "todo-app.checks.names" -}}
{{- $names := keys (include "todo-app.services" . | fromJson) | sortAlpha -}}
{{- range $name, $_ := .Values.functions -}}
{{- if not (has $name $names) -}}
{{- include "todo-app.problem" (printf "functions.%s names no function; there are: %s" $name (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- $public := (include "todo-app.public" . | fromJson).names | sortAlpha -}}
{{- $hosts := list -}}
{{- range $name, $host := .Values.hosts -}}
{{- if not (has $name $public) -}}
{{- include "todo-app.problem" (printf "hosts.%s names no function that people can reach; there are: %s" $name (join ", " $public)) -}}
{{- end -}}
{{- if has $host $hosts -}}
{{- include "todo-app.problem" (printf "hosts.%s is %s, which another function has already: every function needs a host of its own" $name $host) -}}
{{- end -}}
{{- $hosts = append $hosts $host -}}
{{- end -}}
{{- range $name := $public -}}
{{- if and $.Values.domains.enabled (not (get $.Values.hosts $name)) -}}
{{- include "todo-app.problem" (printf "hosts.%s is missing: set it to the public host name of %s, e.g. --set hosts.%s=%s.your.domain, or set domains.enabled=false" $name $name $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "todo-app.checks.kafka" -}}
{{- $kafka := .Values.kafka -}}
{{- $own := $kafka.strimzi.enabled -}}
{{- if and $own $kafka.bootstrapServers -}}
{{- include "todo-app.problem" "kafka.bootstrapServers and kafka.strimzi.enabled exclude each other: a Kafka of our own has its address already, so remove one of them" -}}
{{- end -}}
{{- if not (or $own $kafka.bootstrapServers) -}}
{{- include "todo-app.problem" "kafka.bootstrapServers is missing: set it to host:port of your Kafka, or set kafka.strimzi.enabled=true to run one here" -}}
{{- end -}}
{{- if and (eq $kafka.topics.manage "strimzi") (not $own) -}}
{{- include "todo-app.problem" "kafka.topics.manage is strimzi but kafka.strimzi.enabled is false: set kafka.topics.manage=job, or none if somebody else declares the topics" -}}
{{- end -}}
{{- if and (eq $kafka.topics.manage "job") $own -}}
{{- include "todo-app.problem" "kafka.topics.manage is job but the Kafka is installed by this very release, after the job: set kafka.topics.manage=strimzi" -}}
{{- end -}}
{{- if and $own (gt (int $kafka.replicationFactor) (int $kafka.strimzi.replicas)) -}}
{{- include "todo-app.problem" (printf "kafka.replicationFactor is %d but kafka.strimzi.replicas is %d: a copy needs a broker of its own" (int $kafka.replicationFactor) (int $kafka.strimzi.replicas)) -}}
{{- end -}}
{{- if gt (int $kafka.minInsyncReplicas) (int $kafka.replicationFactor) -}}
{{- include "todo-app.problem" (printf "kafka.minInsyncReplicas is %d but kafka.replicationFactor is %d: nothing could be written" (int $kafka.minInsyncReplicas) (int $kafka.replicationFactor)) -}}
{{- end -}}
{{- if and $own (ne $kafka.auth.protocol "PLAINTEXT") (ne $kafka.auth.mechanism "SCRAM-SHA-512") -}}
{{- include "todo-app.problem" "kafka.auth.mechanism must be SCRAM-SHA-512 with kafka.strimzi.enabled: Strimzi has no other password mechanism" -}}
{{- end -}}
{{- if and $own (eq $kafka.auth.protocol "SASL_SSL") (not $kafka.auth.privateCa) -}}
{{- include "todo-app.problem" "kafka.auth.privateCa must be true with SASL_SSL and kafka.strimzi.enabled: Strimzi's certificates come from an authority of its own" -}}
{{- end -}}
{{- end -}}

{{- define "todo-app.checks.tls" -}}
{{- $tls := .Values.domains.tls -}}
{{- $external := .Values.secrets.external -}}
{{- if and .Values.domains.enabled $tls.issuer.create -}}
{{- if ne $tls.mode "certificate" -}}
{{- include "todo-app.problem" "domains.tls.issuer.create is for domains.tls.mode=certificate: with another mode the issuer belongs to the installation of Knative" -}}
{{- end -}}
{{- if not $tls.issuer.solvers -}}
{{- include "todo-app.problem" "domains.tls.issuer.solvers is missing: set at least one DNS-01 solver, or name an issuer that is there and set domains.tls.issuer.create=false" -}}
{{- end -}}
{{- if not $tls.issuer.email -}}
{{- include "todo-app.problem" "domains.tls.issuer.email is missing: set it to the e-mail address of the ACME account" -}}
{{- end -}}
{{- end -}}
{{- if and $external.provider (ne $external.storeKind "SecretStore") -}}
{{- include "todo-app.problem" "secrets.external.provider makes a SecretStore of this namespace: set secrets.external.storeKind=SecretStore, or remove the provider" -}}
{{- end -}}
{{- if and (ne .Values.secrets.mode "existing") (hasKey (include "todo-app.secrets" . | fromJson) .Values.migrations.secret) -}}
{{- include "todo-app.problem" (printf "migrations.secret is %s, which the functions read too: with secrets.mode=%s it needs a name of its own, since it is made before the release" .Values.migrations.secret .Values.secrets.mode) -}}
{{- end -}}
{{- end -}}
