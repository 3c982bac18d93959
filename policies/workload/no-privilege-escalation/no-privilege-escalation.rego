# METADATA
# title: containers cannot gain privileges
# description: |
#   Detects containers whose `allowPrivilegeEscalation` is not `false`: the kernel's no_new_privs flag stays off, and a
#   set-user-ID program of the image gives more rights than the container was started with.
#
#   A plugin runs with all the rights of its host. What a hostile one can start from there is bounded by this flag only.
#
#   Set `securityContext.allowPrivilegeEscalation: false` on the container. A privileged container, or one with the
#   capability SYS_ADMIN, cannot have it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#     description: Pod Security Standards, restricted
#   - ref: https://docs.kernel.org/userspace-api/no_new_privs.html
#     description: no_new_privs
# custom:
#   severity: error
#   facts: [workload.pods]
#   sets: [strict, marketplace]
package elfgate.rules.workload["no-privilege-escalation"]

findings contains finding if {
	some pod in input.workload.pods
	some container in pod.containers
	container.allowPrivilegeEscalation != false
	finding := {
		"path": container.at,
		"message": sprintf("container %s can gain privileges: allowPrivilegeEscalation is %s", [
			container.name,
			stated(container.allowPrivilegeEscalation),
		]),
		"evidence": [{
			"at": sprintf("%s.securityContext.allowPrivilegeEscalation", [container.at]),
			"label": "container",
			"value": stated(container.allowPrivilegeEscalation),
		}],
		"notes": notes(container),
		"help": "securityContext: { allowPrivilegeEscalation: false }",
	}
}

stated(null) := "not set, which is true"

stated(true) := "true"

notes(container) := ["privileged: true has to go first"] if {
	container.privileged == true
} else := ["the capability SYS_ADMIN has to go first"] if {
	some capability in container.capabilities
	capability in {"SYS_ADMIN", "CAP_SYS_ADMIN"}
} else := []
