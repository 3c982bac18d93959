# METADATA
# title: an attested scan finds no grave vulnerability
# description: |
#   Detects an artifact for which trusted scans list more vulnerabilities of the severities `severities` than `maximum`,
#   or for which there is no trusted scan. What its maker says about a vulnerability (OpenVEX, CycloneDX) is honoured when
#   somebody who is trusted signed it: one that does not affect the artifact, with a justification, and one that is fixed
#   are shown and do not count.
#
#   A scan that anybody could have written, or an old one that was left out, proves nothing.
#
#   Update what is vulnerable and scan again, or attest with a justification why it does not matter:
#   `cosign attest --type vuln`, `cosign attest --type openvex`.
# related_resources:
#   - ref: https://github.com/sigstore/cosign/blob/main/specs/COSIGN_VULN_ATTESTATION_SPEC.md
#     description: cosign vulnerability scan attestation
#   - ref: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
#     description: OpenVEX
# custom:
#   severity: error
#   facts: [trust]
#   sets: [marketplace]
#   params:
#     maximum:
#       description: vulnerabilities of these severities that may be there
#       type: integer
#       minimum: 0
#       default: 0
#     severities:
#       description: severities that count
#       type: array
#       items:
#         enum: [critical, high, medium, low, unknown]
#       default: [critical, high]
package elfgate.rules.trust.vulnerabilities

import data.elfgate.lib

parameters := data.elfgate.parameters.trust.vulnerabilities

scans contains attestation if {
	some attestation in lib.trusted_attestations
	attestation.scan != null
}

# A newer scan by the same program takes the place of an older one.
current contains attestation if {
	some attestation in scans
	not superseded(attestation)
}

superseded(attestation) if {
	some other in scans
	other.scan.scanner == attestation.scan.scanner
	attestation.scan.scanner != null
	other.scan.finishedAt > attestation.scan.finishedAt
	attestation.scan.finishedAt != null
}

# By name: the same one may be in several packages and scans.
grave[vulnerability.id] contains place if {
	some attestation in current
	some vulnerability in attestation.scan.vulnerabilities
	vulnerability.severity in parameters.severities
	place := {
		"severity": vulnerability.severity,
		"component": [part | some part in [vulnerability.component]; part != null],
		"at": attestation.at,
	}
}

excused[id] contains statement if {
	some id, _ in grave
	some attestation in lib.trusted_attestations
	some statement in attestation.exploitability
	statement.vulnerability == id
	excuses(statement)
}

excuses(statement) if statement.status == "fixed"

excuses(statement) if {
	statement.status == "not_affected"
	statement.justification != null
}

# Who says both that it does and that it does not matter is believed the worse.
contested contains id if {
	some id, _ in grave
	some attestation in lib.trusted_attestations
	some statement in attestation.exploitability
	statement.vulnerability == id
	statement.status == "affected"
}

is_excused(id) if {
	excused[id]
	not id in contested
}

counting := sort([id | some id, _ in grave; not is_excused(id)])

findings contains finding if {
	count(counting) > parameters.maximum
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s of severity %s, above the limit of %d", [
			vulnerabilities(count(counting)),
			concat(" or ", parameters.severities),
			parameters.maximum,
		]),
		"evidence": [shown(id) | some id in array.slice(counting, 0, 16)],
		"notes": lib.rest(count(counting), 16),
		"help": "update the packages, or attest an OpenVEX statement with a justification for each that does not matter",
	}
}

findings contains finding if {
	excuses_shown := sort([id | some id, _ in grave; is_excused(id)])
	count(excuses_shown) > 0
	finding := {
		"path": input.subject.name,
		"severity": "info",
		"message": sprintf("%s that a trusted statement excuses", [vulnerabilities(count(excuses_shown))]),
		"evidence": [{"at": "VEX", "label": id, "value": excuse(id)} | some id in array.slice(excuses_shown, 0, 16)],
		"notes": lib.rest(count(excuses_shown), 16),
	}
}

findings contains finding if {
	lib.trust_known
	count(scans) == 0
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s has no trusted scan for vulnerabilities", [input.subject.kind]),
		"evidence": lib.rejected_attestations("(?i)vuln|sarif|trivy|grype"),
		"help": "scan it and attest the report: cosign attest --type vuln --predicate report.json",
	}
}

findings contains finding if some finding in lib.trust_unknown

shown(id) := {"at": place.at, "label": id, "value": concat(" in ", array.concat([place.severity], place.component))} if {
	place := sort(grave[id])[0]
}

excuse(id) := concat("; ", sort({reason |
	some statement in excused[id]
	reason := concat(": ", [part | some part in [statement.status, statement.justification]; part != null])
}))

vulnerabilities(1) := "1 vulnerability"

vulnerabilities(number) := sprintf("%d vulnerabilities", [number]) if number != 1
