// A control plane on go-control-plane: serves resources that are written as ProtoJSON over ADS, in the state of the world and with
// delta. Each line on standard input replaces what it serves:
//
//	{"version": "2", "listeners": [], "routes": [], "clusters": [{"name": "orders", "type": "EDS", …}], "endpoints": [], "secrets": []}
//
// It is for every node alike, or with "for": "NAME" for the nodes whose cluster has this name.
//
// Each request, with its ACK or NACK, is a JSON line on standard output.
//
//	controlplane -listen 127.0.0.1:18000 [-cert FILE -key FILE -ca FILE]
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	secret "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// lineBytesMax bounds one line on standard input.
const lineBytesMax = 64 << 20

// document is what one line holds.
type document struct {
	Version, For                                    string
	Listeners, Routes, Clusters, Endpoints, Secrets []json.RawMessage
}

// audiences are the clusters of nodes that have a document of their own; all others share the one for "".
type audiences struct{ known sync.Map }

func (a *audiences) ID(node *core.Node) string {
	if _, own := a.known.Load(node.GetCluster()); own {
		return node.GetCluster()
	}
	return ""
}

func read[M proto.Message](list []json.RawMessage, make func() M) ([]types.Resource, error) {
	var out []types.Resource
	for i, raw := range list {
		message := make()
		if err := protojson.Unmarshal(raw, message); err != nil {
			return nil, fmt.Errorf("%T %d: %w", message, i, err)
		}
		out = append(out, message)
	}
	return out, nil
}

func snapshot(d document) (*cache.Snapshot, error) {
	listeners, err := read(d.Listeners, func() *listener.Listener { return &listener.Listener{} })
	if err != nil {
		return nil, err
	}
	routes, err := read(d.Routes, func() *route.RouteConfiguration { return &route.RouteConfiguration{} })
	if err != nil {
		return nil, err
	}
	clusters, err := read(d.Clusters, func() *cluster.Cluster { return &cluster.Cluster{} })
	if err != nil {
		return nil, err
	}
	endpoints, err := read(d.Endpoints, func() *endpoint.ClusterLoadAssignment { return &endpoint.ClusterLoadAssignment{} })
	if err != nil {
		return nil, err
	}
	secrets, err := read(d.Secrets, func() *secret.Secret { return &secret.Secret{} })
	if err != nil {
		return nil, err
	}
	return cache.NewSnapshot(d.Version, map[resource.Type][]types.Resource{
		resource.ListenerType: listeners, resource.RouteType: routes, resource.ClusterType: clusters,
		resource.EndpointType: endpoints, resource.SecretType: secrets,
	})
}

var out sync.Mutex

func report(event string, fields map[string]any) {
	fields["event"], fields["ms"] = event, time.Now().UnixMilli()
	line, _ := json.Marshal(fields)
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(line))
}

func reportRequest(stream int64, node *core.Node, typeURL, version, nonce string, names int, detail string) {
	report("request", map[string]any{
		"stream": stream, "node": node.GetId(), "type": typeURL, "version": version, "nonce": nonce, "names": names, "nack": detail,
	})
}

func callbacks() server.CallbackFuncs {
	closed := func(id int64, _ *core.Node) { report("closed", map[string]any{"stream": id}) }
	opened := func(_ context.Context, id int64, _ string) error {
		report("opened", map[string]any{"stream": id})
		return nil
	}
	return server.CallbackFuncs{
		StreamOpenFunc: opened, StreamClosedFunc: closed,
		DeltaStreamOpenFunc: opened, DeltaStreamClosedFunc: closed,
		StreamRequestFunc: func(id int64, r *discovery.DiscoveryRequest) error {
			reportRequest(id, r.Node, r.TypeUrl, r.VersionInfo, r.ResponseNonce, len(r.ResourceNames), r.ErrorDetail.GetMessage())
			return nil
		},
		StreamDeltaRequestFunc: func(id int64, r *discovery.DeltaDiscoveryRequest) error {
			reportRequest(id, r.Node, r.TypeUrl, "", r.ResponseNonce, len(r.ResourceNamesSubscribe), r.ErrorDetail.GetMessage())
			return nil
		},
	}
}

func serverOptions(certFile, keyFile, caFile string) ([]grpc.ServerOption, error) {
	if certFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(pem)
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))}, nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:18000", "where ADS is served")
	cert := flag.String("cert", "", "certificate")
	key := flag.String("key", "", "private key")
	ca := flag.String("ca", "", "authorities of the certificates of clients, which are then required")
	flag.Parse()
	nodes := &audiences{}
	snapshots := cache.NewSnapshotCache(true, nodes, nil)
	options, err := serverOptions(*cert, *key, *ca)
	if err != nil {
		log.Fatal(err)
	}
	grpcServer := grpc.NewServer(options...)
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(context.Background(), snapshots, callbacks()))
	go serveLines(snapshots, nodes)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-stop; grpcServer.Stop() }()
	socket, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	report("listens", map[string]any{"address": socket.Addr().String()})
	if err := grpcServer.Serve(socket); err != nil {
		log.Fatal(err)
	}
}

// serveLines serves what each line on standard input says, and ends the process with it.
func serveLines(snapshots cache.SnapshotCache, nodes *audiences) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineBytesMax)
	for lines.Scan() {
		version, err := serve(snapshots, nodes, lines.Bytes())
		if err != nil {
			report("refused", map[string]any{"error": err.Error()})
			continue
		}
		report("serves", map[string]any{"version": version})
	}
	os.Exit(0)
}

func serve(snapshots cache.SnapshotCache, nodes *audiences, line []byte) (string, error) {
	var d document
	if err := json.Unmarshal(line, &d); err != nil {
		return "", err
	}
	s, err := snapshot(d)
	if err != nil {
		return "", err
	}
	if d.For != "" {
		nodes.known.Store(d.For, true)
	}
	return d.Version, snapshots.SetSnapshot(context.Background(), d.For, s)
}
