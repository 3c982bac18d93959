package elfgate.rules.tracing["second-go-runtime_test"]

import data.elfgate.recorded.tracing["second-go-runtime"] as recorded
import data.elfgate.rules.tracing["second-go-runtime"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_go_library_that_a_go_program_needs_is_found if {
	messages := {[finding.severity, finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {[
		"warning",
		"lab/go/c-shared",
		"library written in Go brings a second Go runtime into lab/go/second-runtime; signals, profiles and whatever crosses between the two are not safe",
	]}
}

test_a_plugin_shares_the_runtime_of_its_host if {
	count(found(recorded.passing)) == 0
}

test_a_library_alone_does_not_tell_who_loads_it if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	messages == {[
		"info",
		"cannot tell because nothing that is checked with it loads it: it is a second Go runtime in a Go process only",
	]}
}
