package elfgate.rules.workload["plugin-directory_test"]

import data.elfgate.recorded.workload["plugin-directory"] as recorded
import data.elfgate.rules.workload["plugin-directory"] as rule

found(documents) := {[finding.path, object.get(finding, "severity", "error"), finding.message] |
	some document in documents
	some finding in rule.findings with input as document with data.elfgate.parameters.workload["plugin-directory"].names as ["plugin"]
}

test_a_shared_directory_a_directory_of_the_node_and_no_profile if {
	found(recorded.violating) == {
		["spec.template.spec.containers[0]", "error", "container gateway can write into /plugins, from which it loads plugins"],
		["spec.template.spec.containers[0]", "error", "plugins of container gateway in /opt/plugins come from the node, where anybody may have put them"],
		["spec.template.spec.containers[0]", "warning", "no profile confines container gateway, which loads plugins from /plugins"],
		["spec.template.spec.containers[0]", "warning", "no profile confines container gateway, which loads plugins from /opt/plugins"],
	}
}

test_an_image_volume_in_a_confined_container_is_fine if count(found(recorded.passing)) == 0

test_an_image_that_was_not_inspected if {
	found(recorded.unknown) == {["spec.template.spec.containers[0]", "info", "cannot tell because the image volume in /extensions was not inspected"]}
}

test_a_profile_that_confines_nothing if {
	profiles := {"seccomp": "Unconfined", "appArmor": null, "seLinux": null}
	mount := {"volume": "p", "path": "/plugins", "readOnly": true, "kind": "image", "hostPath": null, "plugins": 1}
	container := {"at": "spec.containers[0]", "kind": "main", "name": "x", "profiles": profiles, "mounts": [mount]}
	found([{"workload": {"pods": [{"containers": [container]}]}}]) == {["spec.containers[0]", "warning", "no profile confines container x, which loads plugins from /plugins"]}
}
