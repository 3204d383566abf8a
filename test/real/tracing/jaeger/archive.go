// Package storage holds what the query service's options refer to; the back ends that fill it in are not part of this build.
package storage

import "github.com/jaegertracing/jaeger/internal/storage/v1/api/spanstore"

// ArchiveStorage is where a user archives traces.
type ArchiveStorage struct {
	Reader spanstore.Reader
	Writer spanstore.Writer
}
