// Command notation signs and verifies images with the Notary Project's own library: the notation program itself cannot
// be built from its module.
//
//	notation sign REFERENCE KEY CERTIFICATES EXPIRY
//	notation verify REFERENCE CONFIGURATION
//
// REFERENCE has a digest; EXPIRY is a duration, 0 for none; CONFIGURATION holds trustpolicy.json and truststore/.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/registry"
	"github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/notation-go/verifier"
	"oras.land/oras-go/v2/registry/remote"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 3 {
		return errors.New("sign or verify, and a reference")
	}
	remoteRepository, err := remote.NewRepository(args[1])
	if err != nil {
		return err
	}
	remoteRepository.PlainHTTP = true
	repository := registry.NewRepository(remoteRepository)
	switch {
	case args[0] == "sign" && len(args) == 5:
		expiry, err := time.ParseDuration(args[4])
		if err != nil {
			return err
		}
		local, err := signer.NewGenericSignerFromFiles(args[2], args[3])
		if err != nil {
			return err
		}
		_, err = notation.Sign(ctx, local, repository, notation.SignOptions{
			ArtifactReference: args[1],
			SignerSignOptions: notation.SignerSignOptions{
				SignatureMediaType: "application/jose+json",
				ExpiryDuration:     expiry,
			},
		})
		return err
	case args[0] == "verify":
		dir.UserConfigDir = args[2]
		configured, err := verifier.NewFromConfig()
		if err != nil {
			return err
		}
		_, _, err = notation.Verify(ctx, configured, repository, notation.VerifyOptions{
			ArtifactReference:    args[1],
			MaxSignatureAttempts: 10,
		})
		return err
	}
	return errors.New("sign REFERENCE KEY CERTIFICATES EXPIRY, or verify REFERENCE CONFIGURATION")
}
