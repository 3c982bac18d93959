package elfgate.rules.visibility["no-interposition_test"]

import data.elfgate.recorded.visibility["no-interposition"] as recorded
import data.elfgate.rules.visibility["no-interposition"] as rule

found(documents) := {[finding.path, object.get(finding, "severity", "warning"), finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_who_gets_the_code_of_another_object_is_told if {
	found(recorded.violating) == {
		[
			"lab/go/plugin-hello-second",
			"error",
			"its hello_impl is that of lab/go/plugin-hello-first once both are in one scope; what it calls is the other object's",
		],
		[
			"lab/c/needy-linked",
			"warning",
			"its provider_fn is that of lab/c/other-provider once all are in one scope, and not that of lab/c/provider, which it needs",
		],
	}
}

test_plugins_that_share_only_what_go_shares_are_fine if {
	count(found(recorded.passing)) == 0
}
