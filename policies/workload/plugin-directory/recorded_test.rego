# Facts of real binaries, written by test/policies/record-facts.ts.
package elfgate.recorded.workload["plugin-directory"]

violating := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "gateway-open.yaml",
			"digest": null,
		},
		"image": null,
		"launch": null,
		"root": null,
		"binaries": [],
		"predictions": {
			"plugins": [],
			"sequences": [],
			"hosts": [],
			"globalScope": [],
			"linkage": [],
			"cycles": [],
			"interposed": [],
			"nameServices": [],
		},
		"workload": {
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"namespace": "shop",
			"name": "gateway",
			"operation": null,
			"pods": [
				{
					"at": "spec.template",
					"hostUsers": null,
					"containers": [
						{
							"at": "spec.template.spec.initContainers[0]",
							"kind": "init",
							"name": "fetch",
							"image": "registry.example.com/audit:1",
							"hosts": 0,
							"allowPrivilegeEscalation": null,
							"privileged": null,
							"capabilities": [],
							"readOnlyRoot": null,
							"profiles": {
								"seccomp": null,
								"appArmor": null,
								"seLinux": null,
							},
							"mounts": [
								{
									"volume": "shared",
									"path": "/plugins",
									"readOnly": false,
									"kind": "emptyDir",
									"hostPath": null,
									"plugins": null,
								},
							],
						},
						{
							"at": "spec.template.spec.containers[0]",
							"kind": "main",
							"name": "gateway",
							"image": "registry.example.com/gateway:1",
							"hosts": 1,
							"allowPrivilegeEscalation": true,
							"privileged": null,
							"capabilities": [],
							"readOnlyRoot": null,
							"profiles": {
								"seccomp": null,
								"appArmor": null,
								"seLinux": null,
							},
							"mounts": [
								{
									"volume": "shared",
									"path": "/plugins",
									"readOnly": false,
									"kind": "emptyDir",
									"hostPath": null,
									"plugins": null,
								},
								{
									"volume": "node",
									"path": "/opt/plugins",
									"readOnly": true,
									"kind": "hostPath",
									"hostPath": "/opt/plugins",
									"plugins": null,
								},
							],
						},
					],
				},
			],
			"traffic": null,
			"sources": [],
		},
		"trust": null,
		"problems": [],
	},
]

passing := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "gateway-confined.yaml",
			"digest": null,
		},
		"image": null,
		"launch": null,
		"root": null,
		"binaries": [],
		"predictions": {
			"plugins": [],
			"sequences": [],
			"hosts": [],
			"globalScope": [],
			"linkage": [],
			"cycles": [],
			"interposed": [],
			"nameServices": [],
		},
		"workload": {
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"namespace": "shop",
			"name": "gateway",
			"operation": null,
			"pods": [
				{
					"at": "spec.template",
					"hostUsers": false,
					"containers": [
						{
							"at": "spec.template.spec.containers[0]",
							"kind": "main",
							"name": "gateway",
							"image": "registry.example.com/gateway:1",
							"hosts": 1,
							"allowPrivilegeEscalation": false,
							"privileged": null,
							"capabilities": [],
							"readOnlyRoot": null,
							"profiles": {
								"seccomp": "RuntimeDefault",
								"appArmor": null,
								"seLinux": null,
							},
							"mounts": [
								{
									"volume": "plugins",
									"path": "/extensions",
									"readOnly": true,
									"kind": "image",
									"hostPath": null,
									"plugins": 1,
								},
							],
						},
					],
				},
			],
			"traffic": null,
			"sources": [],
		},
		"trust": null,
		"problems": [],
	},
]

unknown := [
	{
		"schemaVersion": "elfgate.dev/facts/v1",
		"subject": {
			"kind": "workload",
			"name": "gateway-uninspected.yaml",
			"digest": null,
		},
		"image": null,
		"launch": null,
		"root": null,
		"binaries": [],
		"predictions": {
			"plugins": [],
			"sequences": [],
			"hosts": [],
			"globalScope": [],
			"linkage": [],
			"cycles": [],
			"interposed": [],
			"nameServices": [],
		},
		"workload": {
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"namespace": "shop",
			"name": "gateway",
			"operation": null,
			"pods": [
				{
					"at": "spec.template",
					"hostUsers": null,
					"containers": [
						{
							"at": "spec.template.spec.containers[0]",
							"kind": "main",
							"name": "gateway",
							"image": "registry.example.com/gateway:1",
							"hosts": null,
							"allowPrivilegeEscalation": false,
							"privileged": null,
							"capabilities": [],
							"readOnlyRoot": null,
							"profiles": {
								"seccomp": "RuntimeDefault",
								"appArmor": null,
								"seLinux": null,
							},
							"mounts": [
								{
									"volume": "plugins",
									"path": "/extensions",
									"readOnly": true,
									"kind": "image",
									"hostPath": null,
									"plugins": null,
								},
							],
						},
					],
				},
			],
			"traffic": null,
			"sources": [],
		},
		"trust": null,
		"problems": [],
	},
]
