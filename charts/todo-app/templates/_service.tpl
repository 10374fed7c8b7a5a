{{/* A function's Knative Service: the manifest with the values over it and a name for its revision. */}}

{{/* Values of environment variables that depend on the installation, for the variables `have`. As JSON. */}}
{{- define "todo-app.variables" -}}
{{- $root := .root -}}
{{- $given := .given -}}
{{- $found := dict "LOG_LEVEL" ($given.logLevel | default $root.Values.logLevel) -}}
{{- if $given.threads -}}{{- $_ := set $found "THREADS" ($given.threads | int | toString) -}}{{- end -}}
{{- if has "KAFKA_BOOTSTRAP_SERVERS" .have -}}{{- $_ := set $found "KAFKA_BOOTSTRAP_SERVERS" (include "todo-app.kafka.address" $root) -}}{{- end -}}
{{- if has "AUTH_ISSUER" .have -}}{{- $_ := set $found "AUTH_ISSUER" $root.Values.auth.issuer -}}{{- end -}}
{{- if has "AUTH_AUDIENCE" .have -}}{{- $_ := set $found "AUTH_AUDIENCE" $root.Values.auth.audience -}}{{- end -}}
{{- if has "AUTH_JWKS_URL" .have -}}{{- $_ := set $found "AUTH_JWKS_URL" $root.Values.auth.jwksUrl -}}{{- end -}}
{{- if has "CORS_ALLOWED_ORIGINS" .have -}}{{- $_ := set $found "CORS_ALLOWED_ORIGINS" (join "," $root.Values.cors.allowedOrigins) -}}{{- end -}}
{{- toJson (mergeOverwrite $found ($given.env | default dict)) -}}
{{- end -}}

{{/* The list `env` of a container, as JSON {env: [...]}. */}}
{{- define "todo-app.env" -}}
{{- $name := .name -}}
{{- $have := list -}}
{{- range .env -}}{{- $have = append $have .name -}}{{- end -}}
{{- $values := include "todo-app.variables" (dict "root" .root "given" .given "have" $have) | fromJson -}}
{{- $env := list -}}
{{- range .env -}}
{{- if hasKey $values .name -}}
{{- if .valueFrom -}}
{{- fail (printf "functions.%s.env.%s is a secret: change the Secret %s instead" $name .name .valueFrom.secretKeyRef.name) -}}
{{- end -}}
{{- $env = append $env (dict "name" .name "value" (get $values .name)) -}}
{{- else -}}
{{- $env = append $env . -}}
{{- end -}}
{{- end -}}
{{- range $variable, $value := $values -}}
{{- if not (has $variable $have) -}}
{{- $env = append $env (dict "name" $variable "value" $value) -}}
{{- end -}}
{{- end -}}
{{- if and (has "KAFKA_BOOTSTRAP_SERVERS" $have) (ne .root.Values.kafka.auth.protocol "PLAINTEXT") -}}
{{- $env = concat $env (include "todo-app.kafka.env" (dict "Values" .root.Values "secret" "taskflow-kafka-functions") | fromYamlArray) -}}
{{- end -}}
{{- range $env -}}
{{- if contains "example.com" (.value | default "") -}}
{{- fail (printf "%s of %s has the placeholder %s: no value of the chart sets it; use functions.%s.env.%s" .name $name .value $name .name) -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "env" $env) -}}
{{- end -}}

{{/* Annotations of the revision that values change, as JSON. */}}
{{- define "todo-app.annotations" -}}
{{- $given := .given -}}
{{- $found := dict "taskflow.io/secrets-generation" (.root.Values.secrets.generation | toString) -}}
{{- if hasKey $given "minScale" -}}{{- $_ := set $found "autoscaling.knative.dev/min-scale" ($given.minScale | int | toString) -}}{{- end -}}
{{- if hasKey $given "maxScale" -}}{{- $_ := set $found "autoscaling.knative.dev/max-scale" ($given.maxScale | int | toString) -}}{{- end -}}
{{- with $given.window -}}{{- $_ := set $found "autoscaling.knative.dev/window" . -}}{{- end -}}
{{- with $given.scaleDownDelay -}}{{- $_ := set $found "autoscaling.knative.dev/scale-down-delay" . -}}{{- end -}}
{{- if and $given.threads (get .annotations "autoscaling.knative.dev/target") -}}
{{- $_ := set $found "autoscaling.knative.dev/target" ($given.threads | int | toString) -}}
{{- end -}}
{{- range $when, $amounts := .root.Values.resources.queueProxy -}}
{{- range $what, $amount := $amounts -}}
{{- $_ := set $found (printf "queue.sidecar.serving.knative.dev/%s-resource-%s" $what (trimSuffix "s" $when)) $amount -}}
{{- end -}}
{{- end -}}
{{- toJson (mergeOverwrite (dict) .annotations $found ($given.annotations | default dict)) -}}
{{- end -}}

