package elfgate.rules.plugin["host-can-load_test"]

import data.elfgate.recorded.plugin["host-can-load"] as recorded
import data.elfgate.rules.plugin["host-can-load"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_host_without_cgo_cannot_load_plugins if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/go/host-without-cgo", "host was built without cgo; plugin.Open returns \"plugin: not implemented\""],
	}
}

test_a_host_with_cgo_can if {
	count(found(recorded.passing)) == 0
}
