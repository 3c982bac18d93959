# METADATA
# title: plugin hosts have a user namespace of their own
# description: |
#   Detects pods with a program that opens plugins and without `hostUsers: false`: their root user is that of the node.
#
#   A plugin that breaks out of its container is then root on the node, and an ordinary user otherwise. Switch this rule on
#   where every node can do it: Linux 6.3 or later, with idmapped mounts for the volumes that are used.
#
#   Set `hostUsers: false` in the pod's specification.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/
#     description: user namespaces
# custom:
#   severity: error
#   facts: [workload.pods]
#   sets: [strict, marketplace]
package elfgate.rules.workload["user-namespace"]

import data.elfgate.lib

findings contains finding if {
	some pod in input.workload.pods
	pod.hostUsers != false
	hosts := [container | some container in pod.containers; container.hosts > 0]
	count(hosts) > 0
	finding := {
		"path": place(pod),
		"message": sprintf("%s opens plugins as a user of the node: the pod has no user namespace", [lib.summary(
			[container.name | some container in hosts],
			3,
		)]),
		"evidence": array.concat(
			[{"at": sprintf("%s.hostUsers", [place(pod)]), "label": "pod", "value": stated(pod.hostUsers)}],
			[{"at": container.at, "label": "plugin host", "value": container.image} |
				some container in array.slice(hosts, 0, 4)
			],
		),
		"notes": [],
		"help": "hostUsers: false",
	}
}

findings contains lib.unknown(place(pod), sprintf("the image of container %s was not inspected", [container.name])) if {
	some pod in input.workload.pods
	pod.hostUsers != false
	every container in pod.containers {
		not opens_plugins(container)
	}
	some container in pod.containers
	container.hosts == null
}

opens_plugins(container) if container.hosts > 0

place(pod) := concat(".", [part | some part in [pod.at, "spec"]; part != ""])

stated(null) := "not set, which is true"

stated(true) := "true"
