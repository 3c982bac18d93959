package elfgate.rules.house["go-toolchain_test"]

import data.elfgate.rules.house["go-toolchain"] as rule

built_by(version) := {"binaries": [{"path": "server", "go": {"version": version, "versionAt": ".go.buildinfo+0x0"}}]}

messages(document) := {finding.message |
	some finding in rule.findings with input as document
		with data.elfgate.parameters.house["go-toolchain"].approved as ["go1.26.*"]
}

test_an_old_toolchain_is_not_approved if {
	messages(built_by("go1.19.13")) == {"built by go1.19.13, which is not approved"}
}

test_an_approved_toolchain_is_fine if {
	messages(built_by("go1.26.8")) == set()
}

test_a_binary_without_a_version_cannot_be_judged if {
	messages(built_by(null)) == {"cannot tell because it does not state its Go toolchain"}
}
