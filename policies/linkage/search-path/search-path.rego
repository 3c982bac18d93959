# METADATA
# title: library search paths lead to trusted directories
# description: |
#   Detects elements of DT_RPATH and DT_RUNPATH that are empty, relative, world-writable, or lead out of the root.
#
#   The loader takes libraries from there before it looks in the system's directories, also for programs that run with
#   more rights than their caller. An empty or relative element means the directory in which the process was started.
#
#   Link with `-Wl,-rpath,'$ORIGIN/../lib'`, or remove the entry: `patchelf --remove-rpath FILE`.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man8/ld.so.8.html
#     description: ld.so(8)
#   - ref: https://cwe.mitre.org/data/definitions/426.html
#     description: "CWE-426: untrusted search path"
# custom:
#   severity: error
#   facts: [elf.searchPaths]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage["search-path"]

import data.elfgate.lib

findings contains finding if {
	some candidate in input.binaries
	faults := [fault | some entry in candidate.elf.searchPaths; fault := fault_of(entry)]
	count(faults) > 0
	finding := {
		"path": candidate.path,
		"message": sprintf("libraries are searched in %s", [concat(", ", [fault.text | some fault in faults])]),
		"severity": severity(faults),
		"evidence": [{"at": fault.at, "label": fault.label, "value": fault.value} | some fault in faults],
		"help": sprintf("patchelf --set-rpath '$ORIGIN/../lib' %s", [candidate.path]),
	}
}

findings contains lib.unknown(candidate.path, reason) if {
	not lib.has_root
	some candidate in input.binaries
	unjudged := [entry.entry |
		some entry in candidate.elf.searchPaths
		entry.kind in {"absolute", "origin"}
		entry.worldWritable == null
	]
	count(unjudged) > 0
	reason := sprintf("who may write to %s is only known in a root file system", [lib.summary(unjudged, 3)])
}

severity(faults) := "error" if {
	some fault in faults
	fault.grave
} else := "warning"

fault_of(entry) := fault(entry, "a directory that everyone may write to", true) if {
	entry.worldWritable == true
} else := fault(entry, "the directory in which the process is started (an empty entry)", true) if {
	entry.kind == "empty"
} else := fault(entry, "a directory relative to where the process is started", true) if {
	entry.kind == "relative"
} else := fault(entry, "a directory outside the root", false) if {
	entry.outsideRoot == true
}

fault(entry, text, grave) := {
	"at": sprintf("DT_%s", [upper(entry.tag)]),
	"label": entry.kind,
	"value": shown(entry.entry),
	"text": text,
	"grave": grave,
}

shown("") := "(empty)"

shown(entry) := entry if entry != ""
