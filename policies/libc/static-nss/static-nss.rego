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
	certainty := reach(candidate, module.service)
	finding := {
		"path": candidate.path,
		"message": sprintf("static glibc program %s libnss_%s of the root%s; %s", [
			wording[certainty],
			module.service,
			root_version,
			consequence(module),
		]),
		"severity": severity(module, certainty),
		"evidence": array.concat(evidence(candidate), [
			{"at": databases(module.service), "label": "service", "value": module.service, "path": input.root.nsswitch.path},
			{"at": "PT_TLS", "label": "module", "value": tls(module), "path": module.path},
		]),
		"help": help(candidate),
	}
}

wording := {"surely": "looks names up and will load", "maybe": "may look up names for which it loads"}

# Which databases a program asks is known of Go, and of C that is not stripped, by the functions that were linked in. Of
# other C it is only known that it asks some.
reach(candidate, service) := "surely" if {
	some function in candidate.libc.nssFunctions
	some database in asked[function]
	comes_to(database, service)
} else := "maybe" if {
	some function in candidate.libc.nssFunctions
	some database in asked[function]
	service in input.root.nsswitch.databases[database]
} else := "surely" if {
	count(candidate.libc.nssFunctions) == 0
	every database in {"hosts", "passwd", "group"} {
		comes_to(database, service)
	}
} else := "maybe" if {
	count(candidate.libc.nssFunctions) == 0
}

# Services are asked in their order until one has an answer. Names of hosts are seldom in /etc/hosts; users and groups of
# an image mostly are in its files, so that only the first service is sure to be asked.
comes_to("hosts", service) if service in input.root.nsswitch.databases.hosts

comes_to(database, service) if {
	database in {"passwd", "group", "initgroups", "shadow"}
	input.root.nsswitch.databases[database][0] == service
}

# By a part of the function's name, which C's and Go's functions share; database names are those of nsswitch.conf(5).
asked[function] contains database if {
	some candidate in affected
	some function in candidate.libc.nssFunctions
	some part, names in {
		"getaddrinfo": {"hosts", "services"},
		"getnameinfo": {"hosts", "services"},
		"gethost": {"hosts"},
		"res_": {"hosts"},
		"getpw": {"passwd"},
		"getgr": {"group", "initgroups"},
		"initgroups": {"group", "initgroups"},
		"getsp": {"shadow"},
		"getserv": {"services"},
		"getproto": {"protocols"},
		"getnet": {"networks", "netgroup"},
		"innetgr": {"netgroup"},
		"getrpc": {"rpc"},
		"ether_": {"ethers"},
		"getalias": {"aliases"},
	}
	contains(function, part)
	some database in names
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

severity(module, "surely") := "error" if module.staticTls

severity(module, "surely") := "warning" if not module.staticTls

severity(_, "maybe") := "warning"

tls(module) := "has thread-local storage" if {
	module.staticTls
} else := "no thread-local storage"

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
