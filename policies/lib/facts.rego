package elfgate.lib

# METADATA
# description: The binary of this document at a path.
# scope: document
binary(path) := found if {
	some found in input.binaries
	found.path == path
}

# METADATA
# description: |
#   Plugins of this document that no host was compared with. What depends on a host cannot be told of them. A list and
#   not a set: to step through a set is to compare all that its items hold.
# scope: document
plugins_without_host := [candidate |
	some candidate in input.binaries
	candidate.role == "plugin"
	candidate.go != null
	not has_host(candidate.path)
]

has_host(path) if {
	some pair in input.predictions.plugins
	pair.plugin == path
}

# METADATA
# description: |
#   Pairs of Go plugins and hosts that can load such. A host that cannot is judged by plugin/host-can-load, and nothing
#   else matters while it stands. A list, as above.
# scope: document
go_pairs := [pair |
	some pair in input.predictions.plugins
	binary(pair.plugin).go != null
	pair.host.canLoad != false
]

# METADATA
# description: |
#   The toolchain of a version text: experiments are appended to it (`go1.26.8-X:arenas`, up to 1.25 after a space), and
#   are settings.
# scope: document
toolchain(version) := split(split(version, " ")[0], "-X:")[0]

# METADATA
# description: The first names of a list, and how many more there are, as one text.
# scope: document
summary(names, most) := concat(", ", names) if count(names) <= most

summary(names, most) := text if {
	count(names) > most
	text := sprintf("%s and %d more", [concat(", ", array.slice(names, 0, most)), count(names) - most])
}

# METADATA
# description: A count and its noun, as "1 name" and "2 names".
# scope: document
counted(1, noun) := sprintf("1 %s", [noun])

counted(number, noun) := sprintf("%d %ss", [number, noun]) if number != 1

# METADATA
# description: A note on what is not listed; none when everything is.
# scope: document
rest(count_all, listed) := [sprintf("and %d more", [count_all - listed])] if {
	count_all > listed
} else := []

# METADATA
# description: A release such as "2.34" as a list of numbers, which compare by value and not by text.
# scope: document
release(text) := [to_number(part) | some part in split(text, ".")]

# METADATA
# description: Whether the document is about a directory or image taken as a root file system.
# scope: document
has_root if input.root != null
