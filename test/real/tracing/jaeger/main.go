// Jaeger 2 without its databases; see components.go.
package main

import (
	"log"

	"github.com/jaegertracing/jaeger/cmd/jaeger/internal"
)

func main() {
	if err := internal.Command().Execute(); err != nil {
		log.Fatal(err)
	}
}
