{{/* The manifests that the chart carries: byte-identical copies of knative/ and eventing/ of the project. */}}

{{/* One file as JSON. */}}
{{- define "todo-app.read" -}}
{{- $object := .root.Files.Get .path | fromYaml -}}
{{- if or (not $object) (hasKey $object "Error") -}}
{{- fail (printf "%s cannot be read as YAML: run scripts/manifests in the project" .path) -}}
{{- end -}}
{{- toJson $object -}}
{{- end -}}

{{/* The Knative Services by name, as JSON. */}}
{{- define "todo-app.services" -}}
{{- $root := . -}}
{{- $found := dict -}}
{{- range $path, $_ := .Files.Glob "files/knative/*.yaml" -}}
{{- $service := include "todo-app.read" (dict "root" $root "path" $path) | fromJson -}}
{{- $_ := set $found $service.metadata.name $service -}}
{{- end -}}
{{- if not $found -}}
{{- fail "the chart carries no manifests: run scripts/manifests in the project" -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* The objects of eventing/ of one kind, as JSON {items: [...]}. */}}
{{- define "todo-app.eventing" -}}
{{- $root := .root -}}
{{- $kind := .kind -}}
{{- $found := list -}}
{{- range $path, $_ := .root.Files.Glob "files/eventing/*.yaml" -}}
{{- $object := include "todo-app.read" (dict "root" $root "path" $path) | fromJson -}}
{{- if eq $object.kind $kind -}}
{{- $found = append $found $object -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "items" $found) -}}
{{- end -}}

{{/* The names of the functions that people reach, as JSON {names: [...]}. */}}
{{- define "todo-app.public" -}}
{{- $names := list -}}
{{- range $name, $service := include "todo-app.services" . | fromJson -}}
{{- if ne (get ($service.metadata.labels | default dict) "networking.knative.dev/visibility") "cluster-local" -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "names" $names) -}}
{{- end -}}

{{- define "todo-app.labels" -}}
app.kubernetes.io/part-of: taskflow
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Changes `object` (a dict): its namespace and our labels. */}}
{{- define "todo-app.own" -}}
{{- $metadata := .object.metadata -}}
{{- $_ := set $metadata "namespace" .root.Release.Namespace -}}
{{- $_ := set $metadata "labels" (mergeOverwrite (dict) ($metadata.labels | default dict) (include "todo-app.labels" .root | fromYaml)) -}}
{{- end -}}
