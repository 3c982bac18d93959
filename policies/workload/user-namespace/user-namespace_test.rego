package elfgate.rules.workload["user-namespace_test"]

import data.elfgate.recorded.workload["user-namespace"] as recorded
import data.elfgate.rules.workload["user-namespace"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_host_that_is_root_of_the_node if {
	found(recorded.violating) == {["spec.template.spec", "gateway opens plugins as a user of the node: the pod has no user namespace"]}
}

test_a_namespace_of_its_own if count(found(recorded.passing)) == 0

test_an_image_that_was_not_inspected if {
	found(recorded.unknown) == {["spec.template.spec", "cannot tell because the image of container gateway was not inspected"]}
}

test_a_pod_without_plugins_needs_none if {
	count(found([{"workload": {"pods": [{"at": "", "hostUsers": null, "containers": [{"name": "x", "hosts": 0}]}]}}])) == 0
}
