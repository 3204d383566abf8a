// The storage extension of Jaeger with its memory store alone.
package jaegerstorage

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/extension"

	"github.com/jaegertracing/jaeger/internal/storage/v1"
	memoryconfig "github.com/jaegertracing/jaeger/internal/storage/v1/memory"
	"github.com/jaegertracing/jaeger/internal/storage/v2/api/tracestore"
	"github.com/jaegertracing/jaeger/internal/storage/v2/memory"
	"github.com/jaegertracing/jaeger/internal/telemetry"
)

// Extension is what the query service and the exporter ask for a store.
type Extension interface {
	extension.Extension
	TraceStorageFactory(name string) (tracestore.Factory, bool)
}

// Config names the stores.
type Config struct {
	TraceBackends map[string]TraceBackend `mapstructure:"backends"`
}

// TraceBackend is one store.
type TraceBackend struct {
	Memory *memoryconfig.Configuration `mapstructure:"memory"`
}

func (cfg *TraceBackend) Unmarshal(conf *confmap.Conf) error {
	cfg.Memory = &memoryconfig.Configuration{MaxTraces: 1_000_000}
	return conf.Unmarshal(cfg)
}

type storageExt struct {
	config    *Config
	telset    component.TelemetrySettings
	factories map[string]tracestore.Factory
}

func newStorageExt(cfg *Config, telset component.TelemetrySettings) *storageExt {
	return &storageExt{config: cfg, telset: telset, factories: map[string]tracestore.Factory{}}
}

func (s *storageExt) Start(_ context.Context, host component.Host) error {
	telset := telemetry.FromOtelComponent(s.telset, host)
	for name, backend := range s.config.TraceBackends {
		factory, err := memory.NewFactory(*backend.Memory, telset)
		if err != nil {
			return fmt.Errorf("failed to initialize storage '%s': %w", name, err)
		}
		s.factories[name] = factory
	}
	return nil
}

func (*storageExt) Shutdown(context.Context) error { return nil }

func (s *storageExt) TraceStorageFactory(name string) (tracestore.Factory, bool) {
	factory, ok := s.factories[name]
	return factory, ok
}

// GetTraceStoreFactory returns the store of this name.
func GetTraceStoreFactory(name string, host component.Host) (tracestore.Factory, error) {
	for id, ext := range host.GetExtensions() {
		if id.Type() != componentType {
			continue
		}
		if factory, ok := ext.(Extension).TraceStorageFactory(name); ok {
			return factory, nil
		}
	}
	return nil, fmt.Errorf("cannot find definition of storage '%s' in the configuration for extension '%s'", name, componentType)
}

// GetMetricStorageFactory fails: this build has no store of metrics.
func GetMetricStorageFactory(string, component.Host) (storage.MetricStoreFactory, error) {
	return nil, errors.New("this build of Jaeger has no store of metrics")
}
