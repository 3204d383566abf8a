// What this build of Jaeger contains: OTLP in, traces in memory, the query API, and the parts of an OpenTelemetry Collector that
// docker/otel-collector.yaml configures. The whole of Jaeger takes 11 minutes of CPU to build, most of it for databases that no
// test uses; this takes a fifth of that.
package internal

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckv2extension"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"

	"github.com/jaegertracing/jaeger/cmd/jaeger/internal/exporters/storageexporter"
	"github.com/jaegertracing/jaeger/cmd/jaeger/internal/extension/jaegerquery"
	"github.com/jaegertracing/jaeger/cmd/jaeger/internal/extension/jaegerstorage"
)

// Components lists what this build of Jaeger contains.
func Components() (otelcol.Factories, error) {
	return otelcol.Factories{
		Telemetry:  otelconftelemetry.NewFactory(),
		Receivers:  byType[receiver.Factory](otlpreceiver.NewFactory()),
		Processors: byType[processor.Factory](batchprocessor.NewFactory(), memorylimiterprocessor.NewFactory()),
		Exporters:  byType[exporter.Factory](storageexporter.NewFactory(), otlpexporter.NewFactory(), otlphttpexporter.NewFactory(), debugexporter.NewFactory()),
		Extensions: byType[extension.Factory](jaegerstorage.NewFactory(), jaegerquery.NewFactory(), healthcheckv2extension.NewFactory()),
	}, nil
}

func byType[F component.Factory](factories ...F) map[component.Type]F {
	all := make(map[component.Type]F, len(factories))
	for _, factory := range factories {
		all[factory.Type()] = factory
	}
	return all
}
