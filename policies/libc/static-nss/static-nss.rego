# METADATA
# title: static programs do not load name service modules
# description: |
#   Detects a statically linked glibc program that looks up hosts, users or groups.
#
#   Static glibc still loads the modules that nsswitch.conf names, and with them the distribution's own C library into
#   the same process. With another glibc than the one inside the program this ends in SIGFPE or SIGSEGV, with the same
#   one still when a module has thread-local storage.
#
#   Go: build with `-tags netgo,osusergo` or CGO_ENABLED=0. C: link dynamically, link against musl, or avoid names.
# related_resources:
#   - ref: https://github.com/golang/go/issues/30310
#     description: static getaddrinfo crashes
#   - ref: https://sourceware.org/glibc/wiki/FAQ
#     description: "glibc FAQ: static linking and NSS"
# custom:
#   severity: error
#   facts: [libc.linkage, libc.usesNss, root.nsswitch, root.nssModules]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.libc["static-nss"]

import data.elfgate.lib

affected contains candidate if {
	some candidate in input.binaries
	candidate.libc.kind == "glibc"
	candidate.libc.linkage == "static"
	candidate.libc.usesNss
}

modules := [module | some module in input.root.nssModules; module.path != null]

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
	some candidate in affected
	some module in modules
	finding := {
		"path": candidate.path,
		"message": sprintf("static glibc program looks names up and will load libnss_%s of the root%s; %s", [
			module.service,
			root_version,
			consequence(module),
		]),
		"severity": severity(module),
		"evidence": array.concat(evidence(candidate), [
			{"at": databases(module.service), "label": "service", "value": module.service, "path": input.root.nsswitch.path},
			{"at": "PT_TLS", "label": "module", "value": tls(module), "path": module.path},
		]),
		"help": help(candidate),
	}
}

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

databases(service) := concat(", ", sort([database |
	some database, services in input.root.nsswitch.databases
	service in services
]))

root_version := sprintf(" (glibc %s)", [input.root.libc.version]) if {
	input.root.libc.version != null
} else := ""

consequence(module) := "the module has thread-local storage, so it crashes with SIGSEGV" if {
	module.staticTls
} else := "it crashes unless both C libraries are of the same release"

severity(module) := "error" if {
	module.staticTls
} else := "warning"

tls(module) := "has thread-local storage" if {
	module.staticTls
} else := "no thread-local storage"

evidence(candidate) := array.concat(
	[{"at": candidate.libc.nssAt, "label": "static", "value": "libnss_ and /etc/nsswitch.conf"}],
	[{"at": ".gopclntab", "label": "calls", "value": name} | some name in candidate.libc.nssFunctions],
)

help(candidate) := "go build -tags netgo,osusergo …" if {
	candidate.go != null
} else := "cc …   (without -static)"
