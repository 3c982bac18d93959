# METADATA
# title: static programs do not load name service modules
# description: |
#   Detects a statically linked glibc program that looks up hosts, users or groups.
#
#   Static glibc still loads the modules that nsswitch.conf names, and with them the distribution's own C library into
#   the same process. With another release than the one inside the program this ends in SIGFPE, SIGSEGV or an assertion,
#   with the same one in SIGSEGV when a module has thread-local storage. `files` and `dns` are part of static programs
#   since glibc 2.34, and a module that the root lacks does no harm.
#
#   Go: build with `-tags netgo,osusergo` or CGO_ENABLED=0. C: link dynamically, link against musl, or avoid names.
# related_resources:
#   - ref: https://github.com/golang/go/issues/30310
#     description: static getaddrinfo crashes
#   - ref: https://sourceware.org/glibc/wiki/FAQ
#     description: "glibc FAQ: static linking and NSS"
# custom:
#   severity: error
#   facts: [libc.linkage, libc.usesNss, root.nsswitch, root.nssModules, predictions.nameServices]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.libc["static-nss"]

import data.elfgate.lib

affected contains candidate if {
	some candidate in input.binaries
	candidate.libc.kind == "glibc"
	candidate.libc.linkage == "static"
	candidate.libc.usesNss
}

findings contains finding if {
	not lib.has_root
	some candidate in affected
	finding := {
		"path": candidate.path,
		"message": "static glibc program looks names up; where nsswitch.conf names a module beyond files and dns it may crash",
		"severity": "warning",
		"evidence": evidence(candidate),
		"notes": ["the root file system it runs in decides: check the directory or image"],
		"help": help(candidate),
	}
}

findings contains finding if {
	lib.has_root
	some use in input.predictions.nameServices
	use.verdict != "none"
	candidate := lib.binary(use.path)
	finding := {
		"path": use.path,
		"message": sprintf("static glibc program %s libnss_%s of the root%s; %s", [
			wording[use.asked],
			use.service,
			root_version,
			consequence[use.reason],
		]),
		"severity": severity[use.verdict],
		"evidence": array.concat(evidence(candidate), [
			{"at": concat(", ", sort(use.databases)), "label": "service", "value": use.service, "path": configuration},
			{"at": shown_at[use.reason], "label": "module", "value": use.shown, "path": use.module},
		]),
		"help": help(candidate),
	}
}

wording := {"surely": "looks names up and will load", "maybe": "may look up names for which it loads"}

severity := {"certain": "error", "possible": "warning"}

consequence := {
	"other-release": "that brings a C library of another release than the one inside the program, so it crashes",
	"thread-storage": "the module has thread-local storage, so it crashes with SIGSEGV",
	"library-thread-storage": "what the module needs has thread-local storage, which crashes it when it is used",
	"library-missing": "the module is not loaded while a library that it needs is missing, and may crash it otherwise",
	"release-not-known": "it crashes unless both C libraries are of the same release",
}

shown_at := {
	"other-release": "glibc tunables",
	"thread-storage": "program headers",
	"library-thread-storage": "DT_NEEDED",
	"library-missing": "DT_NEEDED",
	"release-not-known": "DT_NEEDED",
}

configuration := input.root.nsswitch.path if {
	input.root.nsswitch != null
} else := "etc/nsswitch.conf"

findings contains lib.unknown(candidate.path, "the program does not show whether it looks names up") if {
	some candidate in input.binaries
	candidate.libc.kind == "glibc"
	candidate.libc.linkage == "static"
	candidate.libc.usesNss == null
}

findings contains lib.unknown(candidate.path, "which C library is linked in statically leaves no mark") if {
	some candidate in input.binaries
	candidate.libc.kind == "unknown"
	candidate.libc.linkage == "static"
	candidate.libc.usesNss == null
	not is_plain_go(candidate)
}

# A Go program without cgo brings no C library at all.
is_plain_go(candidate) if candidate.go.cgo == false

root_version := sprintf(" (glibc %s)", [input.root.libc.version]) if {
	input.root.libc.version != null
} else := ""

evidence(candidate) := array.concat(
	[{"at": candidate.libc.nssAt, "label": "static", "value": "libnss_ and /etc/nsswitch.conf"}],
	[{"at": functions_at(candidate), "label": "calls", "value": name} | some name in candidate.libc.nssFunctions],
)

functions_at(candidate) := ".gopclntab" if {
	candidate.go != null
} else := ".symtab"

help(candidate) := "go build -tags netgo,osusergo …" if {
	candidate.go != null
} else := "cc …   (without -static)"
