{{/* The parts of the NetworkPolicies. Which function needs what is read from its manifest's environment. */}}

{{- define "todo-app.network.policy" }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "todo-app.labels" .root | nindent 4 }}
spec:
  podSelector:
    {{- toYaml .selector | nindent 4 }}
  policyTypes: {{ toJson .types }}
  {{- with .ingress }}
  ingress:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .egress }}
  egress:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Functions by what they reach, as JSON. */}}
{{- define "todo-app.network.groups" -}}
{{- $groups := dict "all" list "database" list "kafka" list "https" list "mail" list -}}
{{- range $name, $service := include "todo-app.services" . | fromJson -}}
{{- $have := list -}}
{{- range (first $service.spec.template.spec.containers).env -}}{{- $have = append $have .name -}}{{- end -}}
{{- $_ := set $groups "all" (append $groups.all $name) -}}
{{- if has "DATABASE_URL" $have -}}{{- $_ := set $groups "database" (append $groups.database $name) -}}{{- end -}}
{{- if has "KAFKA_BOOTSTRAP_SERVERS" $have -}}{{- $_ := set $groups "kafka" (append $groups.kafka $name) -}}{{- end -}}
{{- if or (has "AUTH_JWKS_URL" $have) (eq $name "notifications") -}}{{- $_ := set $groups "https" (append $groups.https $name) -}}{{- end -}}
{{- if eq $name "notifications" -}}{{- $_ := set $groups "mail" (append $groups.mail $name) -}}{{- end -}}
{{- end -}}
{{- toJson $groups -}}
{{- end -}}

{{/* The pods of the functions with these names. */}}
{{- define "todo-app.network.functions" -}}
matchExpressions:
  - key: serving.knative.dev/service
    operator: In
    values: {{ toJson . }}
{{- end -}}

{{/* Those that speak to PostgreSQL, as peers. */}}
{{- define "todo-app.network.clients" -}}
- podSelector:
    {{- include "todo-app.network.functions" . | nindent 4 }}
- podSelector:
    matchExpressions:
      - {key: taskflow.io/job, operator: In, values: [migrate, backup]}
{{- end -}}

{{- define "todo-app.network.namespace" -}}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ . }}
{{- end -}}

{{- define "todo-app.network.ports" -}}
{{- range . }}
- {protocol: TCP, port: {{ . }}}
{{- end }}
{{- end -}}

{{- define "todo-app.network.dns" -}}
to:
  - {{- include "todo-app.network.namespace" .Values.networkPolicy.dnsNamespace | nindent 4 }}
  {{- range .Values.networkPolicy.dnsCidrs }}
  - ipBlock:
      cidr: {{ . }}
  {{- end }}
ports:
  - {protocol: UDP, port: 53}
  - {protocol: TCP, port: 53}
{{- end -}}

{{/* queue-proxy's ports: requests and health from activator, ingress and data plane, numbers to the autoscaler. */}}
{{- define "todo-app.network.knative" -}}
- from:
    - {{- include "todo-app.network.namespace" .Values.networkPolicy.servingNamespace | nindent 6 }}
  ports:
    {{- include "todo-app.network.ports" (list 8012 8013 8022 8112 9090 9091) | nindent 4 }}
- from:
    {{- range append .Values.networkPolicy.ingressNamespaces .Values.networkPolicy.eventingNamespace }}
    - {{- include "todo-app.network.namespace" . | nindent 6 }}
    {{- end }}
  ports:
    {{- include "todo-app.network.ports" (list 8012 8013 8112) | nindent 4 }}
{{- end -}}

{{- define "todo-app.network.kafka" -}}
{{- if .Values.kafka.strimzi.enabled -}}
to:
  - podSelector:
      matchLabels:
        strimzi.io/cluster: taskflow-kafka
ports:
  {{- include "todo-app.network.ports" (list 9092) | nindent 2 }}
{{- else -}}
{{- $ports := list -}}
{{- range splitList "," (include "todo-app.kafka.address" .) -}}
{{- $ports = append $ports (splitList ":" . | last | int) -}}
{{- end -}}
{{- with .Values.networkPolicy.kafka.to }}
to:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- include "todo-app.network.ports" (uniq $ports) | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "todo-app.network.outside" -}}
to:
  - ipBlock:
      cidr: 0.0.0.0/0
      {{- with .root.Values.networkPolicy.https.exceptCidrs }}
      except: {{ toJson . }}
      {{- end }}
ports:
  {{- include "todo-app.network.ports" .ports | nindent 2 }}
{{- end -}}

{{/* Strimzi's own policies say who may come to which port; this adds what default-deny takes: the operator's ports. */}}
{{- define "todo-app.network.kafka.in" -}}
- from:
    - {{- include "todo-app.network.namespace" .Values.networkPolicy.strimziNamespace | nindent 6 }}
  ports:
    {{- include "todo-app.network.ports" (list 8080 8081 8443 9090 9091) | nindent 4 }}
{{- end -}}

{{/* Brokers to one another; the operators beside them to brokers and to the API server, wherever that is. */}}
{{- define "todo-app.network.kafka.out" -}}
- to:
    - podSelector:
        matchLabels:
          strimzi.io/cluster: taskflow-kafka
  ports:
    {{- include "todo-app.network.ports" (list 8443 9090 9091 9092) | nindent 4 }}
- ports:
    {{- include "todo-app.network.ports" (list 443 6443) | nindent 4 }}
{{- end -}}
