package elfgate.rules.tracing["preload-on-static_test"]

import data.elfgate.recorded.tracing["preload-on-static"] as recorded
import data.elfgate.rules.tracing["preload-on-static"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_static_program_is_not_reached if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["hello", "is static, so that LD_PRELOAD has no effect on it: /usr/lib/libtrace.so is never loaded"],
	}
}

test_a_program_that_the_loader_starts_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_script_may_start_anything if {
	messages := {[finding.severity, finding.path] | some finding in found(recorded.unknown)}
	messages == {["info", "/entrypoint.sh"]}
}
