# METADATA
# title: cryptography comes from a validated FIPS 140 module
# description: |
#   Detects Go programs and plugins that were built without a FIPS 140 module (`GOFIPS140`, or the older
#   `GOEXPERIMENT=boringcrypto`), and artifacts without a trusted audit report that still holds.
#
#   Where FIPS 140 is required, cryptography of another implementation does not count, however good it is; a build setting
#   alone does not say that the module was validated, and a report alone does not say that this build uses it.
#
#   Build with `GOFIPS140=v1.0.0 go build`, have the use of the module audited, and attest the report:
#   `elfgate attest --type fips-report`; `elfgate schema fips-report` prints its form.
# related_resources:
#   - ref: https://go.dev/doc/security/fips140
#     description: FIPS 140-3 compliance of Go
#   - ref: https://csrc.nist.gov/projects/cryptographic-module-validation-program
#     description: NIST, Cryptographic Module Validation Program
# custom:
#   severity: error
#   facts: [trust, go.settings]
#   sets: [marketplace]
#   params:
#     report:
#       description: whether an audit report is required besides the build settings
#       type: boolean
#       default: true
#     standards:
#       description: standards that a report may be about
#       type: array
#       items:
#         enum: [FIPS 140-2, FIPS 140-3]
#       default: [FIPS 140-2, FIPS 140-3]
package elfgate.rules.trust.fips

import data.elfgate.lib

parameters := data.elfgate.parameters.trust.fips

findings contains finding if {
	some binary in input.binaries
	binary.go != null
	binary.go.settings != null
	count(binary.go.settings) > 0
	not module(binary.go)
	finding := {
		"path": binary.path,
		"message": "Go program or plugin is built without a FIPS 140 module",
		"evidence": [
			{"at": ".go.buildinfo", "label": "GOFIPS140", "value": setting(binary.go, "GOFIPS140")},
			{"at": ".go.buildinfo", "label": "GOEXPERIMENT", "value": setting(binary.go, "GOEXPERIMENT")},
		],
		"help": "GOFIPS140=v1.0.0 go build …",
	}
}

findings contains lib.unknown(binary.path, "the program does not state the settings it was built with") if {
	some binary in input.binaries
	binary.go != null
	not has_settings(binary.go)
}

has_settings(go) if count(go.settings) > 0

# A module that follows the toolchain ("latest") has not been validated, and "off" is none.
module(go) := version if {
	version := go.settings.GOFIPS140
	not version in {"", "off", "latest"}
}

module(go) := "boringcrypto" if "boringcrypto" in split(go.settings.GOEXPERIMENT, ",")

setting(go, name) := go.settings[name]

setting(go, name) := "(not set)" if not go.settings[name]

reports contains attestation if {
	some attestation in lib.trusted_attestations
	attestation.fipsReport != null
}

holding contains attestation if {
	some attestation in reports
	attestation.fipsReport.validUntil >= substring(input.trust.judgedAt, 0, 10)
	attestation.fipsReport.standard in parameters.standards
}

findings contains finding if {
	parameters.report
	lib.trust_known
	count(reports) == 0
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s has no trusted FIPS 140 audit report", [input.subject.kind]),
		"evidence": lib.rejected_attestations("fips-report"),
		"help": "elfgate attest --type fips-report --predicate report.json --key auditor.pem IMAGE",
	}
}

findings contains finding if {
	parameters.report
	count(reports) > 0
	count(holding) == 0
	finding := {
		"path": input.subject.name,
		"message": "no FIPS 140 audit report holds any more, or is about a standard that counts",
		"evidence": [{"at": attestation.at, "label": report.standard, "value": sprintf("certificate %s, valid until %s", [report.certificate, report.validUntil])} |
			some attestation in reports
			report := attestation.fipsReport
		],
		"help": "have the use of a module audited whose validation holds",
	}
}

findings contains finding if {
	parameters.report
	some finding in lib.trust_unknown
}
