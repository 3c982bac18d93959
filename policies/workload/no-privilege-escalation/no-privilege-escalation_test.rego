package elfgate.rules.workload["no-privilege-escalation_test"]

import data.elfgate.recorded.workload["no-privilege-escalation"] as recorded
import data.elfgate.rules.workload["no-privilege-escalation"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_container_that_does_not_say_and_one_that_asks_for_it if {
	found(recorded.violating) == {
		["spec.template.spec.initContainers[0]", "container fetch can gain privileges: allowPrivilegeEscalation is not set, which is true"],
		["spec.template.spec.containers[0]", "container gateway can gain privileges: allowPrivilegeEscalation is true"],
	}
}

test_false_everywhere_is_fine if count(found(recorded.passing)) == 0

pod(container) := {"workload": {"pods": [{"containers": [object.union(
	{"at": "spec.containers[0]", "name": "x", "allowPrivilegeEscalation": null, "privileged": null, "capabilities": []},
	container,
)]}]}}

notes(container) := [note |
	some finding in rule.findings with input as pod(container)
	some note in finding.notes
]

test_what_has_to_go_first if {
	notes({"privileged": true}) == ["privileged: true has to go first"]
	notes({"capabilities": ["SYS_ADMIN"]}) == ["the capability SYS_ADMIN has to go first"]
	notes({}) == []
}
