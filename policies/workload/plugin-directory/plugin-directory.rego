# METADATA
# title: nobody can exchange plugins behind the host's back
# description: |
#   Detects directories of plugins that the process which loads from them can write, that come from the node
#   (`hostPath`), or that are in a container which no seccomp, AppArmor or SELinux profile confines. A directory holds
#   plugins when an image volume with plugins is mounted there, or when its path says so.
#
#   What is judged at admission is what the images hold. A plugin that is written afterwards, by the host itself or by
#   anything on the node, runs with the host's rights and was never looked at.
#
#   Deliver plugins by an image volume, or mount with `readOnly: true`, and set `seccompProfile: { type: RuntimeDefault }`.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/storage/volumes/#image
#     description: image volumes
#   - ref: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
#     description: hostPath, and the warning about it
# custom:
#   severity: error
#   facts: [workload.pods]
#   sets: [strict, marketplace]
#   params:
#     names:
#       description: texts in the paths of directories that hold plugins, in lower case
#       type: array
#       items:
#         type: string
#       default: [plugin]
package elfgate.rules.workload["plugin-directory"]

import data.elfgate.lib

names := data.elfgate.parameters.workload["plugin-directory"].names

# Every mount of a plugin directory, with the container that sees it.
mounts contains {"container": container, "mount": mount} if {
	some pod in input.workload.pods
	some container in pod.containers
	some mount in container.mounts
	holds_plugins(mount)
}

holds_plugins(mount) if mount.plugins > 0

holds_plugins(mount) if {
	some name in names
	contains(lower(mount.path), name)
}

findings contains finding if {
	some {"container": container, "mount": mount} in mounts
	container.kind != "init"
	mount.readOnly == false
	mount.kind != "hostPath"
	finding := {
		"path": container.at,
		"message": sprintf("container %s can write into %s, from which it loads plugins", [container.name, mount.path]),
		"evidence": evidence(container, mount),
		"notes": [],
		"help": sprintf("mount the volume %s with readOnly: true, or deliver the plugins by an image volume", [mount.volume]),
	}
}

findings contains finding if {
	some {"container": container, "mount": mount} in mounts
	mount.kind == "hostPath"
	finding := {
		"path": container.at,
		"message": sprintf("plugins of container %s in %s come from the node, where anybody may have put them", [
			container.name,
			mount.path,
		]),
		"evidence": evidence(container, mount),
		"notes": [sprintf("directory of the node: %s", [mount.hostPath])],
		"help": "deliver the plugins by an image volume",
	}
}

findings contains finding if {
	some {"container": container, "mount": mount} in mounts
	container.kind != "init"
	every profile in [container.profiles.seccomp, container.profiles.appArmor, container.profiles.seLinux] {
		not confines(profile)
	}
	finding := {
		"path": container.at,
		"message": sprintf("no profile confines container %s, which loads plugins from %s", [container.name, mount.path]),
		"severity": "warning",
		"evidence": evidence(container, mount),
		"notes": [],
		"help": "securityContext: { seccompProfile: { type: RuntimeDefault } }",
	}
}

findings contains lib.unknown(container.at, sprintf("the image volume in %s was not inspected", [mount.path])) if {
	some pod in input.workload.pods
	some container in pod.containers
	some mount in container.mounts
	mount.kind == "image"
	mount.plugins == null
	not holds_plugins(mount)
}

confines(profile) if {
	profile != null
	profile != "Unconfined"
}

evidence(container, mount) := [{
	"at": sprintf("%s.volumeMounts", [container.at]),
	"label": object.get({"hostPath": "hostPath", "image": "image volume"}, kind, "volume"),
	"value": sprintf("%s at %s", [mount.volume, mount.path]),
}] if {
	kind := kind_of(mount)
}

kind_of(mount) := mount.kind if {
	mount.kind != null
} else := ""