{{/* spec.template of a Service without its name, as JSON. */}}
{{- define "todo-app.template" -}}
{{- $root := .root -}}
{{- $given := .given -}}
{{- $template := .service.spec.template -}}
{{- $box := first $template.spec.containers -}}
{{- $_ := set $box "image" (include "todo-app.image" $root) -}}
{{- $_ := set $box "env" (include "todo-app.env" (dict "root" $root "given" $given "name" .name "env" $box.env) | fromJson).env -}}
{{- $resources := mergeOverwrite (dict) $box.resources ($given.resources | default dict) -}}
{{- if and $root.Values.resources.cpuLimit (not (get ($resources.limits | default dict) "cpu")) -}}
{{- $_ := set $resources "limits" (merge (dict "cpu" $root.Values.resources.cpuLimit) ($resources.limits | default dict)) -}}
{{- end -}}
{{- $_ := set $box "resources" $resources -}}
{{- $_ := set $template.spec "containers" (list $box) -}}
{{- $_ := set $template.spec "serviceAccountName" "taskflow-functions" -}}
{{- $_ := set $template.metadata "annotations" (include "todo-app.annotations" (dict "root" $root "given" $given "annotations" ($template.metadata.annotations | default dict)) | fromJson) -}}
{{- toJson $template -}}
{{- end -}}

{{/* The list `traffic`, as JSON {traffic: [...]}; `current` is the revision of these very values. */}}
{{- define "todo-app.traffic" -}}
{{- $name := .name -}}
{{- $revision := .revision -}}
{{- $sum := 0 -}}
{{- $traffic := list -}}
{{- range .traffic -}}
{{- $sum = add $sum (int .percent) -}}
{{- $target := dict "percent" (int .percent) "revisionName" (ternary $revision .revision (eq .revision "current")) "latestRevision" false -}}
{{- with .tag -}}{{- $_ := set $target "tag" . -}}{{- end -}}
{{- if not (hasPrefix (printf "%s-" $name) $target.revisionName) -}}
{{- fail (printf "functions.%s.traffic names revision %s, which is not one of %s: use `current` or a name from `kubectl get revisions`" $name $target.revisionName $name) -}}
{{- end -}}
{{- $traffic = append $traffic $target -}}
{{- end -}}
{{- if ne (int $sum) 100 -}}
{{- fail (printf "functions.%s.traffic adds up to %d percent: it must be 100" $name (int $sum)) -}}
{{- end -}}
{{- toJson (dict "traffic" $traffic) -}}
{{- end -}}

{{/* The whole Service, as JSON. */}}
{{- define "todo-app.service" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $name := $service.metadata.name -}}
{{- $given := get $root.Values.functions $name | default dict -}}
{{- $template := include "todo-app.template" (dict "root" $root "given" $given "name" $name "service" $service) | fromJson -}}
{{- $revision := printf "%s-%s" $name (toJson $template | sha256sum | trunc 8) -}}
{{- $_ := set $template.metadata "name" $revision -}}
{{- $_ := set $service.spec "template" $template -}}
{{- if $given.traffic -}}
{{- $_ := set $service.spec "traffic" (include "todo-app.traffic" (dict "name" $name "revision" $revision "traffic" $given.traffic) | fromJson).traffic -}}
{{- end -}}
{{- include "todo-app.own" (dict "root" $root "object" $service) -}}
{{- toJson $service -}}
{{- end -}}
