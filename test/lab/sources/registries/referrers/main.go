// Command referrers serves go-containerregistry's registry, with the referrers API of OCI distribution 1.1, on a free port of
// loopback. Its one line of output is the address. An argument as 40ms is how long it takes before it answers a GET, as a
// registry on a network does.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	delay := time.Duration(0)
	if len(os.Args) > 1 {
		if delay, err = time.ParseDuration(os.Args[1]); err != nil {
			log.Fatal(err)
		}
	}
	quiet := log.New(io.Discard, "", 0)
	served := registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet))
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodGet {
			time.Sleep(delay)
		}
		served.ServeHTTP(writer, request)
	})))
}
