# METADATA
# title: traffic moves to another version in steps
# description: |
#   Detects a change of an Istio VirtualService or a Gateway API HTTPRoute that gives a backend more requests than the next
#   step allows: with the steps 5, 20 and 100, a version without requests may get 5 %, one with 5 % may get 20 %, and so on.
#
#   A plugin that fails takes down its host, and with it every request that was sent there. A skipped step is a step whose
#   measurements nobody has seen.
#
#   Apply the steps one after the other. Backends of the parameter `stable` may take everything at once, so that going back
#   is always possible.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRouteDestination
#     description: weights of a VirtualService
#   - ref: https://gateway-api.sigs.k8s.io/guides/traffic-splitting/
#     description: weights of an HTTPRoute
# custom:
#   severity: error
#   facts: [workload.traffic]
#   sets: [strict, marketplace]
#   params:
#     steps:
#       description: percentages that a backend passes, in rising order
#       type: array
#       items:
#         type: number
#       default: [5, 20, 100]
#     stable:
#       description: backends that may take any share at once, as reviews/stable or, in a VirtualService, HOST/SUBSET
#       type: array
#       items:
#         type: string
#       default: []
package elfgate.rules.delivery["canary-steps"]

import data.elfgate.lib

parameters := data.elfgate.parameters.delivery["canary-steps"]

findings contains finding if {
	before := input.workload.traffic.before
	before != null
	some route in input.workload.traffic.after
	some backend in route.backends
	not backend.name in parameters.stable
	share := share_before(before, route.at, backend.name)
	next := min({100} | {step | some step in parameters.steps; step > share})
	backend.percent > share
	backend.percent > next
	finding := {
		"path": route.at,
		"message": sprintf("%s goes from %v %% to %v %% of the requests; the next step is %v %%", [
			backend.name,
			share,
			backend.percent,
			next,
		]),
		"evidence": [
			{"at": route.at, "label": "before", "value": sprintf("%s: %v %%", [backend.name, share])},
			{"at": route.at, "label": "after", "value": sprintf("%s: %v %%", [backend.name, backend.percent])},
		],
		"notes": [sprintf("steps: %s", [concat(", ", [sprintf("%v %%", [step]) | some step in parameters.steps])])],
		"help": sprintf("give %s %v %%, and more when its measurements are good", [backend.name, next]),
	}
}

findings contains lib.unknown(route.at, "it is not known how requests were shared before") if {
	input.workload.operation != "create"
	input.workload.traffic.before == null
	some route in input.workload.traffic.after
}

# A route that is new takes over what its backends had elsewhere.
share_before(before, at, name) := max({0} | {backend.percent |
	some route in routes_to_compare(before, at)
	some backend in route.backends
	backend.name == name
})

routes_to_compare(before, at) := [route] if {
	some route in before
	route.at == at
} else := before
