// A gRPC server that streams load reports (xds.service.orca.v3.OpenRcaService). Its argument is the utilization that it reports. It
// writes its address, and ends gracefully on SIGTERM: no stream may be left by then.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/orca"
)

func main() {
	utilization, err := strconv.ParseFloat(os.Args[1], 64)
	if err != nil {
		log.Fatal(err)
	}
	metrics := orca.NewServerMetricsRecorder()
	metrics.SetApplicationUtilization(utilization)
	metrics.SetQPS(200)
	metrics.SetEPS(2)
	server := grpc.NewServer()
	if err := orca.Register(server, orca.ServiceOptions{ServerMetricsProvider: metrics}); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		server.GracefulStop()
	}()
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
