// Resolves a host name and a user name, by whichever resolver it was linked with.
package main

import (
	"encoding/json"
	"net"
	"os"
	"os/user"
)

type answer struct {
	Addresses []string `json:"addresses"`
	HostError string   `json:"hostError"`
	UserID    string   `json:"userId"`
	UserError string   `json:"userError"`
}

func main() {
	hostName, userName := "localhost", "root"
	if len(os.Args) > 1 {
		hostName = os.Args[1]
	}
	if len(os.Args) > 2 {
		userName = os.Args[2]
	}
	var result answer
	addresses, err := net.LookupHost(hostName)
	result.Addresses = addresses
	if err != nil {
		result.HostError = err.Error()
	}
	found, err := user.Lookup(userName)
	if err != nil {
		result.UserError = err.Error()
	} else {
		result.UserID = found.Uid
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}
