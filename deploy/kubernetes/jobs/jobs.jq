# Makes a Kubernetes Job for each project that is due, from what `dump-helper fleet plan --json` says:
#   dump-helper fleet plan --json | jq --from-file jobs.jq --arg image IMAGE --arg config CONFIGMAP | kubectl create --filename -
# The ServiceAccount, the NetworkPolicy, the ConfigMap with fleet.yaml and the Secrets are those of ../base or of an overlay.
# docs/deploy.md says when to use this rather than the Indexed Job there.

# What Kubernetes allows in a name.
def short: ascii_downcase | gsub("[^a-z0-9]+"; "-") | .[0:36] | gsub("^-+|-+$"; "") | if . == "" then "project" else . end;

{
  apiVersion: "v1",
  kind: "List",
  items: [
    .projects[] | select(.action == "refresh") | {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: {
        generateName: "dump-refresh-\(.project | short)-",
        labels: {"app.kubernetes.io/name": "dump-refresh", "app.kubernetes.io/component": "project"},
        annotations: {"dump-refresh/project": .project, "dump-refresh/why": .why}
      },
      spec: {
        backoffLimit: 2,
        # Twice what a refresh is expected to take, and an hour to wait for the staging server.
        activeDeadlineSeconds: (3600 + 2 * ((.expected_seconds // 3600) | ceil)),
        ttlSecondsAfterFinished: 86400,
        podFailurePolicy: {rules: [
          {action: "Ignore", onPodConditions: [{type: "DisruptionTarget", status: "True"}]},
          # The helper has already tried again, or the settings are wrong.
          {action: "FailJob", onExitCodes: {containerName: "dump-helper", operator: "In", values: [2, 3, 13]}}
        ]},
        template: {
          metadata: {
            labels: {"app.kubernetes.io/name": "dump-refresh", "app.kubernetes.io/component": "project"},
            annotations: {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
          },
          spec: {
            serviceAccountName: "dump-refresh",
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            restartPolicy: "Never",
            terminationGracePeriodSeconds: 120,
            securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: {type: "RuntimeDefault"}},
            containers: [{
              name: "dump-helper",
              image: $image,
              # --share-hosts: all these Jobs together read no more than per_host databases of one staging server.
              args: ["fleet", "refresh", "--file", "/etc/dump-refresh/fleet.yaml", "--share-hosts", "--only", .project],
              envFrom: [{secretRef: {name: "dump-refresh-passwords", optional: true}}],
              resources: {requests: {cpu: "500m", memory: "256Mi"}, limits: {memory: "512Mi"}},
              securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: ["ALL"]}},
              volumeMounts: [
                {name: "fleet", mountPath: "/etc/dump-refresh", readOnly: true},
                {name: "ssh", mountPath: "/tmp/.ssh", readOnly: true},
                {name: "tmp", mountPath: "/tmp"}
              ]
            }],
            volumes: [
              {name: "fleet", configMap: {name: $config}},
              {name: "ssh", secret: {secretName: "dump-refresh-ssh", optional: true, defaultMode: 288}}, # 0440
              {name: "tmp", emptyDir: {sizeLimit: "256Mi"}}
            ]
          }
        }
      }
    }
  ]
}
