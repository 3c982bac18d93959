package elfgate.lib

# METADATA
# description: |
#   Whether the document is about something that can be signed. A directory, a process and an object of a cluster cannot.
# scope: document
can_be_signed if input.subject.kind in ["file", "image"]

# METADATA
# description: |
#   The finding of a rule about trust that nothing can be said about: nobody asked, or the answer could not be had. Neither
#   looks like trust, and neither like a signature that is missing.
# scope: document
trust_unknown contains unknown(input.subject.name, sprintf("who made it could not be found out: %s", [input.trust.undecided])) if {
	input.trust.undecided != null
}

trust_unknown contains unknown(input.subject.name, sprintf("a %s carries no signature; check the image or file that it comes from", [input.subject.kind])) if {
	input.subject.kind in ["directory", "process"]
}

trust_unknown contains unknown(input.subject.name, "nobody asked who made it") if {
	can_be_signed
	input.trust == null
}

# METADATA
# description: Attestations that somebody who is trusted signed, about this very artifact.
# scope: document
trusted_attestations contains attestation if {
	some attestation in input.trust.attestations
	attestation.verified
}

# METADATA
# description: Whether the lack of a trusted attestation may be told, because everything that there is was judged.
# scope: document
trust_known if {
	input.trust != null
	input.trust.undecided == null
}

# METADATA
# description: |
#   Why attestations of a type that matches are not accepted, as evidence; that there is none, where there is none.
# scope: document
rejected_attestations(pattern) := evidence if {
	evidence := [{"at": attestation.at, "label": "attestation", "value": attestation.reason} |
		some attestation in input.trust.attestations
		not attestation.verified
		regex.match(pattern, concat("", [part | some part in [attestation.predicateType]; part != null]))
	]
	count(evidence) > 0
} else := [{"at": "referrers", "label": "attestation", "value": sprintf("none is attached%s", [trusted_text])}]

trusted_text := "" if {
	input.trust.decidedBy != null
} else := ", and the configuration trusts nobody to sign it"
