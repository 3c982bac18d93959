# METADATA
# title: production records show that it keeps its service levels
# description: |
#   Detects an artifact with fewer than `records` trusted service level records that stay within the parameters: latency
#   (99th percentile), error rate, and times that a limit of processor or memory was reached.
#
#   What was never run under real load, or did badly there, is not yet for everybody's cluster.
#
#   Run it where it is measured, and attest each period: `elfgate attest --type service-level`; `elfgate schema
#   service-level` prints the form of a record.
# related_resources:
#   - ref: https://sre.google/sre-book/service-level-objectives/
#     description: Service Level Objectives (Site Reliability Engineering)
# custom:
#   severity: error
#   facts: [trust]
#   sets: [marketplace]
#   params:
#     records:
#       description: least number of periods that are within the limits
#       type: integer
#       minimum: 1
#       default: 3
#     latencyP99Milliseconds:
#       description: highest 99th percentile of the time of a request
#       type: number
#       default: 1000
#     errorRate:
#       description: highest share of requests that fail
#       type: number
#       default: 0.001
#     resourceSpikes:
#       description: most times that a limit of processor or memory was reached in a period
#       type: integer
#       default: 0
package elfgate.rules.trust["service-levels"]

import data.elfgate.lib

parameters := data.elfgate.parameters.trust["service-levels"]

# The same period attested twice is one record.
records contains attestation.serviceLevel if {
	some attestation in lib.trusted_attestations
	attestation.serviceLevel != null
}

complaints(record) := array.concat(
	array.concat(
		[sprintf("P99 latency %v ms above %v ms", [record.latencyP99Milliseconds, parameters.latencyP99Milliseconds]) |
			record.latencyP99Milliseconds > parameters.latencyP99Milliseconds
		],
		[sprintf("error rate %v above %v", [record.errorRate, parameters.errorRate]) |
			record.errorRate > parameters.errorRate
		],
	),
	[sprintf("%d resource spikes, above %d", [record.resourceSpikes, parameters.resourceSpikes]) |
		record.resourceSpikes > parameters.resourceSpikes
	],
)

periods(kept) := {[record.environment, record.from, record.to] | some record in kept}

keeping := {record | some record in records; count(complaints(record)) == 0}

findings contains finding if {
	lib.trust_known
	count(periods(keeping)) < parameters.records
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s within the limits, and %d required", [
			attested(count(periods(keeping))),
			parameters.records,
		]),
		"evidence": evidence,
		"help": "run it where it is measured and attest each period: elfgate attest --type service-level --predicate record.json IMAGE",
	}
}

findings contains finding if some finding in lib.trust_unknown

evidence := lib.rejected_attestations("service-level") if {
	count(records) == 0
} else := [{"at": sprintf("%s to %s", [record.from, record.to]), "label": record.environment, "value": judgement(record)} |
	some record in records
]

judgement(record) := "within the limits" if {
	count(complaints(record)) == 0
} else := concat(", ", complaints(record))

attested(1) := "1 trusted service level record is"

attested(number) := sprintf("%d trusted service level records are", [number]) if number != 1
